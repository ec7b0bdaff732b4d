"""Configuration from the environment, and from `.env` where the variable is not set.

Read once per command into frozen values; a message about a variable names it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from runtime.display import hide
from runtime.exits import Misuse
from runtime.log import LOG, set_default_format

ENVIRONMENTS = ("dev", "uat", "prod")
ENGINES = ("duckdb", "spark")
Value = TypeVar("Value")
Group = TypeVar("Group", bound=msgspec.Struct)


_OURS = ("FEEDS_", "ORDERTIME_", "ORDER_TOOL_", "DEST_")
_SECRET = re.compile(
    r"PASSWORD|PASSPHRASE|SECRET|TOKEN|(?<!HOST)_KEY$|WEBHOOK_URL$|APPRISE_URLS$|PROXY$"
)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that no repr, log or error may show; `reveal` it where it is sent."""

    _value: str

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


class Environment:
    """The variables a command may read, with errors that name them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {
            name: text.strip() for name, text in variables.items() if text.strip()
        }

    @classmethod
    def read(cls, folder: Path | None = None) -> "Environment":
        """Read the environment over `folder`/.env (default: the current folder).

        Raises:
            Misuse: `folder` is left out, and the current folder is not the project's.
        """
        file = (folder or _project()) / ".env"
        # Only a file needs python-dotenv, which takes long to import.
        there = file.is_file()
        below = _read(file) if there else {}
        present = {name: text for name, text in below.items() if text is not None}
        variables = cls({**present, **os.environ})
        hide(variables.secrets())
        set_default_format(variables.optional("FEEDS_LOG_FORMAT"))
        for name in _read_differently_by_a_shell(file) if there else ():
            LOG.warning(
                "read in another way by a shell",
                name=name,
                path=file,
                because="a shell that sources the file gets another value than "
                "extract, publish and monitor. Put the value in single quotes, or in "
                "double quotes if it has a single one.",
            )
        return variables

    def text(self, name: str, default: str | None = None) -> str:
        """Return a variable, or `default`; without either, name what is missing."""
        if name in self._variables:
            return self._variables[name]
        if default is None:
            raise Misuse(f"{name} is not set. Set it in the environment or in .env.")
        return default

    def optional(self, name: str) -> str | None:
        """Return a variable, or None where it is unset or blank."""
        return self._variables.get(name)

    def secret(self, name: str) -> Secret:
        """Return a variable that must never be shown."""
        return Secret(self.text(name))

    def header(self, name: str, default: str | None = None) -> str:
        """Return a variable that is sent as a header of HTTP, such as a token.

        Raises:
            Misuse: it has a character that no header can have; names the variable.
        """
        text = self.text(name, default)
        if not _HEADER.fullmatch(text):
            raise Misuse(
                f"{name}: expected letters, digits and signs of Latin-1 on one line, "
                "as a header of HTTP has them, found something else."
            )
        return text

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must never be shown, by the names of variables.

        A short value of somebody else's variable may be an ordinary word.
        """
        return tuple(
            text
            for name, text in self._variables.items()
            if _SECRET.search(name) and (name.startswith(_OURS) or len(text) >= 12)
        )

    def authorities(self, name: str) -> Path | None:
        """Return a PEM file of the authorities to trust, or None where it is unset."""
        given = self._variables.get(name)
        if given is None:
            return None
        import ssl

        try:
            ssl.create_default_context(cafile=given)
        except OSError:  # ssl.SSLError is one
            content = "something else" if Path(given).is_file() else "no file"
            raise Misuse(
                f"{name}: expected a PEM file of certificates, found {content} at "
                f"{given}. Name one, or leave it unset to trust the usual authorities."
            ) from None
        return Path(given)

    def number(
        self, name: str, default: float, least: float = 0, most: float = 1e12
    ) -> float:
        """Return a number between `least` and `most`."""
        return self._value(name, Annotated[float, Meta(ge=least, le=most)], default)

    def count(self, name: str, default: int, least: int = 0, most: int = 10**9) -> int:
        """Return a whole number between `least` and `most`."""
        return self._value(name, Annotated[int, Meta(ge=least, le=most)], default)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a variable that is 1, 0, true or false."""
        return self._value(name, bool, default)

    def settings(self, kind: type[Group], prefix: str) -> Group:
        """Return a Struct of which each field is a variable: `prefix` and its name.

        Raises:
            Misuse: a variable is not of the field's type; names the variable.
        """
        fields = msgspec.structs.fields(kind)
        values = {
            field.name: self._value(
                prefix + field.name.upper(), field.type, field.default
            )
            for field in fields
        }
        return kind(**values)

    def _value(self, name: str, kind: Any, default: Value) -> Value:
        text = self._variables.get(name)
        if text is None:
            return default
        try:
            value: Value = msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            expected = str(error).partition(", got")[0].replace("Expected", "expected")
            raise Misuse(f"{name}: {expected}, found {text!r}.") from None
        return value


_HEADER = re.compile(r"[ -~\xa0-\xff]*")  # Latin-1 without control characters
# Some editors write it first. python-dotenv drops it, a shell does not.
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
# Outside single quotes, and outside any quotes: what a shell does not take literally.
_EXPANDED = re.compile(r"[$`]")
_BEFORE_COMMENT = re.compile(r"""('[^']*'|"[^"]*"|\s(?!#)|\S)*""")
_SPECIAL = re.compile(r"[;&|<>()]|[=:]~")


