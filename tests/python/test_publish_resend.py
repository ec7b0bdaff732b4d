"""The exact bytes of an earlier package go out once more, by a person's decision."""

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest
from order_project import DAY, MONDAY, OrderProject, night, order
from sample_project import SampleProject

BECAUSE = ("--because", "their disk died")


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    """Two nights were delivered; the second has other stock."""
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_OPERATOR": "ann", "FEEDS_ACCEPT_FIRST": 1}
    project.quick()
    assert project.publish()["files"][0]["status"] == "delivered"
    next_night(project, 11)
    return project


def next_night(project: SampleProject, quantity: int) -> None:
    project.later(24 * 60)
    stock = {"updated_at": f"{project.at[:10]} 06:00:00", "qty_on_hand": quantity}
    project.each(lambda row: row.update(stock))
    project.write()
    (file,) = project.publish()["files"]
    assert file["status"] == "delivered", file


def verify(project: SampleProject) -> None:
    package = project.packages()[-1]
    done = project.run(
        "python", package / "verify.py", package.parent,
        "--ledger", project.ledger_file,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_file_that_the_partner_has_goes_out_again(project: SampleProject) -> None:
    package = project.packages()[-1]
    resend = ("publish", "resend", package.name, *BECAUSE)
    before = project.ledger_file.read_bytes()
    dry = project.run_json(*resend, "--dry-run")
    assert dry["resend_of"]["step_back"] is False
    assert project.ledger_file.read_bytes() == before

    for path in project.partner.iterdir():
        path.unlink()
    done = project.run(*resend)
    assert done.returncode == 0, done.stderr
    first, last = project.records("delivered")[1:]
    names = ("run_id", "name", "sha256", "package", "state", "logical", "period")
    assert [first[name] for name in names] == [last[name] for name in names]
    assert last["resend_of"]["because"] == BECAUSE[1]
    sent = project.partner / last["name"]
    assert sent.read_bytes() == (package / last["name"]).read_bytes()
    assert (
        json.loads((package / "receipt.json").read_bytes())["attempt"]
        == (last["attempt"])
    )
    verify(project)

    (package / last["name"]).write_bytes(b"x")
    refused = project.run(*resend)
    assert (refused.returncode, "gone or changed" in refused.stderr) == (1, True)


def test_a_step_back_is_asked_for_and_the_next_run_starts_from_it(
    project: SampleProject,
) -> None:
    old = project.packages()[0]
    resend = ("publish", "resend", f"onpart_inventory/{old.name}", *BECAUSE)
    refused = project.run(*resend)
    assert refused.returncode == 1
    assert "--step-back sends it" in refused.stderr, refused.stderr
    done = project.run(*resend, "--step-back")
    assert "a step back from" in done.stdout, done.stderr
    first, _, last = project.records("delivered")
    assert last["resend_of"]["step_back"] is True
    assert last["sha256"] == first["sha256"]
    assert dt.datetime.fromisoformat(last["logical"]) > dt.datetime(
        2026, 2, 1, tzinfo=dt.UTC
    )

    project.later(365 * 24 * 60)
    next_night(project, 11)
    package = project.packages()[-1]
    manifest = json.loads(next(package.glob("*.manifest.json")).read_bytes())
    assert manifest["run"]["changes"]["against"] == {
        "package": first["package"], "state": last["state"]["sha256"],
    }  # fmt: skip
    assert (
        manifest["run"]["previous_package"]
        == project.records("delivered")[1]["package"]
    )
    verify(project)


def test_a_step_back_keeps_the_last_value_of_every_part(project: SampleProject) -> None:
    """Part 100-00000 is sold out, and part `new` is not in the older file."""
    project.rows[0]["supplier_sku"] = "new"
    project.rows[0]["sell_price"] = "9.50"
    next_night(project, 12)
    old = project.packages()[0]
    resend = ("publish", "resend", f"onpart_inventory/{old.name}", *BECAUSE)
    assert project.run(*resend, "--step-back").returncode == 0
    rows = state_of(project)
    assert rows["new"] == ("9.50", True)
    assert rows["100-00000"] == ("231.00", False)
    assert len(rows) == 41


def state_of(project: SampleProject) -> dict[str, tuple[str, bool]]:
    """Return by SKU the price in the newest state, and whether the row is former."""
    state = project.records("delivered")[-1]["state"]
    path = project.data / "delivered" / state["model"] / f"{state['sha256']}.parquet"
    rows = duckdb.sql(
        f"select supplier_sku, sell_price::varchar, _is_former from '{path}'"
    ).fetchall()
    return {sku: (price, is_former) for sku, price, is_former in rows}


def test_what_cannot_go_out_again_is_refused(project: SampleProject) -> None:
    package = project.packages()[-1]
    resend = ("publish", "resend", package.name, *BECAUSE)
    before = project.ledger_file.read_bytes()
    # The feed goes to another partner now.
    project.meta["destination"] = "orders"
    project.variables |= {"DEST_ORDERS_URL": project.partner.as_uri()}
    project.write()
    refused = project.run(*resend)
    assert (refused.returncode, "goes to orders now" in refused.stderr) == (1, True)
    project.meta["destination"] = "onpart"
    project.write()
    # The rows that the partner has are gone.
    state = project.records("delivered")[-1]["state"]["sha256"]
    (path,) = project.data.glob(f"delivered/*/{state}.parquet")
    path.rename(project.folder / "state")
    refused = project.run(*resend)
    assert refused.returncode == 1
    assert f"expected {path}, the rows that the partner has" in refused.stderr
    assert project.ledger_file.read_bytes() == before


def test_a_delta_keeps_the_order_of_files(order_project: OrderProject) -> None:
    project = order_project
    project.write_artifacts()
    tuesday = MONDAY + DAY
    assert night(project, MONDAY, order(1, "A"))["delta"] == "delivered"
    assert night(project, tuesday, order(1, "B"))["delta"] == "delivered"
    old, new = project.packages("order_feed_delta_file.4218")
    file = "order_feed_delta_file.4218"
    step_back = ("publish", "resend", old.name, file, "--step-back", *BECAUSE)
    refused = project.run(*step_back)
    assert refused.returncode == 1, refused.stdout
    assert "`publish order_feed_full_file --again" in refused.stderr, refused.stderr
    for path in project.partner.iterdir():
        path.unlink()
    done = project.run(
        "publish", "resend", new.name, file, *BECAUSE, FEEDS_ENVIRONMENT="uat"
    )
    assert done.returncode == 0, done.stderr
    (sent,) = project.partner.glob("*.csv")
    assert sent.read_bytes() == (new / sent.name).read_bytes()
    # The state is as before: nothing changed, and nothing is sent.
    assert night(project, tuesday + DAY, order(1, "B"))["delta"] == "skipped"
