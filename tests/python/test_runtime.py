"""Whole files, the lock, configuration and the ends of commands."""

import html
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from commands import ROOT, clean_environment
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from runtime import files
from runtime.code_digest import code_digest
from runtime.environment import DataDirectory, Environment, Limits, Secret, operator
from runtime.exits import Misuse, Temporary
from runtime.http import Proxy, deadline, open_pool
from runtime.lock import directory_lock


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    files.write_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError), files.atomic_write(path) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["feed.csv"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    files.write_bytes(path, b"old file")
    with path.open("rb") as reader:
        files.write_bytes(path, b"new")
        assert reader.read() == b"old file"
    assert path.read_bytes() == b"new"


def test_a_killed_write_leaves_the_old_file_and_sweep_removes_the_rest(
    tmp_path: Path,
) -> None:
    path = tmp_path / "feed.csv"
    files.write_bytes(path, b"old")
    program = (
        "import os, signal, sys; from pathlib import Path; from runtime import files\n"
        "with files.atomic_write(Path(sys.argv[1])) as part:\n"
        "    part.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    files.remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["feed.csv"]


def test_relink_replaces_a_link(tmp_path: Path) -> None:
    link = tmp_path / "current" / "ordertime"
    files.relink(link, "../a")
    files.relink(link, "../b")
    assert link.readlink() == Path("../b")
    assert [p.name for p in link.parent.iterdir()] == ["ordertime"]


def test_the_lock_names_its_owner_and_dies_with_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from runtime.lock import directory_lock\n"
        "with directory_lock(Path(sys.argv[1]), 'extract'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with (
            pytest.raises(Temporary, match=rf"extract \(pid {holder.pid} on .* since"),
            directory_lock(tmp_path, "publish"),
        ):
            pass
        holder.kill()
        holder.wait()
    with directory_lock(tmp_path, "publish"):
        owner = json.loads((tmp_path / "lock").read_text())
    assert owner["command"] == "publish"


def test_the_lock_can_be_waited_for(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from runtime.lock import directory_lock\n"
        "with directory_lock(Path(sys.argv[1]), 'extract'):\n"
        "    print('held', flush=True); time.sleep(0.5)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        began = time.monotonic()
        with directory_lock(tmp_path, "publish", wait_seconds=30):
            assert time.monotonic() - began > 0.2


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Environment({"PASSWORD": "hunter2"}).secret("PASSWORD")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret}{secret!r}{[secret]}"
    assert secret == Secret("hunter2")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "KEY is not set"),
        ({"KEY": "  "}, "KEY is not set"),
    ],
)
def test_a_missing_variable_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(Misuse, match=message):
        Environment(variables).text("KEY")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("many", "COUNT: expected `int`, found 'many'"),
        ("1.5", "COUNT: expected `int`, found '1.5'"),
        ("0", "COUNT: expected `int` >= 1, found '0'"),
        ("nan", "COUNT: expected `int`, found 'nan'"),
    ],
)
def test_a_wrong_number_is_named(text: str, message: str) -> None:
    with pytest.raises(Misuse, match=message):
        Environment({"COUNT": text}).count("COUNT", 4, 1, 64)


def test_the_environment_wins_over_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("FEEDS_ENVIRONMENT=uat\nFEEDS_THREADS=2\n")
    monkeypatch.setenv("FEEDS_THREADS", "3")
    variables = Environment.read(tmp_path)
    assert DataDirectory.read(variables).data == Path("data/uat")
    assert Limits.read(variables).threads == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only on Linux")
def test_no_more_threads_than_cores_that_the_process_may_use() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from runtime.environment import Environment, Limits; "
        "print(Limits.read(Environment({})).threads)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "1\n"


@pytest.mark.parametrize("name", ["o'brien", "data[1]", "all*", "{x}"])
def test_a_data_folder_in_which_nothing_would_be_found_is_refused(name: str) -> None:
    with pytest.raises(Misuse, match="FEEDS_DATA: expected a path without"):
        DataDirectory.read(Environment({"FEEDS_DATA": f"/data/{name}"}))


def test_a_user_number_without_a_name_is_an_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert operator(Environment({})) == "uid 12345"
    assert operator(Environment({"FEEDS_OPERATOR": "ann"})) == "ann"


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(Misuse, match="FEEDS_ENVIRONMENT must be one of dev, uat, prod"):
        DataDirectory.read(Environment({"FEEDS_ENVIRONMENT": "production"}))


