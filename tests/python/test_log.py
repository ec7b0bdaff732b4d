"""Log lines: JSON by the schema of docs/, from real runs of all commands."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import ROOT, clean_environment, run
from scheduled import make_home, settings, sources

SCHEMA = json.loads((ROOT / "docs/log.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FOLDERS = ("extract", "monitor", "publish", "runtime", "sandbox", "store")


def lines(errors: str) -> list[dict[str, Any]]:
    """Return the lines of stderr, each of which must be as the schema says."""
    objects = [json.loads(line) for line in errors.splitlines()]
    for line in objects:
        VALIDATOR.validate(line)
    return objects


@pytest.mark.long
def test_each_line_of_a_night_is_an_object_of_the_schema(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    (home / ".env").write_text("FEEDS_LOG_FORMAT=json\nFEEDS_ACCEPT_FIRST=1\n")
    log = {}
    with sources("101@1:429:retry-after=0") as variables:
        environment = settings(home, **variables | {"FEEDS_HTTP_ATTEMPTS": 2})
        for command in ("extract", "publish build", "publish", "monitor report"):
            ended = run(*command.split(), cwd=home, env=environment)
            log[command] = {line["event"]: line for line in lines(ended.stderr)}
            assert ended.returncode == 0, ended.stderr
            if command == "publish build":  # dbt's own events
                written = [json.loads(line) for line in ended.stdout.splitlines()]
                assert {"info", "data"} == set.union(*map(set, written))
    assert log["extract"]["retry"]["because"].startswith("status 429")
    landed, extracted = log["extract"]["landed"], log["extract"]["extracted"]
    assert (landed["run_id"], landed["entity"]) == (
        extracted["run_id"], "order_tool.orders"
    )  # fmt: skip
    assert 0 < landed["rows"] < extracted["rows"]
    assert list(log["publish build"]) == ["unit tests run"]
    rendered, sent = log["publish"]["rendered"], log["publish"]["delivered"]
    assert {"rows", "seconds", "file", "feed"} <= rendered.keys()
    for line in (sent, log["publish"]["packed"], log["monitor report"]["page"]):
        folder = home / "data/outbox" / line["file"] / line["run_id"]
        assert folder.is_dir()
        assert line["file"].partition(".")[0] == line["feed"]
    assert {"judged", "ready", "sent"} <= log["publish"].keys()


@pytest.mark.parametrize(
    ("words", "variables", "event", "text"),
    [
        (["publish", "--at", "never"], {}, "usage", "Invalid value for '--at'"),
        (["publish"], {}, "failed", "dbt"),
        (["monitor", "why", "x"], {}, "failed", "dbt"),
        (["extract"], {}, "failed", "no source is configured"),
        (["extract"], {"ORDER_TOOL_URL": "ftp://x"}, "failed", "ORDER_TOOL_URL"),
    ],
)
def test_an_error_is_the_last_line_and_an_object_too(
    tmp_path: Path, words: list[str], variables: dict[str, str], event: str, text: str
) -> None:
    (tmp_path / "dbt_project.yml").touch()
    ended = run(*words, cwd=tmp_path, env={"FEEDS_LOG_FORMAT": "json", **variables})
    line = lines(ended.stderr)[-1]
    assert (line["level"], line["event"]) == ("error", event)
    assert line["exit_code"] == ended.returncode == 2
    assert text in line["because"]


def test_the_option_wins_over_the_variable_and_another_word_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "dbt_project.yml").touch()
    (tmp_path / ".env").write_text("FEEDS_LOG_FORMAT=json\n")
    as_text = run("extract", "--log-format", "text", cwd=tmp_path)
    assert as_text.stderr.startswith("Error: no source is configured")
    lines(run("extract", cwd=tmp_path).stderr)
    wrong = run("extract", cwd=tmp_path, env={"FEEDS_LOG_FORMAT": "xml"})
    assert (wrong.returncode, wrong.stderr) == (
        2, "Error: FEEDS_LOG_FORMAT: expected text or json, found 'xml'.\n"
    )  # fmt: skip


def test_fields_keep_their_types_and_show_no_secret(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").touch()
    program = (
        "from pathlib import Path\n"
        "from runtime.environment import Environment\n"
        "from runtime.log import LOG, start_logging\n"
        "start_logging('', False); Environment.read()\n"
        "LOG.info('sent', part='a b', rows=7, pause=1.23456, columns=['hunter22', 'b'],"
        " path=Path('x/hunter22'), run_id=None, because=OSError('of hunter22\\nhere'))"
    )
    shown = {}
    for form in ("text", "json"):
        ended = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, check=True,
            capture_output=True, text=True,
            env=clean_environment(DEST_X_PASSWORD="hunter22", FEEDS_LOG_FORMAT=form),
        )  # fmt: skip
        shown[form] = ended.stderr
    (line,) = lines(shown["json"])
    del line["at"]
    assert line == {
        "level": "info", "event": "sent", "part": "a b", "rows": 7, "pause": 1.235,
        "columns": ["***", "b"], "path": "x/***", "because": "of ***\nhere",
    }  # fmt: skip
    assert shown["text"].partition(" ")[2] == (
        "info    sent part='a b' rows=7 pause=1.2 columns='***, b' path=x/*** "
        "because=of ***\\nhere\n"
    )


def test_the_schema_has_every_field_that_is_logged() -> None:
    logged = {"at", "level", "event", "exit_code"}
    for path in [each for name in FOLDERS for each in (ROOT / name).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            # LOG.info(...), or `log` of a file that was rendered.
            if isinstance(node, ast.Call) and re.match(
                r"LOG\.\w+$|(self\.)?file\.log$", ast.unparse(node.func)
            ):
                logged |= {each.arg for each in node.keywords if each.arg}
    assert logged == SCHEMA["properties"].keys()
