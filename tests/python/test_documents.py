"""What the documents say, held against the project."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from commands import ROOT

from extract.__main__ import extract
from extract.transport import HttpLimits
from monitor.__main__ import cli as monitor
from publish.__main__ import cli as publish
from sandbox.__main__ import sandbox

COMMANDS = {
    "extract": extract, "monitor": monitor, "publish": publish, "sandbox": sandbox
}  # fmt: skip
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / ".env.example")
)

VARIABLE = re.compile(r"[\"'](FEEDS|ORDERTIME|ORDER_TOOL)_[A-Z_]+[\"']")


def test_the_readme_is_short(root: Path) -> None:
    assert len((root / "README.md").read_text().splitlines()) < 120


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


def test_the_generated_tables_are_up_to_date(root: Path) -> None:
    command = [sys.executable, root / ".ci/docs.py", "--check"]
    ran = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_every_variable_is_explained(root: Path) -> None:
    read = {
        match.group(0).strip("\"'")
        for folder in ("extract", "monitor", "publish", "runtime")
        for path in (root / folder).rglob("*.py")
        for match in VARIABLE.finditer(path.read_text())
    }
    explained = set(
        re.findall(r"^#?([A-Z_]+)=", (root / ".env.example").read_text(), re.MULTILINE)
    )
    # Set by whoever reports a bug, or by the build, never in .env; the last is refused.
    read -= {"FEEDS_HTTP_"}  # the prefix of a group of variables
    read |= {f"FEEDS_HTTP_{name.upper()}" for name in HttpLimits.__struct_fields__}
    assert read - explained <= {
        "FEEDS_TRACEBACK", "FEEDS_COMMIT", "FEEDS_CODE_DIGEST", "FEEDS_KEEP_SIZE",
    }  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_that_is_named_exists(root: Path, name: str) -> None:
    targets = set(
        re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE)
    )
    text = (root / name).read_text()
    named = re.findall(r"(?:`|^|\$ )make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_the_documents_leads_somewhere(root: Path, name: str) -> None:
    page = root / name
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith("https://"):
            path, _, heading = target.partition("#")
            linked = page.parent / path if path else page
            assert linked.exists(), target
            assert not heading or heading in headings(linked), target


def headings(page: Path) -> set[str]:
    """Return the headings of a page as links name them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {title.lower().replace(" ", "-") for title in titles}


def shown(text: str) -> Iterator[list[str]]:
    """The commands of ours in a page: between backticks, and in blocks of code."""
    blocks = re.findall(r"^```.*?$(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines += [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest)]
    for line in lines:
        if line.removeprefix("$ ").partition(" ")[0] in COMMANDS:
            yield shlex.split(line.removeprefix("$ "), comments=True)


def unknown_options(words: list[str]) -> set[str]:
    """The options of a command line that its command does not have."""
    command: click.Command | None = COMMANDS[words[0]]
    context = click.Context(command, help_option_names=["-h", "--help"])
    rest = words[1:]
    if isinstance(command, click.Group):
        name = next((word for word in rest if not word.startswith("-")), "")
        if name in command.list_commands(context):
            command = command.get_command(context, name)
        elif command is publish:
            command = publish.get_command(context, "run")
        assert command is not None
    known = {
        option
        for each in command.get_params(context)
        if isinstance(each, click.Option)
        for option in each.opts
    }
    return {word for word in rest if word.startswith("--") and word != "--"} - known


@pytest.mark.parametrize("name", PAGES)
def test_every_command_that_is_shown_has_its_options(root: Path, name: str) -> None:
    for words in shown((root / name).read_text()):
        assert not unknown_options(words), " ".join(words)


def test_an_option_that_does_not_exist_is_seen() -> None:
    text = "`publish --now`, `monitor why KEY --runs 5`\n```sh\nextract --fast\n```\n"
    assert [sorted(unknown_options(words)) for words in shown(text)] == [
        ["--fast"], ["--now"], [],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["monitor", "sandbox"])
def test_every_subcommand_that_is_shown_exists(root: Path, name: str) -> None:
    group = COMMANDS[name]
    assert isinstance(group, click.Group)
    known = group.list_commands(click.Context(group))
    for page in PAGES:
        for words in shown((root / page).read_text()):
            if words[0] == name and len(words) > 1:
                assert words[1] in known, (page, words)
