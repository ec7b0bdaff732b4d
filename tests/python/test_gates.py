"""A gate that never closed proves nothing: every one is shown to close, alone."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT
from sample_project import SEED, SINGULAR, STAGING, TEST, UNIT, SampleProject, good_row

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from publish.gate import guards
from publish.gate.dbt import nodes_needed
from runtime.environment import Environment
from store.feeds import artifacts

Spoil = Callable[[SampleProject], object]
OEM, OD, AM, CAPA = 0, 1, 2, 3  # numbers of rows of these part types
FITTED = 0


def row(number: int, **values: Any) -> Spoil:
    """Change one row of the mart."""
    return lambda project: project.rows[number].update(values)


def oem_number(number: int, text: str | None, key: str | None) -> Spoil:
    """Change the vehicle maker's number of one row."""
    return row(number, oem_part_number=text, oem_part_number_key=key)


def every(**values: Any) -> Spoil:
    """Change every row of the mart."""
    return lambda project: project.each(lambda one: one.update(values))


def guard(name: str, value: Any) -> Spoil:
    """Declare another limit."""
    return lambda project: project.meta["guards"].update({name: value})


def both(*spoils: Spoil) -> Spoil:
    """Spoil twice."""
    return lambda project: [spoil(project) for spoil in spoils]


def rename_keys(project: SampleProject) -> None:
    for number in range(11):  # 11 of 40 keys: more than a quarter
        project.rows[number]["supplier_sku"] = f"200-{number:05d}"


def lose_rows(project: SampleProject) -> None:
    del project.rows[:13]  # 13 of 40: more than 30 %


def gain_rows(project: SampleProject) -> None:
    project.rows += [good_row(number) for number in range(40, 61)]  # 21 more than 40


def od_becomes_oem(project: SampleProject) -> None:
    project.each(
        lambda one: (
            one["part_type"] == "OD"
            and one.update(part_type="OEM", cieca_part_type="PAN")
        )
    )


def result(node: str, **values: Any) -> Spoil:
    """Change what dbt said of a node."""

    def spoil(project: SampleProject) -> None:
        for entry in project.results["results"]:
            if entry["unique_id"] == node:
                entry.update(values)

    return spoil


def forgotten(node: str) -> Spoil:
    """Leave a node out of what dbt built."""

    def spoil(project: SampleProject) -> None:
        results = project.results["results"]
        project.results["results"] = [r for r in results if r["unique_id"] != node]

    return spoil


def arguments(**values: Any) -> Spoil:
    """Change the command that dbt was given."""
    return lambda project: project.results["args"].update(values)


def landed(**values: Any) -> Spoil:
    """Change extract.json."""
    return lambda project: project.extract.update(values)


def typed(column: str, type_: str) -> Spoil:
    """Give a column another type, in the contract and in the mart."""
    return lambda project: project.columns.update({column: type_})


def swapped(project: SampleProject) -> None:
    names = list(project.columns)
    names[0], names[1] = names[1], names[0]
    project.columns = {name: project.columns[name] for name in names}