def _read(file: Path) -> dict[str, str | None]:
    content = file.read_bytes()
    place = content.find(0)  # UTF-16 without a mark has it beside every letter
    try:
        content.decode()
    except UnicodeDecodeError as error:
        place = error.start
    if place >= 0:
        raise Misuse(
            f"{file}: expected UTF-8, found the byte {content[place]:#x} at position "
            f"{place}. Save the file as UTF-8."
        )
    from dotenv import dotenv_values

    return dotenv_values(file, interpolate=False)


def _read_differently_by_a_shell(file: Path) -> list[str]:
    """Return the names of a `.env` file's variables that sourcing would set otherwise.

    It is read in two ways: by us, and by a shell for dbt. They agree on most lines. A
    line that only a shell can read is named by its number.
    """
    from dotenv.parser import parse_stream

    text = file.read_text(encoding="utf-8")
    return [
        line.key or f"line {line.original.line}"
        for number, line in enumerate(parse_stream(StringIO(text)))
        if line.error
        or (number == 0 and text.startswith(_MARK))
        or (
            line.key is not None
            and not _is_the_same(line.original.string, line.key, line.value)
        )
    ]


def _is_the_same(text: str, name: str, value: str | None) -> bool:
    import shlex

    match = _BEFORE_COMMENT.match(text.strip().removeprefix("export "))
    assignment = match[0] if match else ""
    literal = re.sub(r"'[^']*'", "", assignment)
    unquoted = re.sub(r'"[^"]*"', "", literal)
    if _EXPANDED.search(literal) or _SPECIAL.search(unquoted):
        return False
    try:
        words = shlex.split(assignment)
    except ValueError:  # a quotation mark that is not closed
        return False
    return words == [f"{name}={value or ''}"]


def operator(variables: Environment) -> str:
    """Return who runs a command: FEEDS_OPERATOR, the login, or "uid 12345".

    A container's user number has no login.
    """
    if name := variables.optional("FEEDS_OPERATOR"):
        return name
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        return f"uid {os.getuid()}"


def _project() -> Path:
    """Return the current folder, which has models, suites and by default data."""
    here = Path.cwd()
    if not (here / "dbt_project.yml").is_file():
        raise Misuse(
            f"expected the project's folder, found no dbt_project.yml in "
            f"{here}. Change to the folder that holds README.md, and run it there."
        )
    return here


def unreadable(data: str) -> str | None:
    """Say what is wrong with the path of a data directory; None if it is usable.

    dbt and DuckDB find files by patterns and in quotes. If the name of the folder
    looks like a pattern, they find no files and report no error.
    """
    letter = next((letter for letter in data if letter in "'\"*?[]{}"), None)
    return letter and (
        f"FEEDS_DATA: expected a path without ' \" * ? [ ] {{ }}, found {letter} in "
        f"{data}. Choose another folder."
    )


class DataDirectory(msgspec.Struct, frozen=True):
    """The data directory of one environment; docs/README.md lists its files.

    Attributes:
        environment: dev, uat or prod.
        data: the folder.
        engine: duckdb or spark: whose tables are read; None if nobody chose one.
    """

    environment: str
    data: Path
    engine: str | None = None

    @classmethod
    def read(cls, variables: Environment) -> "DataDirectory":
        """Read FEEDS_ENVIRONMENT (dev), FEEDS_DATA and FEEDS_ENGINE.

        The default of FEEDS_DATA is data/<environment>.
        """
        environment = variables.text("FEEDS_ENVIRONMENT", "dev")
        if environment not in ENVIRONMENTS:
            raise Misuse(
                f"FEEDS_ENVIRONMENT must be one of {', '.join(ENVIRONMENTS)}, "
                f"but is {environment!r}."
            )
        data = variables.text("FEEDS_DATA", f"data/{environment}")
        if complaint := unreadable(data):
            raise Misuse(complaint)
        engine = variables.optional("FEEDS_ENGINE")
        if engine not in (None, *ENGINES):
            raise Misuse(
                f"FEEDS_ENGINE must be one of {', '.join(ENGINES)}, but is {engine!r}."
            )
        return cls(environment, Path(data), engine)

    @property
    def landing(self) -> Path:
        """Folder of what extract lands: one folder per run, and `current`."""
        return self.data / "landing"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that dbt builds."""
        return self.data / "warehouse.duckdb"

    @property
    def spark(self) -> Path:
        """Folder of tables that are Parquet: `<build>/<table>/`, and their records."""
        return self.data / "spark"

    @property
    def outbox(self) -> Path:
        """Folder of packages: `<file>/<run id>/`."""
        return self.data / "outbox"

    @property
    def delivered(self) -> Path:
        """Folder of the rows that partners have: `<model>/`."""
        return self.data / "delivered"

    @property
    def ledger(self) -> Path:
        """The append-only record of deliveries."""
        return self.data / "ledger.jsonl"


DUCKDB_SIZE = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B|%)", re.IGNORECASE)


class Limits(msgspec.Struct, frozen=True):
    """What DuckDB may use in our own steps; dbt reads the same variables."""

    memory: str
    threads: int

    @classmethod
    def read(cls, variables: Environment) -> "Limits":
        """Read FEEDS_MEMORY_LIMIT (2GB) and FEEDS_THREADS (as many as cores)."""
        memory = variables.text("FEEDS_MEMORY_LIMIT", "2GB")
        if not DUCKDB_SIZE.fullmatch(memory):
            raise Misuse(
                f"FEEDS_MEMORY_LIMIT must be a size such as 2GB, but is {memory!r}."
            )
        return cls(memory, variables.count("FEEDS_THREADS", _cores(), 1, 256))


def _cores() -> int:
    """Return how many cores this process may use: a container may have fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
