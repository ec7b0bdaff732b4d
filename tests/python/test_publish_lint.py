"""`publish lint` lists every error of every exposure, with its place."""

import json
from pathlib import Path
from typing import Any

import yaml
from conftest import Command

EXPOSURES = "models/marts/_mistakes__exposures.yml"
# A mistake of an analyst in an exposure that is right otherwise: the fields that it
# changes, the field that is named, and what is said of it.
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"cadance": "0 6 * * *"}, "cadance",
     "there is no such field; perhaps cadence"),
    ({"cadence": None}, "cadence", "expected a value, found none"),
    ({"cadence": "6 o'clock"}, "cadence",
     'expected five cron fields, such as 0 6 * * *, found "6 o\'clock"'),
    ({"sort": ["supplier_code", "location_code", "suplier_sku"]}, "sort",
     "expected a column of inventory_feed, perhaps supplier_sku, found suplier_sku"),
    ({"audit": "inventory_audits"}, "audit",
     "expected a model it depends on, perhaps inventory_audit, found inventory_audits"),
    ({"file": "stock_{day}.csv"}, "file",
     "expected a file name without / and \\, of at most 200 characters; in braces only "
     "{timestamp}, {date}, {environment}, {split} and {sequence:0>4}, found "
     "stock_{day}.csv"),
    ({"destination": "On Part"}, "destination",
     "expected a name of small letters, digits and _, such as onpart, found On Part"),
    ({"guards": {"max_rows_lost": 30}}, "guards.max_rows_lost",
     "expected a share from 0 to 1, such as 0.3 for 30 %, found 30"),
    ({"dialect": {"encoding": "latin1"}}, "dialect.encoding",
     'expected one of "utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-1", '
     '"iso-8859-15", "us-ascii", found latin1'),
    ({"dialect": {"delimiter": ";;"}}, "dialect.delimiter",
     "expected one character, such as a comma, found ;;"),
    ({"suite": "onpart_inventry"}, "suite",
     "expected the suite tests/expectations/onpart_inventry.json, found no such file; "
     "perhaps onpart_inventory"),
    ({"sort": ["location_code"]}, "sort",
     "expected every key column, found it lacks supplier_code, supplier_sku"),
]  # fmt: skip


def test_ten_mistakes_give_ten_clear_messages(command: Command, project: Path) -> None:
    exposures = project / "models/marts/_marts__exposures.yml"
    (good,) = yaml.safe_load(exposures.read_text())["exposures"]
    wrong = []
    for number, (changes, _, _) in enumerate(MISTAKES):
        exposure = json.loads(json.dumps(good)) | {"name": f"mistake_{number:02}"}
        meta = exposure["config"]["meta"]
        # Names of its own, so that none could replace the file of another.
        meta["file"] = f"{number}.csv"
        for field, value in changes.items():
            both = isinstance(value, dict)
            meta[field] = {**meta[field], **value} if both else value
        exposure["config"]["meta"] = {k: v for k, v in meta.items() if v is not None}
        wrong.append(exposure)
    path = project / EXPOSURES
    path.write_text(yaml.safe_dump({"exposures": wrong}, width=1000))

    done = command("publish", "lint", "--json", cwd=project)
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    errors = result["errors"]
    assert {name: errors.pop(name) for name in [*errors] if "mistake" not in name} == {
        "onpart_inventory": [], "order_feed_delta_file": [], "order_feed_full_file": [],
    }  # fmt: skip
    lines = path.read_text().splitlines()
    for (_, field, expected), name in zip(MISTAKES, errors, strict=True):
        (error,) = errors[name]
        place, _, message = error.partition(": ")
        assert message.startswith(f"{name}, {field}"), message
        assert message.endswith(expected), message
        assert place.startswith(f"{EXPOSURES}:"), error
        line = lines[int(place.rpartition(":")[2]) - 1]
        # A field that is absent has the line of the exposure.
        assert line.strip().startswith((f"{field.rpartition('.')[2]}:", "- config"))

    # One exposure by its name; a wrong name; a project that dbt cannot read.
    done = command("publish", "lint", "mistake_03", cwd=project)
    assert done.returncode == 1
    assert done.stdout.endswith("Errors: 1. Exposures: 1.\n")
    done = command("publish", "lint", "onpart_inventry", cwd=project)
    assert (done.returncode, "perhaps onpart_inventory" in done.stderr) == (2, True)
    path.write_text(path.read_text().replace("ref('inventory_feed')", "ref('stock')"))
    done = command("publish", "lint", cwd=project)
    assert (done.returncode, "named 'stock'" in done.stderr) == (2, True)