DBT: list[tuple[str, Spoil]] = [
    ("DBT_BUILD", lambda project: setattr(project, "invocation", "inv-2")),
    ("DBT_BUILD", lambda project: setattr(project, "invocation", None)),
    ("DBT_BUILD", lambda project: project.results["metadata"].update(generated_at="")),
    ("DBT_COMMAND", arguments(which="run")),
    ("DBT_COMMAND", arguments(which="test")),
    ("DBT_COMMAND", arguments(empty=True)),
    *(("DBT_NODES", forgotten(node)) for node in (TEST, SINGULAR, UNIT, SEED, STAGING)),
    ("DBT_STATUS", result(TEST, status="fail", failures=3, message="Got 3 results")),
    ("DBT_STATUS", result(SINGULAR, status="warn", failures=1)),
    ("DBT_STATUS", result(UNIT, status="skipped")),
    ("DBT_STATUS", result(STAGING, status="error", message="Binder Error")),
]
GUARDS: list[tuple[str, Spoil]] = [
    ("RUN_SOURCE_PARTIAL", landed(status="partial")),
    ("RUN_SOURCE_PARTIAL", landed(entities={"x": {"rows": 9, "count_after": 10}})),
    ("RUN_SOURCE_PARTIAL", landed(entities={"x": {"rows": 9, "proof": None}})),
    ("RUN_SOURCE_PARTIAL", landed(finished_at="2026-01-15T06:31:00Z")),
    ("RUN_SOURCE_PARTIAL", lambda project: setattr(project, "extract", {})),
    ("RUN_SOURCE_STALE", guard("max_source_age", 1.1)),  # read 1.17 h before
    (
        "RUN_SOURCE_STALE",  # and what says no time may be of any age
        both(
            guard("max_source_age", 12),
            lambda project: project.meta["guards"].pop("source_complete"),
            landed(finished_at="yesterday"),
        ),
    ),
    ("RUN_CLOCK", landed(source_clock="2026-01-05T05:55:00Z")),
    ("RUN_CLOCK", landed(source_clock="2026-01-15T07:00:06Z")),
    ("RUN_CLOCK", landed(clock_ahead_seconds=-3601)),
    ("RUN_MIN_ROWS", guard("min_rows", 41)),
    (
        "RUN_ROW_RISE",
        both(guard("max_rows_gained", {"share": 0.5, "least": 21}), gain_rows),
    ),
    ("RUN_CELLS_LOST", both(guard("max_cells_lost", 0.3), every(weight_lb=None))),
    (
        "RUN_CELLS_LOST",  # a floor of 20 cells, and exactly 20 cells fewer
        both(
            guard("max_cells_lost", {"share": 0.3, "least": 20}),
            every(weight_lb=None),
        ),
    ),
    ("RUN_STOCK_DROP", every(qty_on_hand=4)),
    ("RUN_FLIP", rename_keys),
    ("RUN_ROW_DROP", both(guard("max_keys_lost", 1), lose_rows)),
    ("RUN_REVIEW_RATE", lambda project: setattr(project, "review", 12)),
    ("RUN_TYPE_VANISHED", od_becomes_oem),
    ("RUN_STALE", lambda project: setattr(project, "at", "2026-01-16T06:00:01Z")),
    (
        "RUN_KEY_VANISHED",
        both(
            lambda project: project.meta["guards"].update(
                keys_stay={"columns": ["supplier_sku"]}
            ),
            lambda project: project.rows.pop(AM),
        ),
    ),
    (
        "RUN_KEYS_CHANGED",
        lambda project: project.meta["guards"].update(
            max_keys_changed={"columns": ["supplier_sku"], "share": 0.5}
        ),
    ),
]  # fmt: skip
SUITE: list[tuple[str, Spoil]] = [
    ("columns-exact", swapped),
    *(
        (f"{column.replace('_', '-')}-present", row(AM, **{column: None}))
        for column in (
            "supplier_code",
            "location_code",
            "supplier_sku",
            "part_type",
            "cieca_part_type",
            "certification",
            "condition",
            "brand",
            "description",
            "part_category",
            "qty_on_hand",
            "sell_price",
            "core_charge",
            "updated_at",
        )
    ),
    ("key-unique", lambda project: project.rows.append(good_row(7))),
    ("supplier-code-one", row(AM, supplier_code="DEMO02")),
    ("location-code-shape", row(AM, location_code="main 2")),
    ("supplier-sku-shape", row(AM, supplier_sku="100\u20110001")),
    ("part-type-known", row(AM, part_type="XX")),
    ("cieca-part-type-known", row(AM, cieca_part_type="PAX")),
    ("certification-known", row(AM, certification="NSF")),
    ("condition-known", row(AM, condition="USED")),
    ("part-type-and-cieca-agree", row(OEM, cieca_part_type="PAA")),
    ("part-type-and-certification-agree", row(AM, certification="CAPA")),
    ("part-type-and-certification-agree", row(CAPA, certification="NONE")),
    ("brand-length", row(AM, brand="x" * 61)),
    ("mfr-part-number-length", row(AM, mfr_part_number="X" * 49)),
    ("mfr-part-number-aftermarket", row(AM, mfr_part_number=None)),
    ("oem-part-number-genuine", oem_number(OEM, None, None)),
    (
        "match-number-aftermarket",
        both(oem_number(AM, None, None), row(AM, partslink_number=None)),
    ),
    ("oem-part-number-shape", oem_number(AM, "ab-12", "AB12")),
    ("oem-part-number-key-shape", oem_number(AM, "A--B", "AB")),
    ("oem-part-number-key-agrees", row(AM, oem_part_number_key="00000X002")),
    ("oem-part-number-key-agrees", row(AM, oem_part_number_key=None)),
    ("alt-part-numbers-shape", row(AM, alt_part_numbers="ABC")),
    ("alt-part-numbers-shape", row(AM, alt_part_numbers="|".join(["ABCD"] * 6))),
    ("alt-part-numbers-other", row(AM, alt_part_numbers="00000-0X002|00000-0Z000")),
    ("partslink-number-shape", row(AM, partslink_number="TO1000999C")),
    ("partslink-number-aftermarket", row(OEM, partslink_number="TO1000999")),
    ("gtin-length", row(AM, gtin="012345678905")),
    ("gtin-check-digit", row(AM, gtin="00012345678906")),
    ("description-length", row(AM, description="x" * 151)),
    ("part-category-length", row(AM, part_category="x" * 61)),
    ("vehicle-make-length", row(FITTED, vehicle_make="x" * 31)),
    ("vehicle-model-length", row(FITTED, vehicle_model="x" * 51)),
    ("fitment-all-or-nothing", row(FITTED, year_to=None)),
    ("years-possible", row(FITTED, year_from=1949)),
    ("years-possible", row(FITTED, year_to=2029)),
    ("years-in-order", row(FITTED, year_from=2021)),
    ("qty-on-hand-range", row(AM, qty_on_hand=0)),
    ("list-price-range", row(AM, list_price="1000000.00")),
    ("sell-price-range", row(AM, sell_price="0.00")),
    ("core-charge-range", row(AM, core_charge="-1.00")),
    ("weight-lb-range", row(AM, weight_lb="0.00")),
    ("sell-price-not-above-list", row(AM, sell_price="412.51")),
    ("od-below-list", row(OD, list_price=None)),
    ("numbers-not-damaged", row(AM, mfr_part_number="1.23E+11")),
    ("no-formula", row(AM, description="=HYPERLINK(1)")),
    ("no-control-characters", row(AM, description="bell\x07")),
    ("no-outer-spaces", row(AM, brand="Example ")),
    ("amounts-as-written", typed("core_charge", "decimal(18,3)")),
    ("quantity-as-written", typed("qty_on_hand", "decimal(18,1)")),
    (
        "updated-at-as-written",
        lambda project: project.meta["dialect"].update(
            timestamp_format="%Y-%m-%d %H:%M"
        ),
    ),
]  # fmt: skip
# Where two checks look at one fault from two sides.
TOGETHER: list[tuple[set[str], Spoil]] = [
    (
        {"RUN_EMPTY", "rows-at-least-one"},
        lambda project: (project.meta.update(guards={}), project.rows.clear()),
    ),
    ({"no-empty-text", "gtin-length"}, row(AM, gtin="")),
    ({"supplier-code-shape", "supplier-code-one"}, row(AM, supplier_code="demo01")),
]
CASES = [({name}, spoil) for name, spoil in (*DBT, *GUARDS, *SUITE)] + TOGETHER
HARD = {"DBT_BUILD", "DBT_COMMAND", "DBT_NODES", "DBT_STATUS", "RUN_READBACK",
        "columns-exact"}  # fmt: skip


