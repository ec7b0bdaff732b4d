"""Write a page: one file with style and script in it, and all data escaped.

The Content-Security-Policy allows the style and the script of this page by their
hashes, and nothing else. The page sends no request. Markup in the data could not run
even if it were not escaped.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from monitor.report.preview import clean
from monitor.report.steps import seconds_text
from runtime.files import write_bytes

_HERE = Path(__file__).parent


def write(path: Path, template: str, made_from: str, values: Mapping[str, Any]) -> int:
    """Write a page.

    Args:
        path: of the page.
        template: the file name of its template.
        made_from: digest of the data of the page; see `is_current`.
        values: of the template.

    Returns:
        The bytes of the page.
    """
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    html = _environment().get_template(template).render(
        values,
        policy=policy,
        style=Markup(style),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        made_from=made_from,
    )  # fmt: skip
    content = html.encode("utf-8", "replace")
    write_bytes(path, content)
    return len(content)


def digest(*parts: object) -> str:
    """Return a digest of the data of a page and of this package's files."""
    text = json.dumps([parts, _code()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(path: Path, made_from: str) -> bool:
    """Return whether the page exists and was made from the same data."""
    try:
        with path.open("rb") as handle:
            head = handle.read(4096)
    except FileNotFoundError:
        return False
    return f'content="{made_from}"'.encode() in head


def link(page: Path, target: Path) -> str:
    """Return the relative link from a page to a file. Both may be moved together."""
    relative = os.path.relpath(target.absolute(), page.parent.absolute())
    return quote(relative.replace(os.sep, "/"))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _part(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


@cache
def _code() -> str:
    """Return a digest of this package, so that a new version writes pages again."""
    code = hashlib.sha256()
    for path in sorted(_HERE.glob("*.*")):
        code.update(path.read_bytes())
    return code.hexdigest()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seconds"] = seconds_text
    environment.filters["value"] = value
    environment.filters["coded"] = coded
    environment.filters["breaking"] = breaking
    return environment


TONES = {"delivered": "good", "not sent": "open", "nothing to send": "open"}


def tone(outcome: str) -> str:
    """Return the CSS class of an outcome."""
    return TONES.get(outcome, "bad")


def value(item: object) -> str:
    """Return any JSON value as one line of text."""
    if item is None:
        return ""
    if isinstance(item, str):
        return clean(item)
    if isinstance(item, bool) or not isinstance(item, int | float):
        return clean(json.dumps(item, ensure_ascii=False))
    if isinstance(item, int):
        return f"{item:,}"
    # Sums of money have two decimals; shares and medians as many as they need.
    exact = item.is_integer() or abs(item) < 100
    return f"{item:,.10g}" if exact else f"{item:,.2f}"


def coded(sentence: str) -> Markup:
    """Escape a sentence; text between backticks becomes code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704


def breaking(name: str) -> Markup:
    """Escape a name; a line may break after each underscore."""
    return Markup(escape(name).replace("_", Markup("_<wbr>")))  # noqa: S704


def when(run_time: str) -> str:
    """Return `20260115T060000Z` as `2026-01-15 06:00 UTC`; other texts as they are."""
    if not re.fullmatch("[0-9]{8}T[0-9]{6}Z", run_time):
        return run_time
    day = f"{run_time[:4]}-{run_time[4:6]}-{run_time[6:8]}"
    return f"{day} {run_time[9:11]}:{run_time[11:13]} UTC"
