"""`publish lint`: every error of every exposure, with its place."""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from publish.gate import suite
from publish.replay.build import run_dbt
from publish.replay.command import work_folder
from runtime.command import log_options, report
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Misuse
from runtime.log import start_logging
from store import feeds
from store.feeds import artifacts, validate
from store.feeds.artifacts import Artifacts, meta_of

_SUITES = Path("tests", "expectations")


@click.command("lint")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@log_options
def command(
    files: tuple[str, ...], as_json: bool, log_format: str, quiet: bool
) -> None:
    """Check the exposures of all files, or of those named; list every error.

    An error names the field and its line, what is expected there and what was listed.
    Nothing is built or sent. Exit code 1 if there is an error.
    """
    start_logging(log_format, quiet)
    variables, root = Environment.read(), Path()
    place = DataDirectory.read(variables)
    with work_folder(None, "lint") as work:
        there = DataDirectory(place.environment, work / "data")
        code, output, target = run_dbt(there, root, ["parse"], Limits.read(variables))
        if code:
            raise Misuse(f"dbt cannot read the project: {output}")
        manifest = artifacts.read(target, Environment({"DBT_TARGET_PATH": "."}))
    listed = errors(root, manifest)
    for name in files:
        if name not in listed:
            raise Misuse(
                f"expected the exposure of a file, found {name!r}; "
                + (validate.nearest(name, listed) or f"they are {', '.join(listed)}")
            )
    chosen = {name: listed[name] for name in files or listed}
    lines = [line for each in chosen.values() for line in each]
    exit_code = int(bool(lines))
    counted = f"Errors: {len(lines)}. Exposures: {len(chosen)}."
    result = {"exit_code": exit_code, "errors": chosen}
    report(result, "\n".join([*lines, counted]), as_json)
    sys.exit(exit_code)


def errors(root: Path, manifest: Artifacts) -> Mapping[str, list[str]]:
    """Return the errors of each exposure of a file, by its name.

    Args:
        root: the folder of the project.
        manifest: of dbt.
    """
    project = feeds.declared(manifest)
    listed: dict[str, list[str]] = {name: [] for name in project.names}
    listed |= {name: [*each] for name, each in project.errors.items()}
    for node in manifest.manifest["exposures"].values():
        if node["name"] not in listed:
            continue
        path = Path(node["original_file_path"])
        lines = _lines(root / path, node["name"])
        wrong = listed[node["name"]] + [*_file_errors(root, meta_of(node))]
        listed[node["name"]] = [
            f"{path}:{_line(lines, each)}: {node['name']}, {each}" for each in wrong
        ]
    return dict(sorted(listed.items()))


def _file_errors(root: Path, meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield which files of the project a declaration names, and are not there."""
    name = meta.get("suite")
    if isinstance(name, str):
        try:
            suite.read(root, name)
        except Misuse as problem:
            there = [path.stem for path in (root / _SUITES).glob("*.json")]
            near = validate.nearest(name, there) if name not in there else ""
            yield f"suite: {problem}{near and '; ' + near}"
    further = meta.get("also")
    for field, each in (
        ("", meta),
        *(("also.", one) for one in (further if isinstance(further, list) else ())),
    ):
        key = each.get("encrypt") if isinstance(each, Mapping) else None
        path = key.get("key") if isinstance(key, Mapping) else None
        if isinstance(path, str) and not (root / path).is_file():
            expected = "the file of a public key"
            yield validate.error(f"{field}encrypt.key", expected, path)


def _lines(path: Path, exposure: str) -> Mapping[str, int]:
    """Return the line of each field of an exposure's meta; "" is the exposure's own."""
    document = yaml.compose(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    lines: dict[str, int] = {}

    def walk(node: yaml.Node, field: str) -> None:
        lines.setdefault(field, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = f"{field}.{key.value}".lstrip(".")
                lines.setdefault(name, key.start_mark.line + 1)
                walk(value, name)
        elif isinstance(node, yaml.SequenceNode):
            for number, each in enumerate(node.value):
                walk(each, f"{field}[{number}]")

    for each in _child(document, "exposures").value:
        if _child(each, "name").value == exposure:
            lines[""] = each.start_mark.line + 1
            for meta in (_child(_child(each, "config"), "meta"), _child(each, "meta")):
                if meta:
                    walk(meta, "")
    return lines


def _child(node: yaml.Node | None, name: str) -> Any:
    """Return the value of a key of a mapping; None if there is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _line(lines: Mapping[str, int], error: str) -> int:
    """Return the line of the field that an error is about, or of what has it."""
    field = re.split(r"[:,]", error, maxsplit=1)[0]
    while field and field not in lines:
        field = re.sub(r"(\.|^)[^.\[\]]*$|\[\d+\]$", "", field)
    return lines.get(field, 1)