@pytest.fixture(scope="session")
def delivered_once(tmp_path_factory: pytest.TempPathFactory) -> SampleProject:
    """A project whose partner holds the good sample."""
    project = SampleProject(tmp_path_factory.mktemp("project"))
    project.first_delivery()
    return project


@pytest.fixture
def project(delivered_once: SampleProject, tmp_path: Path) -> Iterator[SampleProject]:
    """A copy of it, ten minutes later."""
    project = delivered_once.copy(tmp_path / "project")
    project.later()
    yield project
    assert not list(project.data.glob("outbox/.*")), "a work folder was left behind"


def closed(package: Path) -> set[str]:
    predicate = json.loads((package / "gates.json").read_bytes())["predicate"]
    return set(predicate["failedTests"])


@pytest.mark.parametrize(
    ("gates", "spoil"),
    [
        pytest.param(gates, spoil, id=f"{'+'.join(sorted(gates))}-{number}")
        for number, (gates, spoil) in enumerate(CASES)
    ],
)
@pytest.mark.sample(24)
def test_exactly_that_gate_closes(
    project: SampleProject, gates: set[str], spoil: Spoil
) -> None:
    before = sorted(path.name for path in project.partner.iterdir())
    spoil(project)

    (outcome,) = project.write().here()

    held = outcome.summary["held_by"]
    assert {check["id"] for check in held} == gates, outcome.text
    assert all(check["count"] >= 1 for check in held)
    assert {check["id"] for check in held if check["hard"]} == gates & HARD
    assert (outcome.code, outcome.summary["status"]) == (1, "held")
    assert sorted(path.name for path in project.partner.iterdir()) == before
    assert closed(Path(outcome.summary["package"])) == gates


