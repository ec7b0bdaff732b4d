"""The page in a real browser, opened from disk, without network."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browser import Browser, browser
from built_project import BuiltProject, Report, read_audit, write_audit
from commands import ROOT
from playwright.sync_api import Page

from store.package import Package

_TEXTS = """
(() => {
  const parts = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = {};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    // Of a table the first lines are enough.
    if (!walk.currentNode.data.trim() || node.closest("script, tr + tr + tr + tr")) {
      continue;
    }
    const style = getComputedStyle(node);
    const ink = node.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(parts(ink)), light(behind(node))].sort((x, y) => y - x);
    found[`${ink} on ${behind(node)}`] = (a + 0.05) / (b + 0.05);
  }
  return found;
})()
"""
_HOSTILE = "</td></script><script>hacked=1</script><img src=x onerror=hacked=2>{{7*7}}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def test_pages_open_from_disk_and_ask_for_nothing_else(
    chromium: Browser, reported: Report
) -> None:
    for path in [reported.out / "index.html", *reported.pages]:
        chromium.open(path)
        assert chromium.complaints == []
        assert chromium.requests == [path.as_uri()]


def test_the_numbers_are_the_packages(chromium: Browser, reported: Report) -> None:
    for package in reported.project.recorded_packages():
        path = reported.page(package)
        figures = chromium.open(path).evaluate(
            """(() => {
              const all = (name) => Object.fromEntries(Array.from(
                document.querySelectorAll(`[data-${name}]`),
                (e) => [e.dataset[name], Number(e.textContent.replace(/,/g, ""))]
              ));
              const count = (what) => document.querySelectorAll(what).length;
              const texts = Array.from(document.querySelectorAll(".count"));
              return {
                funnel: all("funnel"), count: all("count"), change: all("change"),
                steps: texts.map((each) => each.textContent),
                closed: count(".checks .bad"),
                checks: count(".checks tbody tr"),
                title: document.title,
                rows: count("#rows tr"),
              };
            })()"""
        )
        run, split = package.run, package.run.get("split")
        _, audit = read_audit(package)
        ours = [row for row in audit if split in (None, row.get("sis_term_id"))]
        assert figures["funnel"]["source"] == len(audit)
        assert figures["funnel"]["file"] == package.resource["rows"]
        assert figures["rows"] == len(ours)
        if split is None:
            assert figures["count"] == {
                f"{each['status']} {each['reason']}": each["rows"]
                for each in run["counts"]
            }
        statuses = {row["status"] for row in ours}
        for status in statuses:
            rows = sum(row["status"] == status for row in ours)
            assert figures["funnel"][status] == rows
        checks = package.gates["checks"]
        assert figures["checks"] == len(checks)
        assert figures["closed"] == sum(each["verdict"] == "fail" for each in checks)
        for kind, rows in figures["change"].items():
            assert rows == run["changes"][kind]
        extracted = [each["rows"] for each in run["inputs"]]
        whole = None not in extracted
        assert figures["steps"][0] == (
            f"{sum(extracted):,}" if whole else "\N{EN DASH}"
        )
        assert figures["steps"][2] == f"{package.resource['rows']:,}"
        assert package.outcome in figures["title"]


def test_every_link_leads_somewhere(chromium: Browser, reported: Report) -> None:
    for path in [reported.out / "index.html", *reported.pages]:
        page = chromium.open(path)
        links = page.evaluate("Array.from(document.links, (each) => each.href)")
        ids = set(
            page.evaluate("Array.from(document.querySelectorAll('[id]'), e => e.id)")
        )
        assert links
        for link in links:
            parts = urlsplit(link)
            assert parts.scheme == "file"
            target = Path(unquote(parts.path))
            assert target.is_file(), link
            assert not parts.fragment or parts.fragment in ids
        names = {Path(unquote(urlsplit(link).path)).name for link in links}
        if path.name != "index.html":
            assert {"audit.csv", "gates.html", "gates.json", "index.html"} <= names


def test_the_filter_works_by_keyboard(chromium: Browser, reported: Report) -> None:
    package = reported.project.newest_package("onpart_inventory")
    page = chromium.open(reported.page(package))
    _, audit = read_audit(package)

    def shown() -> list[str]:
        parts: list[str] = page.evaluate(
            "Array.from(document.querySelectorAll('#rows tr:not([hidden])'),"
            " (row) => row.cells[0].textContent)"
        )
        count = page.evaluate("document.getElementById('shown').textContent")
        assert count == f"{len(parts):,}"
        return parts

    assert len(shown()) == len(audit)
    # From the top, with Tab alone, to the field of the filter.
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "filter-text":
            break
    assert page.evaluate("document.activeElement.id") == "filter-text"
    page.keyboard.insert_text("100-4412")
    assert set(shown()) == {"100-4412"}
    page.evaluate("document.getElementById('filter-all').click()")
    assert len(shown()) == len(audit)
    for status in {row["status"] for row in audit}:
        _choose(page, "status", status)
        assert len(shown()) == sum(row["status"] == status for row in audit)
    _choose(page, "status", "")
    # From the funnel: a reason leads to its rows.
    several = {row["reason_code"] for row in audit if "|" in row["reason_codes"]}
    second = {c for row in audit for c in row["reason_codes"].split("|")[1:]}
    decided = {row["reason_code"] for row in audit}
    assert several
    assert second & decided
    for code in several | second & decided:
        page.evaluate(f"document.querySelector('a[data-reason={code}]').focus()")
        page.keyboard.press("Enter")
        fits = [row for row in audit if code in row["reason_codes"].split("|")]
        assert len(shown()) == len(fits) > 0
    assert chromium.complaints == []


def _choose(page: Page, name: str, value: str) -> None:
    page.evaluate(
        f"(() => {{ const e = document.getElementById('filter-{name}');"
        f" e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input')); }})()"
    )


def test_text_is_legible_and_fits_a_phone(chromium: Browser, reported: Report) -> None:
    package = reported.project.newest_package("onpart_inventory")
    page = reported.page(package)
    for path in (page, reported.out / "index.html"):
        papers = set()
        for dark in (False, True):
            for width in (390, 1280):
                screen = chromium.open(path, width, dark)
                assert screen.evaluate("document.documentElement.scrollWidth") <= width
                for colours, ratio in screen.evaluate(_TEXTS).items():
                    assert ratio >= 4.5, f"{colours}, dark {dark}"
            papers.add(
                screen.evaluate("getComputedStyle(document.body).backgroundColor")
            )
        assert len(papers) == 2


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker axe-core; `.venv/readers` has it."""
    path = ROOT / ".venv/readers/node_modules/axe-core/axe.min.js"
    if not path.exists():
        assert os.environ.get("FEEDS_REQUIRE_READERS") != "1", f"no {path}"
        pytest.skip("no axe-core: run `make .venv/readers/.ready`")
    return path.read_text("utf-8")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.sample(2)
