"""A page, written whole: templates, style and script inlined, everything escaped.

The policy allows the very style and script of this page, by their hashes, and nothing
else: no request leaves it, and markup that came with the data could not run even if
it were not escaped.
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


def write(path: Path, template: str, made_from: str, told: Mapping[str, Any]) -> int:
    """Write a page.

    Args:
        path: where to.
        template: its template's file name.
        made_from: digest of what it is made from; see `is_current`.
        told: what the template tells.

    Returns:
        Its bytes.
    """
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    html = _environment().get_template(template).render(
        told,
        policy=policy,
        style=Markup(style),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        made_from=made_from,
    )  # fmt: skip
    content = html.encode("utf-8", "replace")
    write_bytes(path, content)
    return len(content)


def digest(*parts: object) -> str:
    """Return a digest of evidence, and of the templates that show it."""
    text = json.dumps([parts, _code()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(path: Path, made_from: str) -> bool:
    """Say whether a page is there and made from the same evidence."""
    try:
        with path.open("rb") as handle:
            head = handle.read(4096)
    except FileNotFoundError:
        return False
    return f'content="{made_from}"'.encode() in head


def link(page: Path, target: Path) -> str:
    """Return the relative address of a file, from a page; both may be moved as one."""
    relative = os.path.relpath(target.absolute(), page.parent.absolute())
    return quote(relative.replace(os.sep, "/"))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _part(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


@cache
def _code() -> str:
    """Return a digest of this package: a page of an older one is made again."""
    told = hashlib.sha256()
    for path in sorted(_HERE.glob("*.*")):
        told.update(path.read_bytes())
    return told.hexdigest()


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


OUTCOMES = {"delivered": "good", "not sent": "open", "nothing to send": "open"}


def tone(fate: str) -> str:
    """Return the colour of how a run ended."""
    return OUTCOMES.get(fate, "bad")


def value(told: object) -> str:
    """Write any value of the evidence on one line."""
    if told is None:
        return ""
    if isinstance(told, str):
        return clean(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return clean(json.dumps(told, ensure_ascii=False))
    if isinstance(told, int):
        return f"{told:,}"
    # Sums of money have two decimals; shares and medians as many as they need.
    whole = told.is_integer() or abs(told) < 100
    return f"{told:,.10g}" if whole else f"{told:,.2f}"


def coded(told: str) -> Markup:
    """Escape a sentence of ours; what stands between backticks becomes code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(told))))  # noqa: S704


def breaking(name: str) -> Markup:
    """Escape a name, which may break after each underscore."""
    return Markup(escape(name).replace("_", Markup("_<wbr>")))  # noqa: S704


def when(night: str) -> str:
    """Write `20260115T060000Z` as people do; a name of another form as it is."""
    if not re.fullmatch("[0-9]{8}T[0-9]{6}Z", night):
        return night
    return f"{night[:4]}-{night[4:6]}-{night[6:8]} {night[9:11]}:{night[11:13]}"