def test_the_good_sample_passes_all_and_is_delivered(project: SampleProject) -> None:
    project.rows[AM]["qty_on_hand"] = 11  # something new to deliver

    (outcome,) = project.write().here()

    assert (outcome.code, outcome.summary["status"]) == (0, "delivered"), outcome.text
    assert outcome.summary["gates"] == "79/79"
    assert len(list(project.partner.glob("*.csv"))) == 2


def test_the_first_file_needs_a_person(tmp_path: Path) -> None:
    project = SampleProject(tmp_path).write()

    (outcome,) = project.here()

    assert [check["id"] for check in outcome.summary["held_by"]] == ["RUN_FIRST"]
    assert (outcome.code, list(project.partner.iterdir())) == (1, [])


def test_every_gate_is_in_the_table_above() -> None:
    suite = json.loads((ROOT / "tests/expectations/onpart_inventory.json").read_bytes())
    checked = {expectation["meta"]["id"] for expectation in suite["expectations"]}
    # RUN_READBACK and RUN_HEADER close on files that were changed: see below.
    checked |= {
        "RUN_EMPTY",
        "RUN_SOURCE_PARTIAL",
        "RUN_KEY_VANISHED",
        "RUN_KEYS_CHANGED",
    }
    checked |= {"RUN_SOURCE_STALE", "RUN_ROW_RISE", "RUN_CLOCK"}
    checked |= {"RUN_CELLS_LOST"}
    checked |= {"RUN_MIN_ROWS", "RUN_ROW_DROP", "RUN_FLIP", "RUN_STOCK_DROP"}
    checked |= {"RUN_REVIEW_RATE", "RUN_TYPE_VANISHED", "RUN_STALE"}
    checked |= {"DBT_BUILD", "DBT_COMMAND", "DBT_NODES", "DBT_STATUS"}
    assert {name for gates, _ in CASES for name in gates} == checked
    # RUN_UNASSIGNED_RATE is of split feeds: test_publish_splits.py.
    assert len(guards._GUARDS) == 12


def test_a_change_that_does_not_count_holds_no_file(project: SampleProject) -> None:
    """A time on every row; then other values in half of the rows."""
    project.meta["guards"]["max_keys_changed"] = {
        "columns": ["supplier_sku"],
        "share": 0.4,
    }
    project.meta["changes"] = {"ignore": ["updated_at"]}
    for values in project.rows:
        values["updated_at"] = "2026-01-15T06:20:00Z"
    assert project.write().publish()["exit_code"] == 0
    project.later()
    for values in project.rows[::2]:
        values["brand"] = "Another"
    result = project.write().publish()
    assert [each["id"] for each in result["files"][0]["held_by"]] == [
        "RUN_KEYS_CHANGED"
    ]
    assert "touches 20 values" in result["files"][0]["held_by"][0]["says"]


