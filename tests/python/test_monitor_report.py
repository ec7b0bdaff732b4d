"""`monitor report`: pages show what the packages have, and change only with them."""

import json
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from built_project import BuiltProject, Report, read_audit, write_audit
from delivered_project import DeliveredProject
from package_reader import packages_of_before

from monitor.report import changes, html, plots, preview, reasons, steps
from monitor.report.preview import shares
from monitor.report.trends import Point, Series
from runtime import duck
from runtime.environment import DataDirectory, Limits
from runtime.files import parse_time
from store.package import Package


def test_every_package_has_a_page_and_the_index_links_it(reported: Report) -> None:
    every = {
        f"{each.file}/{each.run_id}" for each in reported.project.recorded_packages()
    }
    assert {f"{page.parent.name}/{page.stem}" for page in reported.pages} == every
    index = (reported.out / "index.html").read_text()
    for name in every:
        assert f'href="{name}.html"' in index
        assert (reported.out / f"{name}.html").stat().st_size < 3_000_000


def test_a_page_is_written_again_only_if_its_data_changed(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    def report(*words: object) -> list[dict[str, Any]]:
        ran = built_copy.run(
            "monitor", "report", "--out", tmp_path / "out", "--json", *words
        )
        assert ran.returncode == 0, ran.stderr
        pages: list[dict[str, Any]] = json.loads(ran.stdout)["pages"]
        return pages

    assert report()
    assert report() == []
    package = next(each for each in built_copy.recorded_packages() if each.receipt)
    receipt = package.folder / "receipt.json"
    receipt.write_text(json.dumps({**package.receipt, "greeting": "220 changed"}))
    assert [page["run_id"] for page in report()] == [package.run_id]
    assert "220 changed" in Path(
        report("--run", package.run_id)[0]["path"]
    ).read_text("utf-8")  # fmt: skip


def test_a_page_is_written_again_when_its_tables_are_removed(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    """It links to no file that is not there, and says what is gone."""
    out = tmp_path / "out"
    assert built_copy.run("monitor", "report", "--out", out).returncode == 0
    package = built_copy.newest_package("onpart_inventory")
    page = out / package.file / f"{package.run_id}.html"
    assert 'audit.csv"' in page.read_text()
    for name in ("audit.csv", "gates.html"):
        (package.folder / name).unlink()
    (package.folder / "pruned.json").write_text("{}")
    assert built_copy.run("monitor", "report", "--out", out).returncode == 0
    text = page.read_text()
    assert "were removed" in text
    links = {unquote(link) for link in re.findall('href="([^"#:]+)"', text)}
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
    written = page.stat().st_mtime_ns
    assert built_copy.run("monitor", "report", "--out", out).returncode == 0
    assert page.stat().st_mtime_ns == written


def test_dbts_static_documentation_is_linked(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    first = built_copy.report(tmp_path / "out")
    page = first.page(built_copy.newest_package("onpart_inventory"))
    assert "dbt docs generate --static</code>" in page.read_text()
    (built_copy.folder / "target" / "static_index.html").write_text("<p>docs")
    built_copy.report(tmp_path / "out")
    for each in (page, tmp_path / "out" / "index.html"):
        (link,) = re.findall('href="([^"]*static_index.html)"', each.read_text())
        assert (each.parent / unquote(link)).read_text() == "<p>docs"


def test_a_row_shows_its_key_in_the_order_of_the_exposure(
    reported: Report,
) -> None:
    """The manifest has its fields in alphabetical order."""
    values = {"location_code": "EAST", "supplier_code": "DEMO01", "supplier_sku": None}
    package = reported.project.newest_package("onpart_inventory")
    assert changes.named(package, values) == "DEMO01 / EAST / "


def test_the_page_names_values_that_many_programs_misread(reported: Report) -> None:
    shown = 0
    for package in reported.project.recorded_packages():
        text = unescape(reported.page(package).read_text("utf-8"))
        assert ("No value of a kind" in text) == (package.resource["risks"] == {})
        for risk in package.resource["risks"].values():
            first = risk["first"]["key"]
            key = " / ".join(first[each] for each in key_of(package) if first[each])
            cells = (f"{risk['values']:,}", key, f"<code>{risk['first']['column']}")
            row = ".*".join(map(re.escape, cells))
            assert re.search(row, text)
            shown += 1
        for link in re.findall('href="([^"]*reading.md)#', text):
            assert (reported.page(package).parent / unquote(link)).exists()
    assert shown


def key_of(package: Package) -> list[str]:
    columns: list[str] = package.resource["key"]
    return columns


def test_an_earlier_package_does_not_say_what_is_misread(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    package = built_copy.newest_package("onpart_inventory")
    (manifest,) = package.folder.glob("*.manifest.json")
    content = json.loads(manifest.read_text())
    del content["resources"][0]["risks"]
    manifest.write_text(json.dumps(content))
    report = built_copy.report(tmp_path / "out")
    page = report.page(built_copy.newest_package("onpart_inventory"))
    assert "An earlier version made this package" in page.read_text()


def test_every_step_has_its_seconds(reported: Report) -> None:
    for package in reported.project.recorded_packages():
        seconds = package.records[-1]["seconds"]
        dbt = package.run["dbt"]
        built = parse_time(dbt["built_at"]) - parse_time(dbt["started_at"])
        text = reported.page(package).read_text("utf-8")
        shows = re.findall('class="seconds">([^<]+)<', text)
        assert shows[1:4] == [
            steps.seconds_text(each)
            for each in (built.total_seconds(), seconds["render"], seconds["judge"])
        ]
        sent = package.outcome == "delivered"
        assert shows[4] == (
            steps.seconds_text(seconds["deliver"]) if sent else "not done"
        )
        assert f"its package: {steps.seconds_text(seconds['package'])}" in text


def test_an_old_package_has_the_seconds_that_were_recorded(tmp_path: Path) -> None:
    """Its manifest has no times of the extract: extract.json has them."""
    packages_of_before(tmp_path)
    (folder, _) = sorted(tmp_path.glob("inventory/outbox/*/*"))
    package, place = Package(folder), DataDirectory("dev", tmp_path / "data")
    took = steps.durations(package, place)
    assert (took.extract, took.build) == (None, 1.0)
    (entity,) = package.run["inputs"]
    landed = place.landing / entity["run_id"] / entity["source"]
    landed.mkdir(parents=True)
    (landed / "extract.json").write_text('{"seconds": 2.5}')
    assert steps.durations(package, place).extract == 2.5


def test_a_held_file_has_no_seconds_of_a_delivery(
    reported: Report,
) -> None:
    held = next(
        each for each in reported.project.recorded_packages() if each.outcome == "held"
    )
    text = reported.page(held).read_text("utf-8")
    assert re.findall('class="seconds">([^<]+)<', text)[4] == "not done"


def test_old_ledger_records_without_seconds_are_shown_as_such(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    records = built_copy.records()
    for record in records:
        record.pop("seconds", None)
    built_copy.write_ledger(*records)
    package = next(
        each for each in built_copy.recorded_packages() if each.outcome == "delivered"
    )
    sent = next(r for r in package.records if r["event"] == "delivered")
    text = built_copy.report(tmp_path / "out").page(package).read_text("utf-8")
    shows = re.findall('class="seconds">([^<]+)<', text)
    begun = next(r for r in package.records if r["event"] == "intent")
    took = parse_time(sent["at"]) - parse_time(begun["at"])
    assert shows[2:] == [
        *["seconds not recorded"] * 2, steps.seconds_text(took.total_seconds())
    ]  # fmt: skip
    assert "its package:" not in text


def test_an_unknown_run_is_refused_and_the_newest_runs_are_listed(
    built: BuiltProject, tmp_path: Path
) -> None:
    ran = built.run("monitor", "report", "--out", tmp_path, "--run", "2019")
    assert ran.returncode == 1
    assert built.recorded_packages()[-1].run_id in ran.stderr


def test_the_index_says_if_nothing_was_published(tmp_path: Path) -> None:
    empty = BuiltProject(tmp_path)
    ran = empty.run("monitor", "report", "--json")
    assert ran.returncode == 0, ran.stderr
    index = Path(json.loads(ran.stdout)["index"])
    assert "Nothing was published yet" in index.read_text()


def test_the_index_says_what_waits_for_whom_and_links_it(
    delivered: DeliveredProject, tmp_path: Path
) -> None:
    """Two runs wait: one for an approval, one for the partner's answer."""
    project = delivered.copy(tmp_path / "project")
    *_, sent = project.records()
    lost = {k: v for k, v in sent.items() if k != "receipt"} | {"attempt": "lost"}
    lost |= {"run_id": "20260115T080000Z-00000000", "at": "2026-01-15T08:00:00Z"}
    project.write_ledger(
        *project.records(),
        {**lost, "event": "intent", "items": [], "folder": "/"},
        {**lost, "event": "unknown", "why": "426 gone"},
        {
            **{k: sent[k] for k in ("feed", "file", "name", "sha256", "rows")},
            **{"event": "held", "at": "2026-01-15T08:30:00Z", "run_id": "later"},
            **{"checks": ["RUN_ROW_DROP"], "hard": [], "reasons": []},
        },
        {
            **{k: sent[k] for k in ("feed", "destination", "split", "sha256")},
            **{"event": "nothing", "file": sent["file"], "because": "same bytes"},
            **{"at": "2026-01-15T08:40:00Z", "logical": "2026-01-15T08:40:00Z"},
            "period": "2026-01-15T06:00:00Z",
        },
        {
            **{k: sent[k] for k in ("feed", "name", "sha256", "rows")},
            **{"event": "held", "at": "2026-01-15T08:50:00Z", "run_id": "latest"},
            **{"file": sent["file"], "checks": ["RUN_ROW_DROP"], "hard": []},
            "reasons": [],
        },
    )
    assert project.run("monitor", "report", "--out", tmp_path / "out").returncode == 0
    ran = project.run("monitor", "health", "--json")
    health = json.loads(ran.stdout)
    index = (tmp_path / "out/index.html").read_text()
    heading = re.search("<h1>(.*?)</h1>", index)
    assert heading
    assert health["status"] in heading[1]
    waiting = index.partition("What waits</h2>")[2].partition("</section>")[0]
    text = unescape(re.sub("<[^>]*>", "", waiting))
    urgent = [each for each in health["findings"] if each["severity"] != "note"]
    assert {"FILE_HELD", "DELIVERY_UNKNOWN"} <= {each["id"] for each in urgent}
    assert waiting.count('<th scope="row"') == len(urgent)
    for finding in urgent:
        assert finding["about"] in text
        assert finding["do"].replace("`", "") in text
    rows = re.findall(r'<tr role="row"><th scope="row".*?</tr>', waiting)
    (unknown,) = [row for row in rows if "426 gone" in row]
    assert "partner <span" in unknown
    (held,) = [row for row in rows if "is held" in row]
    assert "operator <span" in held
    page = f"{sent['file']}/{sent['run_id']}.html"
    assert f'href="{page}"' in held
    partners = index.partition("What partners have</h2>")[2].partition("</section>")[0]
    assert partners.count(f'href="{page}"') == 2  # of the newest run, of the delivery
    assert ">onpart<" in partners
    newest = index.partition("nothing to send</span>")[2].partition("</tr>")[0]
    assert f'href="{page}"' in newest
    assert "All times are UTC" in index


def test_the_index_has_runs_of_a_clock_that_was_ahead_where_they_were(
    delivered: DeliveredProject, tmp_path: Path
) -> None:
    """With a package, with one that was removed, and without one."""
    project = delivered.copy(tmp_path / "project")
    days = (27, 25, 26)
    whole, removed, nothing = (f"202601{day}T080000Z-00000000" for day in days)
    shutil.copytree(project.package, project.package.with_name(whole))
    *_, sent = records = project.records()
    project.write_ledger(
        {**sent, "run_id": whole},
        {**sent, "run_id": removed, "event": "held"},
        {
            **{name: sent[name] for name in ("at", "feed", "file")},
            **{"event": "nothing", "logical": nothing[:16], "because": "no rows"},
        },
        *records,
    )
    assert project.run("monitor", "report", "--out", tmp_path / "out").returncode == 0
    index = (tmp_path / "out/index.html").read_text()
    sent_at = html.when(sent["run_id"].partition("-")[0])
    ahead = [f"2026-01-{day} 08:00 UTC" for day in reversed(days)]
    assert re.findall(r'rowgroup" colspan="5"[^>]*>([^<]+)<', index) == [
        sent_at,
        *ahead,
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gates.json", "{", "is not JSON"),
        ("gates.json", "[]", "is not a JSON object"),
        ("gates.json", "{}", "predicate"),
    ],
)
def test_a_package_that_cannot_be_read_is_named_and_the_others_are_shown(
    built_copy: BuiltProject, tmp_path: Path, name: str, content: str, message: str
) -> None:
    package = built_copy.newest_package("onpart_inventory")
    (package.folder / name).write_text(content)
    named, why = _unreadable(built_copy, tmp_path)
    assert named == f"{package.file}/{package.run_id}"
    assert message in why
    assert why in unescape((tmp_path / "out/index.html").read_text())


def test_an_audit_that_its_manifest_does_not_count_is_not_shown(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    package = built_copy.newest_package("onpart_inventory")
    header, rows = read_audit(package)
    write_audit(package, header, rows[1:])
    assert (
        "does not have the rows that the manifest counts"
        in _unreadable(built_copy, tmp_path)[1]
    )


def _unreadable(built: BuiltProject, folder: Path) -> tuple[str, str]:
    ran = built.run("monitor", "report", "--out", folder / "out", "--json")
    result = json.loads(ran.stdout)
    assert (ran.returncode, result["exit_code"], result["status"]) == (
        1,
        1,
        "incomplete",
    )
    assert len(result["pages"]) == len(built.recorded_packages()) - 1
    ((named, why),) = result["unreadable"].items()
    return named, why


def read_preview(
    package: Package, folder: Path, most: int = preview.MOST
) -> preview.Preview | None:
    with duck.open_session(Limits("500MB", 2), folder) as connection:
        return preview.read(connection, package, most)


def test_a_sample_shows_every_code_that_fired(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    package = built_copy.newest_package("onpart_inventory")
    header, rows = read_audit(package)
    often = 400
    many = [{**row, "item_name": f"part {n}"} for n in range(often) for row in rows]
    # One row of thousands has a second code that no other row has.
    many.append({**rows[0], "reason_codes": f"{rows[0]['reason_codes']}|SELDOM"})
    write_audit(package, header, many)
    for count in package.run["counts"]:
        count["rows"] *= often
        key = (count["status"], count["reason"])
        count["rows"] += key == (rows[0]["status"], rows[0]["reason_code"])
    whole = read_preview(package, tmp_path)
    some = read_preview(package, tmp_path, 100)
    assert whole is not None
    assert some is not None
    assert whole.total == some.total == len(many)
    assert len(whole.rows) <= preview.MOST < len(many)
    for each in (whole, some):
        codes = Counter(code for row in each.rows for code in row[-1].split("|"))
        assert set(codes) == set(whole.fired) > {"SELDOM"}
    assert len(some.rows) <= 100
    again = read_preview(package, tmp_path, 100)
    assert again is not None
    assert again.rows == some.rows


def test_a_file_of_a_term_has_the_rows_of_that_term(
    built_copy: BuiltProject, tmp_path: Path
) -> None:
    package = built_copy.newest_package("order_feed_full_file.4268-FA26")
    header, rows = read_audit(package)
    rows[-1]["sis_term_id"] = "another"
    write_audit(package, header, rows)
    term = read_preview(package, tmp_path)
    assert term is not None
    assert (term.audit_rows, term.total) == (len(rows), len(rows) - 1)
    assert len(term.rows) == term.total
    lines = {line["id"]: line for line in reasons.funnel(package, term)}
    assert lines["part"]["name"] == "Term 4268-FA26"
    assert lines["source"]["rows"] == len(rows)
    assert lines["part"]["rows"] == len(rows) - 1


def test_backticks_become_code_and_markup_is_escaped() -> None:
    assert html.coded("run `a <b>` & `c") == "run <code>a &lt;b&gt;</code> &amp; `c"
    assert html.breaking("a_<b>") == "a_<wbr>&lt;b&gt;"


@pytest.mark.parametrize(
    ("value", "text"),
    [(12, "12"), (10.625, "10.625"), (1207.1, "1,207.10"), (0.0739, "0.0739"),
     (1e6, "1,000,000"), (None, ""), (True, "true")],
)  # fmt: skip
def test_a_figure_has_the_decimals_that_it_needs(value: object, text: str) -> None:
    assert html.value(value) == text


@pytest.mark.parametrize(
    ("hours", "names"),
    [
        ((0, 1), ["00:00", "01:00"]),
        ((0, 24), ["1 Jan", "2 Jan"]),
        ((0, 6, 24), ["00:00", "1 Jan", "06:00", "1 Jan", "00:00", "2 Jan"]),
        ((0, 24 * 400), ["Jan 2026", "Feb 2027"]),
    ],
)
def test_the_labels_below_a_plot_differ(
    hours: tuple[int, ...], names: list[str]
) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    points = (Point(first + timedelta(hours=each), "delivered", each) for each in hours)
    drawn = plots.svg(Series("x", False, tuple(points)))
    axis = drawn.partition("role-axis-label")[2].partition("role-axis-label")[0]
    assert re.findall(">([^<>]+)</t", axis) == names


def test_every_reason_has_an_equal_share_of_the_sample() -> None:
    assert shares({"A": 1000, "B": 1000, "C": 3}, 100) == {"C": 3, "A": 48, "B": 49}
    assert shares({"A": 5, "B": 6}, 100) == {"A": 5, "B": 6}
    assert shares(dict.fromkeys("ABCDE", 10), 2) == dict.fromkeys("ABCDE", 1)