def test_a_checker_of_accessibility_finds_nothing(
    chromium: Browser, reported: Report, axe: str, width: int, dark: bool
) -> None:
    package = reported.project.newest_package("onpart_inventory")
    for path in (reported.out / "index.html", reported.page(package)):
        page = chromium.open(path, width, dark)
        # Without the shades axe can tell the contrast of what is on the screen; the
        # test of legible text has the rest. The first rows are enough.
        page.evaluate(
            """() => {
              document.styleSheets[0].insertRule(
                ".scroll, .preview { background-image: none !important; }",
                document.styleSheets[0].cssRules.length);
              document.querySelectorAll("tr:nth-child(n + 30)")
                .forEach((row) => row.remove());
            }"""
        )
        page.evaluate(axe)
        result = page.evaluate("axe.run()")
        assert len(result["passes"]) > 30
        problems = [
            (each["id"], node["html"], node["failureSummary"])
            for each in result["violations"]
            for node in each["nodes"]
        ]
        assert problems == []


def test_all_can_be_done_by_keyboard(chromium: Browser, reported: Report) -> None:
    """Tab reaches every link in order, the focus is seen, and Enter follows it."""
    page = chromium.open(reported.out / "index.html")
    links = page.evaluate("Array.from(document.links, (each) => each.href)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    reached = []
    while page.evaluate("document.activeElement !== document.body"):
        width, box, href = page.evaluate(
            """(() => {
              const at = document.activeElement;
              return [getComputedStyle(at).outlineWidth,
                at.getBoundingClientRect().width, at.href || ""];
            })()"""
        )
        assert width == "3px"
        assert box > 0
        reached += [href] if href else []
        page.keyboard.press("Tab")
        assert len(reached) <= len(links)
    assert reached == links
    package = reported.project.newest_package("onpart_inventory")
    name = f"{package.file}/{package.run_id}.html"
    page.evaluate(f"document.querySelector('a[href=\"{name}\"]').focus()")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{name}")
    page.evaluate("document.querySelector('summary').focus()")
    before = page.evaluate("document.querySelector('details').open")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details').open") is not before


def test_plots_have_a_label_and_a_table_and_print_unfolds_all(
    chromium: Browser, reported: Report
) -> None:
    package = reported.project.newest_package("onpart_inventory")
    page = chromium.open(reported.page(package))
    plots: list[dict[str, Any]] = page.evaluate(
        """Array.from(document.querySelectorAll("figure"), (figure) => ({
          says: figure.getAttribute("aria-label"),
          svg: figure.querySelectorAll("svg[aria-hidden=true]").length,
          marks: figure.querySelectorAll(".mark-symbol > *").length,
          rows: figure.querySelectorAll("tbody tr").length,
        }))"""
    )
    assert plots
    for plot in plots:
        assert "usually" in plot["says"]
        assert plot["svg"] == 1
        assert plot["rows"] == plot["marks"] > 1
    closed = "document.querySelectorAll('details:not([open])').length"
    before = page.evaluate(closed)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(closed) == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) == before > 0
    tables = page.evaluate(
        "Array.from(document.querySelectorAll('table')).every("
        "(t) => t.querySelectorAll('thead th[scope=col]').length > 1)"
    )
    assert tables


