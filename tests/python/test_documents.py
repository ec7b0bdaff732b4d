"""What the documents say, held against the project."""

import re
from pathlib import Path

import pytest
import yaml

VARIABLE = re.compile(r"[\"'](FEEDS|ORDERTIME|ORDER_TOOL)_[A-Z_]+[\"']")


def test_the_readme_is_short(root: Path) -> None:
    assert len((root / "README.md").read_text().splitlines()) < 150


def test_the_readme_names_every_folder(root: Path) -> None:
    tree = (root / "README.md").read_text().split("## The tree")[1].split("##")[0]
    folders = {
        path.name
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    }
    ours = (
        folders
        - {"data", "target", "logs"}
        - {name for name in folders if name.endswith(".egg-info")}
    )
    assert set(re.findall(r"^(\w+)/", tree, re.MULTILINE)) == ours


def test_the_readme_names_every_file_that_leaves(root: Path) -> None:
    text = (root / "README.md").read_text()
    for path in (root / "models").rglob("*__exposures.yml"):
        for exposure in yaml.safe_load(path.read_text())["exposures"]:
            assert f"`{exposure['name']}`" in text


def test_every_variable_is_explained(root: Path) -> None:
    read = {
        match.group(0).strip("\"'")
        for folder in ("extract", "publish", "runtime")
        for path in (root / folder).rglob("*.py")
        for match in VARIABLE.finditer(path.read_text())
    }
    explained = set(
        re.findall(r"^#?([A-Z_]+)=", (root / ".env.example").read_text(), re.MULTILINE)
    )
    # Set by whoever reports a bug, or by the build, never in .env.
    assert read - explained <= {"FEEDS_TRACEBACK", "FEEDS_COMMIT"}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_is_named_exists(root: Path, name: str) -> None:
    targets = set(
        re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)
    )
    assert set(re.findall(r"`?make ([a-z]+)", (root / name).read_text())) <= targets


def test_every_link_of_the_documents_leads_somewhere(root: Path) -> None:
    for name in ("README.md", "CONTRIBUTING.md", "DECISIONS.md"):
        for target in re.findall(r"\]\(([^)]+)\)", (root / name).read_text()):
            assert target.startswith("https://") or (root / target).exists(), target
