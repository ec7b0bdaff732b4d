"""pyftpdlib with one answer changed: a list, a refusal, or text in Latin-1."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from delivering import CONTENT, ignore, serving

from publish.transport import Destination, connect
from publish.transport.connection import Connection, ensure_mode
from publish.transport.errors import retry_of
from runtime.environment import Environment
from runtime.exits import Refused, Temporary
from sandbox import certificates

NAME = "feed.csv"


@contextmanager
def opened(
    place: Path, extra: str, folder: str = "", **more: str
) -> Iterator[Connection]:
    shown = certificates.make(place)
    (place / "partner").mkdir(exist_ok=True)
    with serving(shown, place / "partner", extra=extra) as port:
        variables = {
            "DEST_ONPART_URL": f"ftps://feeds@localhost:{port}",
            "DEST_ONPART_PASSWORD": "pass-of-tests",
            "DEST_ONPART_CA_FILE": str(shown.ca_file),
            **{f"DEST_ONPART_{name}": text for name, text in more.items()},
        }
        connection = connect(Destination.read(Environment(variables), "onpart"), folder)
        try:
            yield connection
        finally:
            connection.close()


def answers(command: str, reply: str) -> str:
    """Code by which the server always answers a command like this."""
    return f"TLS_FTPHandler.ftp_{command} = lambda self, *a: self.respond({reply!r})\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    "extra",
    [
        answers("SIZE", "500 unknown"),
        answers("SIZE", "550 SIZE: Operation not permitted"),
        answers("SIZE", "213 many"),
        answers("SIZE", "502 no") + answers("MLST", "550 Permission denied"),
        answers("SIZE", "502 no") + answers("MLST", "250 no lines"),
        answers("SIZE", "502 no") + answers("LIST", "550 Permission denied"),
    ],
)
def test_a_size_is_found_another_way_if_one_fails(
    tmp_path: Path, source: Path, extra: str
) -> None:
    with opened(tmp_path, extra) as connection:
        connection.put(source, NAME, ignore)
        assert connection.size(NAME) == len(CONTENT)
        assert connection.size("none") is None


def test_without_any_size_it_is_refused(tmp_path: Path, source: Path) -> None:
    extra = "".join(
        answers(word, f"550 {word}: Permission denied")
        for word in ("SIZE", "MLST", "LIST")
    )
    with opened(tmp_path, extra) as connection:
        connection.put(source, NAME, ignore)
        with pytest.raises(Refused, match="550 LIST: Permission denied"):
            connection.size(NAME)


# Node.js: ftpd answers 450 for a missing file; simple-ftpd lists in ASCII type only.
FTPD = (
    "size = TLS_FTPHandler.ftp_SIZE\n"
    "TLS_FTPHandler.ftp_SIZE = lambda self, path: size(self, path) "
    "if self.fs.isfile(path) else self.respond('450 Failed to get size of file')\n"
)
SIMPLE_FTPD = "".join(
    answers(word, "502 no") for word in ("FEAT", "SIZE", "MDTM", "MLST", "MLSD", "NLST")
) + (
    "full = TLS_FTPHandler.ftp_LIST\n"
    "TLS_FTPHandler.ftp_LIST = lambda self, path: full(self, path) "
    "if self._current_type == 'a' else self.respond('550 data encoding must be set')\n"
)
# aioftp: no FEAT, and neither SIZE nor NLST, but MLST and MLSD.
AIOFTP = "".join(
    answers(word, "502 no") for word in ("FEAT", "SIZE", "MDTM", "NLST", "LIST")
)


@pytest.mark.parametrize("extra", [FTPD, SIMPLE_FTPD, AIOFTP])
def test_a_server_with_few_commands_is_asked_in_every_way(
    tmp_path: Path, source: Path, extra: str
) -> None:
    with opened(tmp_path, extra) as connection:
        assert connection.list() == []
        connection.put(source, NAME, ignore)
        assert connection.size(NAME) == len(CONTENT)
        assert connection.list() == [NAME]
        connection.rename(NAME, "b.csv")
        assert connection.size(NAME) is None
        connection.remove(NAME)
        connection.remove("b.csv")
        assert connection.list() == []


def test_a_file_that_may_not_be_removed_is_no_missing_file(
    tmp_path: Path, source: Path
) -> None:
    with opened(tmp_path, answers("DELE", "550 no")) as connection:
        connection.put(source, NAME, ignore)
        with pytest.raises(Refused, match=r"removing feed.csv failed .*550 no"):
            connection.remove(NAME)
        connection.remove("none")


@pytest.mark.parametrize(
    ("reply", "expected"), [("550 No files found", []), ("550 Permission denied", None)]
)
def test_an_empty_folder_may_be_an_error(
    tmp_path: Path, reply: str, expected: list[str] | None
) -> None:
    extra = "".join(answers(word, reply) for word in ("NLST", "LIST"))
    extra += answers("MLSD", "500 unknown") + answers("FEAT", "500 unknown")
    with opened(tmp_path, extra) as connection:
        if expected is None:
            with pytest.raises(Refused, match="550 Permission denied"):
                connection.list()
        else:
            assert connection.list() == expected


def test_text_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    extra = (
        "from pyftpdlib.ioloop import AsyncChat\n"
        "TLS_FTPHandler.ftp_CWD = lambda self, path: "
        "AsyncChat.push(self, b'550 kein Ordner Gr\\xf6\\xdfe\\r\\n')\n"
    )
    with (
        pytest.raises(Refused, match=r"kein Ordner Gr\\xf6"),
        opened(tmp_path, extra, "in"),
    ):
        pass


def test_a_mode_that_is_not_set_is_noticed(tmp_path: Path, source: Path) -> None:
    extra = (
        "TLS_FTPHandler.ftp_SITE_CHMOD = lambda self, path, mode: "
        "self.respond('200 as it was')"
    )
    with opened(tmp_path, extra) as connection:
        connection.put(source, NAME, ignore)
        before = connection.mode(NAME)
        with pytest.raises(Refused, match=f"expected the mode 0604, .* has {before}"):
            ensure_mode(connection, NAME, "0604")


def test_a_refused_prot_p_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(Refused, match=r"PROT P.*536 not here"),
        opened(tmp_path, answers("PROT", "536 not here")),
    ):
        pass


def test_passive_mode_that_is_refused(tmp_path: Path, source: Path) -> None:
    with (
        opened(tmp_path, answers("PASV", "425 no ports left")) as connection,
        pytest.raises(Temporary, match="425 no ports left"),
    ):
        connection.put(source, NAME, ignore)


@pytest.mark.parametrize(
    ("extra", "given"),
    [
        (answers("FEAT", "211-Features\r\n MLST size*\r\n211 End"), True),
        (answers("FEAT", "500 unknown"), False),
        (
            answers("FEAT", "211-Features\r\n MLST size*\r\n211 End")
            + answers("MLST", "250 no lines"),
            False,
        ),
    ],
)
def test_a_time_is_given_or_none(
    tmp_path: Path, source: Path, extra: str, given: bool
) -> None:
    with opened(tmp_path, extra) as connection:
        connection.put(source, NAME, ignore)
        assert (connection.modified(NAME) is not None) is given


@pytest.mark.parametrize("command", ["PASV", "STOR", "RNTO"])
def test_a_server_that_stops_answering_is_temporary(
    tmp_path: Path, source: Path, command: str
) -> None:
    silent = f"TLS_FTPHandler.ftp_{command} = lambda self, *a: None"
    with opened(tmp_path, silent, TIMEOUT="1", REPLY_TIMEOUT="1") as connection:
        with pytest.raises(Temporary, match="timed out") as caught:
            connection.put(source, "x.part", ignore)
            connection.rename("x.part", NAME)
        assert retry_of(caught.value) == "retry_often"
