"""The command line `sandbox`, run as a process."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import requests

SANDBOX = [sys.executable, "-m", "sandbox"]


def run(*arguments):
    return subprocess.run(
        [*SANDBOX, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(*arguments):
    process = subprocess.Popen(
        [*SANDBOX, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def variables(process, last):
    values = {}
    while last not in values:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        name, _, value = line.rstrip("\n").partition("=")
        values[name] = value
    return values


CHILD = """
import ftplib, io, json, os, ssl, sys, requests
env = os.environ
with requests.Session() as session:
    session.trust_env = False
    count = session.put(
        env["ORDERTIME_URL"] + "/list",
        json={"Type": 101},
        headers={
            "apiKey": env["ORDERTIME_API_KEY"],
            "email": env["ORDERTIME_EMAIL"],
            "password": env["ORDERTIME_PASSWORD"],
        },
        verify=env["ORDERTIME_CA_FILE"],
    ).text
user, _, place = env["DEST_ONPART_URL"].removeprefix("ftps://").partition("@")
host, _, port = place.partition(":")
context = ssl.create_default_context(cafile=env["DEST_ONPART_CA_FILE"])
with ftplib.FTP_TLS(context=context) as ftp:
    ftp.connect(host, int(port))
    ftp.login(user, env["DEST_ONPART_PASSWORD"])
    ftp.prot_p()
    ftp.storbinary("STOR count.txt", io.BytesIO(count.encode()))
sys.exit(75)
"""


def test_run_gives_a_command_both_servers_and_its_own_exit_code(tmp_path):
    arguments = ["--items", "123", "--partner-folder", str(tmp_path)]
    result = run("run", *arguments, "--", sys.executable, "-c", CHILD)
    assert (result.returncode, result.stderr) == (75, "")
    assert (tmp_path / "count.txt").read_text() == "123"


def test_run_passes_options_of_the_command_on():
    result = run("run", "--items", "9", "--", "echo", "--items", "-h")
    assert (result.returncode, result.stdout) == (0, "--items -h\n")


def test_run_says_how_a_command_was_killed():
    assert run("run", "--items", "9", "--", "sh", "-c", "kill -9 $$").returncode == 137


CAREFUL = """
import os, signal, sys, time
# Not with print: the signal may arrive during the other print.
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"stopped\\n"), sys.exit(3)))
print("ready", flush=True)
time.sleep(60)
"""


def test_run_passes_signals_on_and_waits():
    arguments = ["run", "--items", "9", "--", sys.executable, "-c", CAREFUL]
    with running(*arguments) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (3, "stopped\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_order_time_serves_until_stopped(number, tmp_path):
    for name, rows in {
        "part_items": [{"Id": 1, "Name": "only"}],
        "locations": [],
        "stock_by_location": [],
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
    arguments = ["ordertime", "--http", "--data", str(tmp_path), "--fault", "1:429"]
    with running(*arguments) as process:
        values = variables(process, "ORDERTIME_PASSWORD")
        headers = {
            "apiKey": values["ORDERTIME_API_KEY"],
            "email": values["ORDERTIME_EMAIL"],
            "password": values["ORDERTIME_PASSWORD"],
        }
        with requests.Session() as session:
            session.trust_env = False
            url = f"{values['ORDERTIME_URL']}/partitem?id=1"
            assert session.get(url, headers=headers).status_code == 429
            assert session.get(url, headers=headers).json()["Name"] == "only"
        # A connection is still open, as clients often leave it.
        start = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert time.monotonic() - start < 5


def test_the_partner_serves_until_stopped(tmp_path):
    with running("partner", "--folder", str(tmp_path), "--destination", "X") as process:
        values = variables(process, "DEST_X_CA_FILE")
        assert values["DEST_X_URL"].startswith("ftps://feeds@localhost:")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--fault", "1:nosuch", "--", "true"], "there is no 'nosuch'"),
        (["run", "--switch", "gzip=maybe", "--", "true"], "expected true or false"),
        (["run", "--items", "9", "--", "./no-such-command"], "cannot be run"),
        (["run", "--itmes", "9", "--", "true"], "No such option"),
        (["run"], "Missing argument"),
        (["ordertime", "--data", "/no-such-folder"], "does not exist"),
        (["partner"], "Missing option '--folder'"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_2(arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_help_shows_examples_and_every_fault():
    text = run("run", "--help").stdout
    assert "sandbox run -- extract" in text
    assert "duplicate-keys" in text