PROGRAM = """
import sys, time, click
from runtime.command import run, report
from runtime.exits import Refused, Temporary
@click.command()
@click.argument("end")
@click.option("--json", "as_json", is_flag=True)
def program(end, as_json):
    if end == "refused": raise Refused("expected a, found b; do c.")
    if end == "later": raise Temporary("expected a, found no answer; wait.")
    if end == "bug": raise KeyError("oops")
    if end == "wait":
        try: print("ready", flush=True); time.sleep(60)
        finally: print("cleaned", flush=True)
    report({"status": "done"}, "well", as_json)
run(program)
"""


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["fine"], 0, "well\n", ""),
        (["fine", "--json"], 0, '{"status": "done"}\n', ""),
        (["refused"], 1, "", "Error: expected a, found b; do c.\n"),
        (["fine", "--what"], 2, "", "No such option"),
        (["bug"], 2, "", "unexpected KeyError"),
    ],
)
def test_a_command_ends_with_its_code(
    words: list[str], code: int, out: str, err: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert ended.returncode == code
    assert ended.stdout == out
    assert err in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refusal_is_also_told_in_json() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "refused", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(ended.stdout)["exit_code"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_command_after_its_clean_up(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert out == "cleaned\n"
    assert f"ended by signal {number:d}" in err


def test_a_signal_that_comes_while_a_line_is_logged_is_not_swallowed() -> None:
    """A logging handler goes on after every Exception; we are to end all the same."""
    program = (
        "import logging, os, signal, time, click\n"
        "from runtime.command import run\n"
        "from runtime.log import LOG\n"
        "class Slow:\n"
        "    def write(self, text): os.kill(os.getpid(), signal.SIGTERM)\n"
        "    def flush(self): pass\n"
        "@click.command()\n"
        "def program():\n"
        "    LOG.logger.addHandler(logging.StreamHandler(Slow()))\n"
        "    LOG.warning('a line'); time.sleep(60)\n"
        "run(program, [])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stderr == "Error: ended by signal 15; it is safe to run again\n"


@pytest.mark.parametrize(
    "swallow",
    [
        "try: time.sleep(30)\n    except BaseException: pass",
        "weak = weakref.finalize(Thing(), time.sleep, 30); del weak",
    ],
)
def test_a_signal_that_a_library_swallows_is_sent_again(swallow: str) -> None:
    program = (
        "import time, click, weakref\n"
        "from runtime.command import run\n"
        "class Thing: pass\n"
        "@click.command()\n"
        "def program():\n"
        "    print('ready', flush=True)\n"
        f"    {swallow}\n"
        "    time.sleep(30)\n"
        "run(program, [])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        began = time.monotonic()
        _, err = process.communicate(timeout=25)
    assert time.monotonic() - began < 10
    assert process.returncode == 128 + signal.SIGTERM
    assert err.endswith(b"Error: ended by signal 15; it is safe to run again\n")


def test_a_clean_up_is_interrupted_by_no_second_signal() -> None:
    program = PROGRAM.replace("finally: print", "finally: time.sleep(2); print")
    with subprocess.Popen(
        [sys.executable, "-c", program, "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        time.sleep(0.5)
        process.terminate()
        out, _ = process.communicate(timeout=25)
    assert (process.returncode, out) == (128 + signal.SIGTERM, "cleaned\n")


@pytest.mark.parametrize(
    "shell",
    [
        "exec %s >&-",
        "exec %s 2>&-",
        "exec %s <&- >&- 2>&-",
        "exec %s 1</dev/null",
        "exec %s 2>/dev/full",
        "set -o pipefail; %s | true",
        "%s 2> >(true)",
        "set -o pipefail; %s 2>&1 | true",
    ],
)
@pytest.mark.parametrize(
    ("word", "code"), [("fine", 0), ("refused", 1), ("fine --json", 0)]
)
@pytest.mark.sample(8)
def test_a_closed_output_changes_no_exit_code(
    tmp_path: Path, shell: str, word: str, code: int
) -> None:
    program = PROGRAM.replace(
        "def program(end, as_json):",
        "def program(end, as_json):\n"
        "    from runtime.command import show_progress\n"
        "    from runtime.log import LOG, start_logging\n"
        "    time.sleep(0.3); start_logging('text', False); show_progress(False)\n"
        "    for n in range(9): LOG.warning('x' * 9999)",
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    command = shell % f"{sys.executable} {script} {word}"
    ended = subprocess.run(
        ["bash", "-c", command], env=clean_environment(), check=False
    )
    assert ended.returncode == code


@pytest.mark.parametrize(
    "statement",
    [
        "with open('/dev/full', 'w') as file: file.write('x')",
        "duckdb.sql(\"copy (select range from range(9999)) to '/dev/full'\")",
        "raise KeyError('x') from OSError(errno.EDQUOT, 'Quota', 'data/x')",
        "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), 'data/x')",
    ],
)
def test_a_full_disk_is_temporary_and_says_what_to_free(statement: str) -> None:
    program = (
        "import duckdb, errno, os, click; from runtime.command import run\n"
        "@click.command()\n"
        "def program():\n"
        f"    {statement}\n"
        "run(program, [])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 75, ended.stderr
    assert ended.stderr.startswith("Error: the disk is full")
    assert "`publish prune`" in ended.stderr


def test_a_result_that_a_full_disk_does_not_take_is_temporary() -> None:
    script = f"exec '{sys.executable}' -m extract --help >/dev/full"
    ended = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=clean_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 75, ended.stderr
    assert "the disk is full at standard output" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("word", "code"), [("refused", 1), ("bug", 2), ("later", 75)])
def test_an_error_that_a_full_disk_does_not_take_keeps_its_code(
    tmp_path: Path, word: str, code: int
) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} {script} {word} --json >/dev/full"],
        env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == code
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr


HOSTILE = "a\x1b[2Jb\r\nError: forged \u202egnp.exe \x9b31m \u2028 caf\u00e9 \udc80"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_text_from_outside_is_shown_escaped_and_on_one_line(form: str) -> None:
    program = (
        "import click; from runtime.command import run, report\n"
        "from runtime.log import LOG, start_logging\n"
        "from runtime.exits import Refused\n"
        "@click.command()\n"
        "@click.option('--json', 'as_json', is_flag=True)\n"
        "def program(as_json):\n"
        f"    start_logging({form!r}, False); text = {HOSTILE!r}\n"
        "    LOG.warning(text); report({'text': text}, 'two\\nlines', as_json)\n"
        "    raise Refused(text)\n"
        f"run(program, {['--json'] if form == 'json' else []})\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 2
    assert len(ended.stdout.splitlines()) == 2
    shown = (ended.stdout + ended.stderr).replace("\n", "")
    assert shown.isprintable()
    assert "caf\u00e9" in shown
    if form == "json":
        assert json.loads(ended.stdout.splitlines()[0])["text"] == HOSTILE


def test_secrets_are_masked_in_everything_that_is_shown(tmp_path: Path) -> None:
    secrets = {
        "ORDERTIME_PASSWORD": 'pa"ss/w\u00f6rd',
        "DEST_X_PASSWORD": "hunter2",
        "FEEDS_HTTP_PROXY": "http://user:proxypass@proxy:3128",
        "SOMEBODYS_TOKEN": "abcdefghijklmnop",
        "OTHER_KEY": "true",
    }
    (tmp_path / "dbt_project.yml").touch()
    program = (
        "import click, os; from urllib.parse import quote\n"
        "from runtime.environment import Environment\n"
        "from runtime.command import run, report\n"
        "from runtime.log import LOG, start_logging\n"
        "from runtime.exits import Refused\n"
        "@click.command()\n"
        "@click.argument('form')\n"
        "def program(form):\n"
        "    Environment.read(); start_logging(form, False)\n"
        f"    text = ' '.join(f'{{os.environ[n]}} {{quote(os.environ[n], safe=\"\")}}'"
        f" for n in {list(secrets)})\n"
        "    LOG.warning(text)\n"
        "    report({'a': [{text: text}], 'dry_run': True}, text, form == 'json')\n"
        "    raise Refused(text)\n"
        "run(program)\n"
    )
    for form in ("text", "json"):
        ended = subprocess.run(
            [sys.executable, "-c", program, form],
            capture_output=True, text=True, check=False, cwd=tmp_path,
            env=clean_environment(**secrets),
        )  # fmt: skip
        assert ended.returncode == 1, ended.stderr
        for part in ("ss/w", "ss%2Fw", "hunter2", "proxypass", "mnop"):
            assert part not in ended.stdout + ended.stderr
        assert "true" in ended.stdout


@pytest.mark.parametrize("secret", ['p"ss<w\u00f6rd/7', "hunter2", "s p a c e & more"])
def test_a_secret_is_masked_however_a_server_encodes_it(secret: str) -> None:
    basic = [f"{'u' * length}:{secret}" for length in range(1, 4)]
    plain = [f"\0{'u' * length}\0{secret}" for length in range(1, 4)]
    encoded = [b64encode(each.encode()).decode() for each in (secret, *basic, *plain)]
    quoted = [quote(secret), quote(secret, safe="")]
    quoted += [re.sub("%..", lambda code: code[0].lower(), each) for each in quoted]
    others = [json.dumps(secret)[1:-1], html.escape(secret)]
    program = "import sys; from runtime.display import hide, one_line\n"
    program += "hide(sys.argv[1:2]); print(*map(one_line, sys.stdin), sep='\\n')"
    forms = [secret, *encoded, *quoted, *others]
    ended = subprocess.run(
        [sys.executable, "-c", program, secret],
        capture_output=True, text=True, check=True, input="\n".join(forms),
    )  # fmt: skip
    lines = ended.stdout.splitlines()
    assert len(lines) == len(forms)
    assert [line for line in lines if "***" not in line] == []
    # At most four letters of base64 beside the mask depend on the secret.
    rest = [line.replace("\\n", "").partition("***")[2] for line in lines]
    assert [each for each in rest if len(each) > 4] == []


@pytest.mark.parametrize(
    ("umask", "modes"), [(0, {0o755, 0o644}), (0o777, {0o700, 0o600})]
)
def test_files_have_modes_of_our_own(
    tmp_path: Path, umask: int, modes: set[int]
) -> None:
    program = (
        "import click, sys; from pathlib import Path\n"
        "from runtime.command import run; from runtime import files\n"
        "from runtime.lock import directory_lock\n"
        "@click.command()\n"
        "@click.argument('folder', type=Path)\n"
        "def program(folder):\n"
        "    with directory_lock(folder / 'data', 'x'):\n"
        "        files.write_bytes(folder / 'data/a/b.json', b'')\n"
        "run(program)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, check=True, umask=umask)
    paths = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in paths} == modes


@pytest.mark.parametrize(
    "line",
    [
        "A=plain",
        "A=",
        "A='Pa$$w0rd#7 `x` \\\\ \"'",
        'A="two words"',
        "A=a#b",
        "A=a # a comment with $dollar",
        "export A=plain",
        "A=ftps://user@ftp.example.com/inbox",
        "A=Pa$$w0rd#7",
        'A="Pa$$w0rd"',
        "A=two words",
        "A=a\\\\b",
        "A=a&b",
        'A="a\\nb"',
        "A=it's",
        "A=~/key.pem",
        "A = spaced",
        "A=`date`",
        "A=a;b",
        "A=a(b",
        'A="say \\"x\\""',
        'A="a"b',
        "A='it'\\''s'",
        "# A=$x",
    ],
)
def test_a_variable_that_a_shell_reads_otherwise_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"B=1\n{line}\n")
    value = Environment.read(tmp_path).text("A", "")
    shell = subprocess.run(
        ["bash", "-c", f'set -a; . {file} 2>/dev/null; printf %s "$A"'],
        capture_output=True, text=True, env={"HOME": "/h"}, check=False,
    )  # fmt: skip
    ours = [record for record in caplog.records if record.name == "feeds"]
    named = {record.fields["name"] for record in ours}
    assert bool(named & {"A", "line 2"}) == (shell.stdout != value)
    assert "B" not in named


def test_a_file_of_variables_may_begin_with_a_mark_but_must_be_utf_8(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nB=2\n", encoding="utf-8-sig")
    assert Environment.read(tmp_path).text("A") == "1"
    (record,) = caplog.records
    assert record.fields["name"] == "A"  # a shell runs a command named so
    for encoding, text, byte in (
        ("utf-16", "A=1\n", "0xff at position 0"),
        ("utf-16-le", "A=1\n", "0x0 at position 1"),
        ("utf-16-be", "A=1\n", "0x0 at position 0"),
        ("latin-1", "A=caf\xe9\n", "0xe9 at position 5"),
    ):
        file.write_text(text, encoding=encoding)
        words = rf"\.env: expected UTF-8, found the byte {byte}\. Save"
        with pytest.raises(Misuse, match=words):
            Environment.read(tmp_path)


def test_the_digest_of_the_code_is_of_files_seeds_and_variables(tmp_path: Path) -> None:
    for name in ("macros", "models", "seeds", "tests"):
        (tmp_path / name).mkdir()
    for name in ("dbt_project.yml", "profiles.yml", "seeds/part_types.csv"):
        (tmp_path / name).write_text("a")
    digests = [code_digest(tmp_path, {})]
    (tmp_path / "tests/part.sql").write_text("a data test proves no code")
    assert code_digest(tmp_path, {}) == digests[0]
    (tmp_path / "seeds/part_types.csv").write_text("b")
    digests.append(code_digest(tmp_path, {}))
    (tmp_path / "seeds/part_types.csv").rename(tmp_path / "seeds/types.csv")
    digests += [code_digest(tmp_path, {}), code_digest(tmp_path, {"qty_limit": 9})]
    assert len(set(digests)) == 4


def test_each_exchange_ends_at_its_own_deadline() -> None:
    def ask(address: str, seconds: float) -> float:
        began = time.monotonic()
        pool = open_pool(address, None, Proxy(), 1)
        with pytest.raises(HTTPTimeoutError), deadline(seconds):
            pool.request("GET", address, retries=False)
        return time.monotonic() - began

    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        limits = [6, 1, 2, 1]
        took = list(pool.map(ask, [address] * len(limits), limits))
    for limit, seconds in zip(limits, took, strict=True):
        assert limit <= seconds < limit + 4
