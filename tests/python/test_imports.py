"""The order of the packages: no import goes back up, and none goes in a circle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from commands import ROOT

PACKAGES = ("runtime", "store", "extract", "publish", "monitor", "sandbox")
# What each package may import beside itself.
ALLOWED = {
    "runtime": set(),
    "store": {"runtime"},
    "extract": {"runtime"},
    "publish": {"runtime", "store"},
    "monitor": {"runtime", "store"},
    "sandbox": {"runtime"},
}
FILES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]


def module(path: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of this project that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


GRAPH = {
    name: {other for other in imports(path) if other in MODULES and other != name}
    for name, path in MODULES.items()
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    above = {
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if name.partition(".")[0] == package
        and other.partition(".")[0] not in {package, *ALLOWED[package]}
    }
    assert not above


def test_no_import_goes_in_a_circle() -> None:
    TopologicalSorter(GRAPH).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("publish.transport", "publish.deliver"),
        ("publish.transport", "publish.check"),
        ("publish.gate", "publish.package"),
        ("monitor", "monitor.commands"),
    ],
)
def test_a_lower_package_does_not_import_a_higher_one(below: str, above: str) -> None:
    back = {
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if name.startswith(below)
        and not name.startswith(above)
        and name != "monitor.__main__"
        and other.startswith(above)
    }
    assert not back


def test_the_verifier_imports_nothing_of_this_project() -> None:
    assert not GRAPH["publish.package.verify"]


def test_health_imports_no_library_that_only_rare_cases_need() -> None:
    program = (
        "import sys, monitor.commands.health\n"
        "print(*sorted({'duckdb', 'statistics', 'tempfile'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "\n"