def test_a_text_like_the_null_text_does_not_hold_the_file(
    project: SampleProject,
) -> None:
    """The format cannot tell it from a missing value; the audit names it."""
    project.meta["dialect"].update(quoting="all", null_text="null")
    project.rows[AM]["alt_part_numbers"] = "null"
    assert project.write().here()[0].code == 0


@pytest.mark.parametrize(
    ("limits", "spoil"),
    [
        ({"max_source_age": 1.2}, None),
        # A run that is late, or made again, takes what the source says now.
        ({"max_source_age": 1}, "2026-01-15T05:00:00Z"),
        ({"max_rows_gained": {"share": 0.5, "least": 22}}, gain_rows),
        ({"max_rows_gained": {"share": 0.53}}, gain_rows),
    ],
    ids=["fresh", "read after the logical time", "few more", "share"],
)
def test_within_its_limits_a_file_goes(
    project: SampleProject, limits: dict[str, Any], spoil: Any
) -> None:
    project.rows[AM]["qty_on_hand"] = 11  # something new to deliver
    project.meta["guards"] |= limits
    if isinstance(spoil, str):
        project.at = spoil
    elif spoil:
        spoil(project)
    (outcome,) = project.write().here()
    assert (outcome.code, outcome.summary["status"]) == (0, "delivered"), outcome.text


def set_core(row: dict[str, Any], number: int) -> None:
    row["core_charge"] = "75.00" if number % 2 else "0.00"


@pytest.mark.parametrize(
    ("limit", "spoil", "held"),
    [
        (0.3, {"core_charge": "0.00"}, "core_charge: 20 of 40 rows, now 0 of 40"),
        (0.5, {"core_charge": "0.00"}, ""),  # not more than this share
        ({"share": 0.3, "least": 21}, {"core_charge": "0.00"}, ""),
        (0.3, None, ""),  # new rows without it: no cell was lost
    ],
    ids=["zeros", "share", "floor", "diluted"],
)
@pytest.mark.sample(2)
def test_a_column_that_empties_holds_the_file(
    tmp_path: Path, limit: Any, spoil: dict[str, Any] | None, held: str
) -> None:
    project = SampleProject(tmp_path)
    project.meta["guards"]["max_cells_lost"] = limit
    for number, each in enumerate(project.rows):
        set_core(each, number)
    project.first_delivery()
    project.later()
    project.rows[AM]["qty_on_hand"] = 11  # something new to deliver
    if spoil:
        project.each(lambda each: each.update(spoil))
    else:
        project.rows += [good_row(number) for number in range(40, 200)]
    (outcome,) = project.write().here()
    messages = {check["id"]: check["says"] for check in outcome.summary["held_by"]}
    assert messages.keys() == ({"RUN_CELLS_LOST"} if held else set())
    assert held in messages.get("RUN_CELLS_LOST", "")


def test_a_stale_source_is_named_with_its_run_and_both_times(
    project: SampleProject,
) -> None:
    project.meta["guards"]["max_source_age"] = 1
    (outcome,) = project.write().here()
    (check,) = outcome.summary["held_by"]
    assert check["says"] == (
        "ordertime, run 20260115T055500Z-abc123, was read until 2026-01-15T06:00:05Z, "
        "1.2 h before the logical time 2026-01-15T07:10:00Z (--at); at most 1 h are "
        "allowed. Run `extract`, then "
        "`dbt build`."
    )


@pytest.mark.parametrize(
    "clock",
    [
        {"source_clock": "2026-01-15T04:55:00Z"},
        {"source_clock": "2026-01-15T07:00:05Z"},
        {"source_clock": None},
        {"source_clock": "2026-01-05T05:55:00Z", "clock_ahead_seconds": 3600},
    ],
)
def test_a_clock_within_an_hour_of_the_source_holds_nothing(
    project: SampleProject, clock: dict[str, Any]
) -> None:
    project.rows[AM]["qty_on_hand"] = 11  # something new to deliver
    project.extract |= clock
    (outcome,) = project.write().here()
    assert (outcome.code, outcome.summary["status"]) == (0, "delivered"), outcome.text