def test_markup_from_the_data_stays_text(
    chromium: Browser, built_copy: BuiltProject, tmp_path: Path
) -> None:
    """The values of parts, servers, persons and checks are all escaped."""
    package = next(
        each
        for each in built_copy.recorded_packages()
        if each.file == "onpart_inventory" and each.receipt
    )
    _spoil(package, built_copy.data / "ledger.jsonl")
    out = tmp_path / "out"
    built_copy.report(out, "--run", package.run_id)
    for path in (out / package.file / f"{package.run_id}.html", out / "index.html"):
        page = chromium.open(path)
        assert chromium.complaints == []
        assert chromium.requests == [path.as_uri()]
        assert page.evaluate("typeof hacked") == "undefined"
        assert page.evaluate("document.scripts.length") == 1
        assert page.evaluate("document.images.length") == 0
    page = chromium.open(out / package.file / f"{package.run_id}.html")
    text: str = page.evaluate("document.body.textContent")
    # Description, part, change before and after, greeting, check, example, reason ...
    assert text.count(_HOSTILE) >= 8
    # Typed into the filter it is only sought.
    page.evaluate("document.getElementById('filter-text').focus()")
    page.keyboard.insert_text(_HOSTILE)
    assert page.evaluate("document.getElementById('shown').textContent") != "0"
    assert chromium.complaints == []


def test_the_policy_stops_markup_that_is_not_escaped(
    chromium: Browser, reported: Report, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    shutil.copy(reported.pages[0], page)
    text = page.read_text("utf-8")
    page.write_text(text.replace('<main id="main">', f'<main id="main">{_HOSTILE}'))
    opened = chromium.open(page)
    assert opened.evaluate("document.images.length") == 1
    assert opened.evaluate("typeof hacked") == "undefined"
    # The script, the picture and its handler, each.
    stopped = [each for each in chromium.complaints if "Content Security" in each]
    assert len(stopped) == 3, chromium.complaints


def _spoil(package: Package, ledger: Path) -> None:
    """Put markup into every text of a package that others write."""
    folder = package.folder
    header, rows = read_audit(package)
    for row in rows[:3]:
        row |= {
            "description": _HOSTILE,
            "supplier_sku": _HOSTILE,
            "part_type": _HOSTILE,
        }
        row |= {"location_name": _HOSTILE, "on_hand_raw": _HOSTILE}
    write_audit(package, header, rows)
    (path,) = folder.glob("*.manifest.json")
    manifest = json.loads(path.read_bytes())
    manifest["title"] = _HOSTILE
    manifest["run"]["changes"] |= {
        "first": False, "added": 1, "columns": {_HOSTILE: 1},
        "groups": [{"value": _HOSTILE, "added": 1, "removed": 0, "changed": 0}],
    }  # fmt: skip
    path.write_text(json.dumps(manifest))
    gates = json.loads((folder / "gates.json").read_bytes())
    gates["predicate"]["checks"][0] |= {
        "says": _HOSTILE, "verdict": "fail", "observed": _HOSTILE,
        "examples": [{"sku": _HOSTILE}, _HOSTILE], "count": 2,
    }  # fmt: skip
    (folder / "gates.json").write_text(json.dumps(gates))
    receipt = json.loads((folder / "receipt.json").read_bytes())
    (folder / "receipt.json").write_text(json.dumps({**receipt, "greeting": _HOSTILE}))
    records = [json.loads(line) for line in ledger.read_text().splitlines()]
    # The chain breaks; the page says so, and shows what it could read.
    records[-1] |= {"event": "nothing", "because": _HOSTILE, "logical": _HOSTILE}
    ledger.write_text("".join(json.dumps(each) + "\n" for each in records))
