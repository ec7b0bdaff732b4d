"""What an editor shows of our YAML files: by the real YAML language server.

VS Code's extension YAML, Neovim and others run it. It speaks JSON-RPC over its standard
input and output (Language Server Protocol 3.17).
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT

SERVER = ROOT / ".venv/readers/node_modules/.bin/yaml-language-server"
pytestmark = pytest.mark.long


class Editor:
    """A running server, as an editor sees it."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        assert process.stdin
        assert process.stdout
        self.input, self.output, self.number = process.stdin, process.stdout, 0
        words = {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}}
        self.ask("initialize", words)
        self.send({"method": "initialized", "params": {}})

    def send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.input.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self.input.flush()

    def receive(self) -> dict[str, Any]:
        """The next message; a question of the server is answered by nothing."""
        length = 0
        while header := self.output.readline().strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        assert length, "the server ended"
        message: dict[str, Any] = json.loads(self.output.read(length))
        if "id" in message and "method" in message:
            asks_settings = message["method"] == "workspace/configuration"
            nothing = [{}] * 5 if asks_settings else None
            self.send({"id": message["id"], "result": nothing})
        return message

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self.number and "method" not in message:
                return message.get("result")

    def errors(self, path: Path) -> list[tuple[str, str]]:
        """The line of each error of a file, and what is said of it."""
        lines = path.read_text().splitlines()
        document = {
            "uri": path.as_uri(), "languageId": "yaml", "version": 1,
            "text": path.read_text(),
        }  # fmt: skip
        self.send(
            {"method": "textDocument/didOpen", "params": {"textDocument": document}}
        )
        while True:
            message = self.receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                assert message["params"]["uri"] == path.as_uri()
                return [
                    (lines[each["range"]["start"]["line"]].strip(), each["message"])
                    for each in message["params"]["diagnostics"]
                ]

    def explains(self, path: Path, words: str) -> str:
        """What is shown at the first place of some words in an open file."""
        before = path.read_text().partition(words)[0]
        place = {"line": before.count("\n"),
                 "character": len(before.rpartition("\n")[2]) + 1}  # fmt: skip
        shown = self.ask(
            "textDocument/hover",
            {"textDocument": {"uri": path.as_uri()}, "position": place},
        )
        return str(shown["contents"]["value"])


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    if not SERVER.exists():
        if os.environ.get("FEEDS_REQUIRE_READERS"):
            pytest.fail(f"{SERVER} is not there")
        pytest.skip("`make .venv/readers/.ready` installs it")
    with subprocess.Popen(
        [SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Editor(process, tmp_path)
        finally:
            process.kill()


def copied(folder: Path, *files: str) -> None:
    """Copy files of the project to the same place below a folder."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((ROOT / name).read_text())


def test_an_editor_explains_fields_of_exposures_and_finds_mistakes(
    editor: Editor, tmp_path: Path
) -> None:
    names = [f"models/marts/{each}__exposures.yml" for each in ("_marts", "_orders")]
    for name in names:
        assert editor.errors(ROOT / name) == []
    assert "five cron fields" in editor.explains(ROOT / names[0], "cadence:")
    copied(tmp_path, names[0], "docs/exposures.schema.json")
    path = tmp_path / names[0]
    text = path.read_text()
    for before, after in (
        ("when_empty: refuse", "when_empty: never"),
        ("cadence:", "cadance:"),
        ("max_rows_lost: 0.30", "max_rows_lost: 30"),
    ):
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    shown = dict(editor.errors(path))
    assert '"refuse", "send", "skip"' in shown.pop("when_empty: never")
    assert "cadance" in shown.pop('cadance: "0 6 * * *"')
    (line,) = (each for each in shown if each.startswith("max_rows_lost: 30"))
    assert shown.pop(line)
    # The field that is absent now is named where the fields begin.
    assert ["cadence" in message for message in shown.values()] == [True], shown


def test_an_editor_explains_fields_of_sources_and_finds_mistakes(
    editor: Editor, tmp_path: Path
) -> None:
    copied(tmp_path, "docs/sources.schema.json")
    folder = tmp_path / "extract/sources"
    folder.mkdir(parents=True)
    first = "# yaml-language-server: $schema=../../docs/sources.schema.json\n"
    text = (ROOT / "docs/sources.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    kinds = r"(?m)^(rest_api|filesystem|sql_database):$"
    examples = [each for each in blocks if re.search(kinds, each)]
    assert len(examples) == 3
    for number, example in enumerate(examples):
        path = folder / f"good_{number}.yml"
        path.write_text(first + example.removeprefix(first))
        assert editor.errors(path) == [], example
    path = folder / "good_0.yml"
    assert "Its address: https" in editor.explains(path, "base_url:")
    good = path.read_text()
    for number, (before, after) in enumerate(
        (("primary_key:", "primarykey:"), ("type: cursor", "type: cursr"),
         ("data_type: bigint", "data_type: biginteger"))
    ):  # fmt: skip
        assert before in good
        path = folder / f"bad_{number}.yml"
        path.write_text(good.replace(before, after))
        lines = [line for line, _ in editor.errors(path)]
        assert any(after in line for line in lines), lines
