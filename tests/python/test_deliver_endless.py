"""Servers that never stop sending: every conversation ends, and a signal ends it."""

import signal
import time
from pathlib import Path

import pytest
from checking import CheckProject
from delivering import ignore, opened
from servers.script import Script
from servers.sftp import SftpStub
from servers.stub import Stub

from publish.transport import sftp
from runtime.exits import Refused, Stop, Temporary

NAME = "feed.csv"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"a,b\n" * 100)
    return path


def converse(to: Stub, source: Path, **more: str) -> None:
    with opened(to, **{"TIMEOUT": "2", "REPLY_TIMEOUT": "2", **more}) as connection:
        connection.put(source, NAME, ignore)
        connection.size(NAME)
        connection.list()


@pytest.mark.parametrize("mode", ["explicit", "plain"])
@pytest.mark.parametrize(
    "word", ["CONNECT", "USER", "FEAT", "PASV", "STOR", "SIZE", "QUIT", "LISTING"]
)
def test_an_answer_without_end_is_refused(source: Path, word: str, mode: str) -> None:
    began = time.monotonic()
    with Stub(Script(endless=word, mode=mode)) as to:
        if word == "QUIT":
            converse(to, source)
        else:
            with pytest.raises(Refused, match=r"(reply|listing) of over \d+ bytes"):
                converse(to, source, TIMEOUT="20", REPLY_TIMEOUT="20")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("word", ["CONNECT", "USER", "FEAT", "PASV", "SIZE", "STOR"])
@pytest.mark.sample(2)
def test_an_answer_that_drips_is_temporary(source: Path, word: str) -> None:
    began = time.monotonic()
    with (
        Stub(Script(drips=word, mode="plain")) as to,
        pytest.raises(Temporary, match=r"not done within 2 s|timed out"),
    ):
        converse(to, source)
    assert time.monotonic() - began < 12


def test_the_whole_conversation_has_a_deadline(source: Path) -> None:
    with (
        Stub(Script(late=3)) as to,
        opened(to, DEADLINE="1") as connection,
        pytest.raises(Temporary, match=r"not done within 1 s|timed out"),
    ):
        connection.put(source, NAME, ignore)


def test_an_sftp_conversation_has_a_deadline(source: Path) -> None:
    with SftpStub() as to, opened(to, DEADLINE="1") as connection:
        time.sleep(1)
        with pytest.raises(Temporary, match="not done within 1 s"):
            connection.put(source, NAME, ignore)


def test_a_folder_with_too_many_names_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sftp, "_NAMES", 10)
    with SftpStub() as to, opened(to) as connection:
        for number in range(11):
            (to.folder / f"{number}.csv").touch()
        with pytest.raises(Stop, match="more than 10 names"):
            connection.list()


@pytest.mark.parametrize("word", ["CONNECT", "SIZE"])
@pytest.mark.sample(1)
def test_a_signal_ends_it(tmp_path: Path, word: str) -> None:
    project = CheckProject(tmp_path)
    with Stub(Script(drips=word)) as to:
        project.variables = to.variables()
        project.write()
        running = project.start("check", DEST_ONPART_TIMEOUT=60)
        step = {"CONNECT": "step='log in'", "SIZE": "step=size"}[word]
        assert running.wait_for(step)
        time.sleep(0.5)
        running.signal(signal.SIGTERM)
        done = running.wait(20)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
