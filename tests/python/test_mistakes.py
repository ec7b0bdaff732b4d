"""The mistakes of a first day: one sentence each, and the exit code that is promised.

A sentence says what was expected, what was found, and what to do.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Build, Command
from sample_project import SampleProject

from sandbox import order_tool, ordertime
from sandbox.sample import Sample
from sandbox.sample_orders import OrderSample

COMMANDS = (
    ("extract",),
    ("publish",),
    ("publish", "status"),
    ("publish", "approve", "0123456789ab", "--because", "x"),
    ("publish", "check"),
    ("publish", "prune"),
    ("publish", "replay", "20260115"),
    ("monitor", "ack", "FILE_HELD:x", "--because", "x"),
    ("monitor", "alert"),
    ("monitor", "drift"),
    ("monitor", "health"),
    ("monitor", "report"),
    ("monitor", "why", "x"),
)


def named(words: tuple[str, ...]) -> str:
    return " ".join(words[:2])


def one_sentence(stderr: str) -> str:
    """What is said: one line, and not of a bug."""
    (line,) = stderr.splitlines()
    assert line.startswith("Error: "), line
    assert "bug" not in line
    return line


@pytest.mark.parametrize("words", COMMANDS, ids=named)
def test_outside_the_project_nothing_is_done(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    message = one_sentence(done.stderr)
    assert f"found no dbt_project.yml in {tmp_path}. Change to the folder" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["extract", "publish", "monitor", "sandbox"])
@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_given_everywhere(
    command: Command, tmp_path: Path, name: str, word: str
) -> None:
    done = command(name, word, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {name} ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("publish",), "manifest.json, found no such file. Run `dbt build`"),
        (("publish", "status"), "manifest.json, found no such file. Run `dbt build`"),
        (("publish", "key"), "expected a signing key in FEEDS_SIGNING_KEY"),
        (("publish", "approve", "01", "--because", "x"), "`publish status` shows"),
        (("monitor", "drift"), "manifest.json, found no such file. Run `dbt build`"),
        (("monitor", "why", "x"), "warehouse.duckdb, found none. Run `dbt build`"),
        (("extract",), "no source is configured: set ORDERTIME_API_KEY"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_before_anything_was_done_the_next_step_is_named(
    command: Command, data: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    done = command(*words, env={"FEEDS_DATA": data, "DBT_TARGET_PATH": tmp_path / "t"})
    assert done.returncode == 2
    assert message in one_sentence(done.stderr)


def test_a_build_before_the_first_extract_ends_well(build: Build, data: Path) -> None:
    assert not data.exists()
    code, output = build("--select", "reason_codes")
    assert code == 0, output
    assert (data / "warehouse.duckdb").exists()


def test_health_says_once_why_nothing_is_seen(
    command: Command, data: Path, tmp_path: Path
) -> None:
    environment = {"FEEDS_DATA": data, "DBT_TARGET_PATH": tmp_path / "t"}
    done = command("monitor", "health", env=environment)
    assert done.returncode == 1
    assert "DBT_MISSING" in done.stdout
    assert done.stdout.count("found no such file. Run") == 1
    assert "CANNOT_TELL feeds: for the same reason" in done.stdout


@pytest.mark.parametrize("words", [("publish", "run"), ("publish", "status"),
                                   ("monitor", "health"), ("monitor", "alert"),
                                   ("monitor", "ack", "x", "--because", "x")],
                         ids=named)  # fmt: skip
@pytest.mark.parametrize("text", ["yesterday", "22.11.2026", "2026-13-01"])
def test_a_time_in_the_wrong_form_is_told_the_right_one(
    command: Command, words: tuple[str, ...], text: str
) -> None:
    done = command(*words, "--until" if "ack" in words else "--at", text)
    assert done.returncode == 2
    assert f"'{text}' is not an ISO time such as 2026-01-15T06:00:00Z" in done.stderr


@pytest.mark.parametrize("text", ["2026-01-15", "2026-01-15T08:00:00+01:00"])
def test_a_time_is_taken_in_every_iso_form(tmp_path: Path, text: str) -> None:
    done = SampleProject(tmp_path).write().run("publish", "status", "--at", text)
    assert done.returncode == 0, done.stderr
    assert f"last due 2026-01-{15 if 'T' in text else 14}T06:00:00Z" in done.stdout


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, object]]:
    """Both sources, in their smallest form, and what to export for them."""
    with (
        ordertime.serve(Sample(4)) as parts,
        order_tool.serve(OrderSample(2)) as tool,
    ):
        yield {**parts.variables, **tool.variables, "FEEDS_HTTP_ATTEMPTS": 1}


@pytest.mark.parametrize(
    ("source", "variable", "value", "code", "message"),
    [
        ("ordertime", "ORDERTIME_API_KEY", "wrong", 2, "Check ORDERTIME_API_KEY, "),
        ("ordertime", "ORDERTIME_PASSWORD", "wrong", 2, "Check ORDERTIME_API_KEY, "),
        ("order_tool", "ORDER_TOOL_TOKEN", "wrong", 2, "Check ORDER_TOOL_TOKEN."),
        ("ordertime", "ORDERTIME_URL", "{}/x", 2, "Check ORDERTIME_URL."),
        ("order_tool", "ORDER_TOOL_URL", "{}/x", 2, "Check ORDER_TOOL_URL."),
        ("ordertime", "ORDERTIME_URL", "https://127.0.0.1:1/api", 75,
         "try later. If it stays so, check ORDERTIME_URL."),
        ("ordertime", "ORDERTIME_URL", "api.example.com", 2,
         "ORDERTIME_URL must be an https:// address, but is 'api.example.com'."),
        ("ordertime", "ORDERTIME_CA_FILE", "", 2, "in ORDERTIME_CA_FILE."),
        ("ordertime", "ORDERTIME_CA_FILE", "/none.pem", 2,
         "ORDERTIME_CA_FILE: expected a PEM file of certificates, found no file at"),
        ("order_tool", "ORDER_TOOL_CA_FILE", "README.md", 2,
         "ORDER_TOOL_CA_FILE: expected a PEM file of certificates, found something"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_read_names_the_variable_to_mend(
    servers: dict[str, object],
    command: Command,
    data: Path,
    source: str,
    variable: str,
    value: str,
    code: int,
    message: str,
) -> None:
    mistaken = value.format(servers[variable])
    env = {**servers, "FEEDS_DATA": data, variable: mistaken}
    done = command("extract", source, "--quiet", env=env)
    assert done.returncode == code
    assert message in one_sentence(done.stderr)


@pytest.mark.parametrize(
    ("variables", "code", "message"),
    [
        ({"URL": ""}, 2, "DEST_ONPART_URL is not set. Set it in the environment or in"),
        ({"URL": "ftp.example.com"}, 2, "expected ftps://user@host/folder (explicit"),
        ({"URL": "ftps://u@localhost"}, 2, "DEST_ONPART_PASSWORD is not set."),
        ({"URL": "ftps://u@localhost", "PASSWORD": "p", "CA_FILE": "README.md"}, 2,
         "DEST_ONPART_CA_FILE: expected a PEM file of certificates"),
        ({"URL": "ftps://u@127.0.0.1:1", "PASSWORD": "p", "RETRIES": "0"}, 75,
         "Connection refused"),
    ],
)  # fmt: skip
def test_a_destination_that_is_not_there_names_what_to_mend(
    tmp_path: Path, variables: dict[str, str], code: int, message: str
) -> None:
    project = SampleProject(tmp_path).quick()
    (tmp_path / "README.md").write_text("no certificate")
    env = {f"DEST_ONPART_{name}": value for name, value in variables.items()}
    done = project.run(
        "publish", "--at", project.at, "--quiet", FEEDS_ACCEPT_FIRST=1, **env
    )
    assert done.returncode == code, done.stderr
    assert message in done.stdout
    assert "bug" not in done.stdout + done.stderr


def test_a_file_that_is_not_declared_is_told_the_ones_that_are(tmp_path: Path) -> None:
    project = SampleProject(tmp_path).quick()
    done = project.run("publish", "onpart")
    assert done.returncode == 2
    assert "expected one of the files onpart_inventory; found 'onpart'" in one_sentence(
        done.stderr
    )
    done = project.run("publish", "onpart_inventory.4268")
    assert done.returncode == 2
    message = one_sentence(done.stderr)
    assert "found 'onpart_inventory.4268'. Its terms go together:" in message
    assert "publish onpart_inventory" in message
