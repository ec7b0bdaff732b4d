"""The fields of JSON files that last, as far as commands read them.

A field that is not required may be absent: an earlier version did not write it.
"""

from pathlib import Path
from typing import Annotated, Any, NotRequired, Required, TypedDict

import msgspec

from runtime.files import DamagedError

Time = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d")]


class ExtractEntity(TypedDict, total=False):
    """One list of a source."""

    rows: Required[int]
    count_after: int | None
    proof: str | None
    file: str
    unrecognised: dict[str, Any] | list[str] | None
    absent: list[str] | None
    unmatched: list[str] | None


class Extract(TypedDict, total=False):
    """extract.json."""

    run_id: Required[str]
    finished_at: Required[Time]
    entities: Required[dict[str, ExtractEntity]]


class UnfinishedExtract(TypedDict):
    """run.json of an unfinished run."""

    started_at: Time
    agreement: dict[str, Any]


class BuiltFile(TypedDict, total=False):
    """One Parquet file of a table."""

    bytes: Required[int]
    sha256: str


class BuiltTable(TypedDict, total=False):
    """One table of a build."""

    folder: Required[str]
    build: Required[str]
    rows: Required[int]
    files: dict[str, BuiltFile]


class NodeResult(TypedDict, total=False):
    """How a node of dbt ended."""

    unique_id: Required[str]
    status: Required[str]
    failures: int | None
    message: str | None


class BuildDetails(TypedDict, total=False):
    """The verdict of a build."""

    results: Required[list[NodeResult]]
    dbt_version: str | None
    code_digest: str | None
    empty: bool
    vars: dict[str, Any]


class BuildRecord(TypedDict, total=False):
    """The record of a build on Spark."""

    invocation_id: Required[str]
    command: Required[str]
    built_at: Required[Time]
    ended_at: Required[Time]
    states: Required[list[dict[str, str]]]
    details: Required[BuildDetails]
    tables: Required[dict[str, BuiltTable]]
    unit_tests_passed: list[str]


class ServerFacts(TypedDict, total=False):
    """What is known of a server."""

    certificate_ends: Time | None
    mode: str | None


class ServerCheck(TypedDict):
    """The result of `publish check` for one folder."""

    at: Time
    verdict: str
    message: str
    facts: ServerFacts


class Checks(TypedDict, total=False):
    """checks/<destination>.json."""

    checks: dict[str, ServerCheck]


class Backup(TypedDict, total=False):
    """backup.json."""

    at: Required[str]
    noticed: dict[str, list[str]]


class Acknowledged(TypedDict, total=False):
    """Who acknowledged a problem."""

    by: Required[str]
    because: Required[str]
    at: Required[str]
    until: Time | None


class _Problem(TypedDict, total=False):
    id: Required[str]
    do: Required[str]
    about: Required[str]
    examples: Required[list[str]]
    first: Required[str]
    ended: str | None
    acknowledged: Acknowledged | None


# Keys of files that are no names of this project.
_Message = TypedDict("_Message", {"says": str})  # noqa: UP013


class Problem(_Problem, _Message):
    """A problem of alerts/state.json."""


class Failing(TypedDict):
    """Why a channel does not accept alerts."""

    since: str
    why: str


_Sent = TypedDict("_Sent", {"told": dict[str, dict[str, Time]]})  # noqa: UP013


class Alerts(_Sent):
    """alerts/state.json."""

    problems: dict[str, Problem]
    failing: dict[str, Failing]


class ProfileColumn(TypedDict, total=False):
    """The figures of one column of a file."""

    kind: Required[str]
    nulls: Required[float]
    median: float | None
    zeros: float | None
    length: float | None
    distinct: float | None
    middle: list[float] | None
    quantiles: list[float] | None


class Profile(TypedDict, total=False):
    """The profile of a package."""

    run_id: Required[str]
    logical_time: Required[Time]
    rows: Required[int]
    columns: Required[dict[str, ProfileColumn]]
    reasons: Required[dict[str, float] | None]
    moves: Required[dict[str, float] | None]


class SourceField(TypedDict):
    """The figures of one field of a source."""

    filled: int
    numbers: float


class SourceProfile(TypedDict):
    """The profile of an extract."""

    run_id: str
    fields: dict[str, SourceField]
    mappings: dict[str, list[str]]


class Column(TypedDict):
    """A column of a table of a package."""

    name: str


class Columns(TypedDict):
    """The columns of a table of a package."""

    fields: list[Column]


class Table(TypedDict, total=False):
    """A table of a package."""

    path: Required[str]
    schema: Required[Columns]
    dialect: dict[str, Any]
    rows: int | None


class Input(TypedDict, total=False):
    """An extract that a file was made from."""

    source: Required[str]
    run_id: Required[str]
    seconds: float | None


class Count(TypedDict, total=False):
    """Source rows with one status and reason."""

    status: Required[str]
    reason: str | None
    rows: Required[int]


class Run(TypedDict, total=False):
    """`run` of a manifest."""

    logical_time: Required[Time]
    inputs: list[Input]
    extracts: list[Input]
    counts: list[Count] | None
    changes: dict[str, Any] | None
    files: dict[str, Table]
    dbt: dict[str, Any]
    guards: dict[str, Any]
    thresholds: dict[str, Any]


class Manifest(TypedDict, total=False):
    """The manifest of a package."""

    resources: Required[Annotated[list[Table], msgspec.Meta(min_length=1)]]
    run: Required[Run]
    title: str | None


class GateCheck(_Message):
    """One check of gates.json."""

    id: str
    gate: str
    verdict: str
    examples: NotRequired[list[Any]]
    count: NotRequired[int]


class Predicate(TypedDict):
    """The verdicts of gates.json."""

    checks: list[GateCheck]


class Gates(TypedDict):
    """gates.json."""

    predicate: Predicate


class ReceivedFile(TypedDict, total=False):
    """A file as the partner's server has it."""

    name: Required[str]
    rechecked: Required[bool | None]
    remote_hash: Required[str | None]


class Receipt(TypedDict, total=False):
    """receipt.json."""

    at: str
    server: str | None
    bytes: int | None
    files: list[ReceivedFile]
    sent: dict[str, Any]


def check(content: Any, shape: Any, path: Path) -> None:
    """Check that the content of a JSON file has the fields that commands read.

    Args:
        content: of the file.
        shape: one of the classes above.
        path: of the file, for the message.

    Raises:
        DamagedError: a field is missing or has another type; names file and field.
    """
    try:
        msgspec.convert(content, shape)
    except msgspec.ValidationError as error:
        raise DamagedError(
            f"{path}: {str(error).replace('`$', '`').replace('`.', '`')}; restore the "
            "file from a copy"
        ) from None