CAME = {"unmatched": [], "captions": ["Core Charge", "OEM Number", "Color"]}
RENAMED = {"unmatched": ["Core Charge"], "captions": ["Core Chg", "OEM Number"]}


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (CAME, CAME, None),
        (CAME, RENAMED, "'Core Charge', which the last file had; the nearest one that "
                        "came is 'Core Chg'."),
        (CAME, RENAMED | {"captions": ["color", "Core."]}, "that came is 'Core.'."),
        (CAME, RENAMED | {"captions": ["CORE CHARGE 2"]}, "came is 'CORE CHARGE 2'."),
        (CAME, RENAMED | {"captions": ["Co"]}, "which the last file had."),
        (CAME, RENAMED | {"captions": []}, "'Core Charge', which the last file had."),
        # It never matched, or nobody had configured it.
        (RENAMED, RENAMED, None),
        ({"unmatched": [], "captions": ["Color"]}, RENAMED, None),
        # The last file is of a version that did not record the fields.
        ({}, RENAMED, None),
        ({"unmatched": []}, {"unmatched": ["a\nb"]}, "field 'a\\nb', which"),
    ],
    ids=[
        "none", "renamed", "short form", "long form", "too short", "gone", "still gone",
        "new", "not recorded", "two lines",
    ],
)  # fmt: skip
@pytest.mark.sample(3)
def test_a_custom_field_that_matched_in_the_last_file_holds_the_next(
    tmp_path: Path, before: dict[str, Any], now: dict[str, Any], message: str | None
) -> None:
    project = SampleProject(tmp_path)
    project.extract["entities"]["part_items"] |= before
    project.first_delivery()
    project.later()
    project.rows[AM]["qty_on_hand"] = 11  # something new to deliver
    project.extract["entities"]["part_items"] |= now
    (outcome,) = project.write().here()
    held = {check["id"]: check["says"] for check in outcome.summary["held_by"]}
    assert held.keys() == ({"RUN_FIELD_VANISHED"} if message else set())
    assert (message or "") in held.get("RUN_FIELD_VANISHED", "")


def test_what_the_file_does_not_stand_on_does_not_hold_it(
    project: SampleProject,
) -> None:
    """A failed test of another model on the same staging view is not ours."""
    project.results["results"].append(
        {"unique_id": "test.partner_feeds.of_other", "status": "fail"}
    )
    actual = artifacts.read(project.write().root, Environment({}))
    assert "test.partner_feeds.of_other" not in nodes_needed(
        actual, "exposure.partner_feeds.onpart_inventory"
    )
    assert project.here()[0].code == 0


@pytest.mark.parametrize(
    ("gates", "doctor"),
    [
        ({"RUN_HEADER"}, lambda b: b.replace(b"gtin,description", b"description,gtin")),
        ({"RUN_HEADER"}, lambda b: b"\xef\xbb\xbf" + b),
        ({"RUN_READBACK"}, lambda b: b.replace(b",231.00,", b",231.01,", 1)),
        ({"RUN_READBACK"}, lambda b: b[: b.rindex(b"\n", 0, -1) + 1]),
        ({"RUN_READBACK"}, lambda b: b + b.splitlines(keepends=True)[-1]),
        ({"RUN_READBACK"}, lambda b: b.replace(b",NEW,", b",", 1)),
    ],
    ids=["header", "bom", "digit", "last line gone", "line twice", "field gone"],
)
def test_a_file_changed_after_it_was_rendered_stays_here(
    project: SampleProject,
    gates: set[str],
    doctor: Callable[[bytes], bytes],
) -> None:
    gates_found = project.write().judge_changed(doctor)
    closed_now = {check.id for check in gates_found.closed}
    assert gates <= closed_now
    assert closed_now - gates <= {"key-unique"}  # a line twice is a key twice
    assert all(check.hard for check in gates_found.closed if check.id in gates)
