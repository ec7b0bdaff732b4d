"""What extract/sources/NAME.yml declares: a source in the words of dlt, and its proofs.

dlt's documentation has the meaning of its words: `rest_api`, `filesystem` and
`sql_database` of https://dlthub.com/docs/dlt-ecosystem/verified-sources. `complete` and
`{env: NAME}` are ours, and so are the host key of SFTP and the form of files.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import yaml
from msgspec import UNSET, Meta, Struct, UnsetType

from extract.entities import Entity, Field, Kind
from runtime.display import beginning, hide
from runtime.environment import Environment
from runtime.exits import Misuse

FOLDER = Path("extract/sources")
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n     .+)*)", re.MULTILINE)
_RESERVED = ("current", "ordertime", "order_tool", "publish", "published")

Name = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9_]*$",
        description="a name of small letters, digits and _, such as parts",
    ),
]
# Landing puts these names into SQL and JSON.
ColumnName = Annotated[
    str,
    Meta(
        pattern=r"^(?!_extract|_unrecognised$)[^'\"\\\x00-\x1f.\[\]{}]+$",
        description="the name of a field of the source, without ' \" \\ . [ ] { }; "
        "not _unrecognised, nor one that begins with _extract",
    ),
]
_PATH = r"^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$"
JsonPath = Annotated[
    str,
    Meta(pattern=_PATH, description="names of fields with points, such as meta.total"),
]
Selector = Annotated[
    str,
    Meta(
        pattern=rf"{_PATH}|^\$$",
        description="names of fields with points, such as data.items, or $ for an "
        "answer that is the list itself",
    ),
]
# dlt's words, for editors; `extract` asks dlt itself.
PAGINATORS = (
    "json_link", "json_response", "header_link", "header_cursor", "single_page",
    "cursor", "offset", "page_number",
)  # fmt: skip
AUTHENTICATIONS = ("bearer", "api_key", "http_basic", "oauth2_client_credentials")


def _typed(names: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": {"type": {"enum": [*names]}}}


Authentication = Annotated[
    dict[str, Any], Meta(extra_json_schema=_typed(AUTHENTICATIONS))
]
Variable = Annotated[
    str,
    Meta(
        pattern="^[A-Z][A-Z0-9_]*$",
        description="the name of an environment variable, such as SHOP_TOKEN",
    ),
]
Folder = Annotated[
    str,
    Meta(
        pattern="^(file:///|sftp://[^/@]+/)",
        description="file:///FOLDER, or sftp://HOST/FOLDER without a user",
    ),
]
_KINDS = {
    "text": Kind.TEXT,
    "timestamp": Kind.TEXT,
    "date": Kind.TEXT,
    "time": Kind.TEXT,
    "binary": Kind.TEXT,
    "bigint": Kind.INTEGER,
    "decimal": Kind.NUMBER,
    "double": Kind.NUMBER,
    "wei": Kind.NUMBER,
    "bool": Kind.BOOLEAN,
    "json": Kind.JSON,
}


class Fields(Struct, forbid_unknown_fields=True):
    """Fields of a declaration: no others are allowed."""


class Secret(Fields):
    """A value that is in an environment variable; it is never shown.

    Attributes:
        env: The name of the variable.
    """

    env: Variable


class Column(Fields):
    """A field that the source is known to have. Other fields are kept as drift.

    Attributes:
        data_type: dlt's type. text, timestamp, date, time and binary land as the text
            that the source has; decimal, double and wei as the digits that it has.
        nullable: Whether a record may lack it; default true.
        description: What it means.
    """

    data_type: Literal[
        "text", "timestamp", "date", "time", "binary", "bigint", "decimal", "double",
        "wei", "bool", "json",
    ] = "text"  # fmt: skip
    nullable: bool = True
    description: str = ""


class Total(Fields):
    """Where an answer has the number of all records.

    Attributes:
        path: A field of each answer.
        header: A header of each answer, such as X-Total-Count.
    """

    path: JsonPath | UnsetType = UNSET
    header: str | UnsetType = UNSET


class CountRequest(Fields):
    """A request whose answer is the number of all records.

    Attributes:
        path: As in `endpoint`.
        params: As in `endpoint`.
        data_selector: The field with the number; $ for an answer that is the number.
    """

    path: str
    params: dict[str, Any] = {}
    data_selector: Selector = "$"


class RestProof(Fields):
    """What shows that a list of an API is complete: one of these.

    Attributes:
        total: Each answer has the number of all records.
        count: Another request asks for it, before and after the list.
        second_reading: The list is read until two readings in a row have the same keys.
    """

    total: Total | UnsetType = UNSET
    count: CountRequest | UnsetType = UNSET
    second_reading: Literal[True] | UnsetType = UNSET


class FileProof(Fields):
    """What shows that files are complete: one of these.

    Attributes:
        count: The name of a file beside them that has the number of all rows.
        second_reading: Each file is read twice, and has the same bytes.
    """

    count: str | UnsetType = UNSET
    second_reading: Literal[True] | UnsetType = UNSET


class TableProof(Fields):
    """What shows that a table is complete.

    Attributes:
        count: The database counts the rows, in the transaction that reads them.
    """

    count: Literal[True] | UnsetType = UNSET


class Endpoint(Fields):
    """dlt's endpoint of a resource.

    Attributes:
        path: Below base_url; default the name of the resource.
        method: GET or POST.
        params: The query.
        json: What is sent as JSON.
        headers: Sent with each request.
        paginator: dlt's paginator with its arguments; default that of the client.
        data_selector: The list in an answer.
    """

    path: str | UnsetType = UNSET
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Any] = {}
    json: dict[str, Any] | UnsetType = UNSET
    headers: dict[str, str | Secret] = {}
    paginator: str | dict[str, Any] | UnsetType = UNSET
    data_selector: Selector = "$"


class Listed(Fields, kw_only=True):
    """What each list has.

    Attributes:
        name: The name of the list: a table of dbt's source, and a Parquet file.
        primary_key: The field, or fields, that no two records share.
        columns: The known fields, each with dlt's data_type and nullable.
    """

    name: Name
    primary_key: ColumnName | Annotated[tuple[ColumnName, ...], Meta(min_length=1)]
    columns: Annotated[dict[ColumnName, Column], Meta(min_length=1)]


class RestResource(Listed, kw_only=True):
    """One list of an API.

    Attributes:
        endpoint: Where it is.
        complete: What shows that it is complete.
    """

    endpoint: Endpoint = msgspec.field(default_factory=Endpoint)
    complete: RestProof | UnsetType = UNSET


class Client(Fields):
    """dlt's client of an API.

    Attributes:
        base_url: Its address: https.
        headers: Sent with each request.
        auth: dlt's authentication with its arguments; secrets as {env: NAME}.
        paginator: dlt's paginator with its arguments.
    """

    base_url: str
    headers: dict[str, str | Secret] = {}
    auth: Authentication | UnsetType = UNSET
    paginator: str | dict[str, Any] | UnsetType = UNSET


class RestApi(Fields):
    """dlt's rest_api.

    Attributes:
        client: The API.
        resources: Its lists.
    """

    client: Client
    resources: Annotated[tuple[RestResource, ...], Meta(min_length=1)]


class FileResource(Listed, kw_only=True):
    """The rows of one file, or of several with the same columns.

    Attributes:
        file_glob: Which files, below bucket_url.
        format: csv or xlsx.
        delimiter: Of a CSV; default a comma.
        quote: Of a CSV; default a double quote. Empty if values are not quoted.
        encoding: Of a CSV, as Python names it; default utf-8, with or without a mark.
        sheet: Of a workbook; default the only one.
        complete: What shows that the files are complete.
    """

    file_glob: str
    format: Literal["csv", "xlsx"]
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Meta(max_length=1)] = '"'
    encoding: str = "utf-8-sig"
    sheet: str | UnsetType = UNSET
    complete: FileProof | UnsetType = UNSET


class SftpCredentials(Fields):
    """dlt's credentials of SFTP, and the server's key.

    Attributes:
        sftp_username: The user.
        sftp_password: The password.
        sftp_key_filename: A file with a private key.
        sftp_key_passphrase: The passphrase of that file.
        sftp_port: Default 22.
        known_hosts: A file of known hosts, as OpenSSH has it, in which the server is.
    """

    sftp_username: str | Secret
    known_hosts: str
    sftp_password: Secret | UnsetType = UNSET
    sftp_key_filename: str | UnsetType = UNSET
    sftp_key_passphrase: Secret | UnsetType = UNSET
    sftp_port: Annotated[int, Meta(ge=1, le=65535)] = 22


class Filesystem(Fields):
    """dlt's filesystem.

    Attributes:
        bucket_url: A folder: file:///srv/in or sftp://files.example.com/out.
        credentials: Of SFTP.
        resources: Its lists.
    """

    bucket_url: Folder
    resources: Annotated[tuple[FileResource, ...], Meta(min_length=1)]
    credentials: SftpCredentials | UnsetType = UNSET


class TableResource(Listed, kw_only=True):
    """One table or view of a database.

    Attributes:
        table: Its name; default the name of the list.
        included_columns: The columns that are read; default all.
        complete: What shows that it is complete.
    """

    table: str | UnsetType = UNSET
    included_columns: tuple[ColumnName, ...] | UnsetType = UNSET
    complete: TableProof | UnsetType = UNSET


class SqlDatabase(Fields):
    """dlt's sql_database.

    Attributes:
        credentials: SQLAlchemy's address of the database, with user and password.
        resources: The tables.
        schema: The schema; default that of the user.
        chunk_size: Rows that are in memory at once; default 10000.
    """

    credentials: Secret
    resources: Annotated[tuple[TableResource, ...], Meta(min_length=1)]
    schema: str | UnsetType = UNSET
    chunk_size: Annotated[int, Meta(ge=1, le=10**6)] = 10_000


class Declaration(Fields):
    """A source: one of these.

    Attributes:
        rest_api: Lists of an API.
        filesystem: Files in a folder, or on an SFTP server.
        sql_database: Tables of a database.
    """

    rest_api: RestApi | UnsetType = UNSET
    filesystem: Filesystem | UnsetType = UNSET
    sql_database: SqlDatabase | UnsetType = UNSET


Kinds = RestApi | Filesystem | SqlDatabase
Resource = RestResource | FileResource | TableResource


def declared() -> list[str]:
    """Return the names of all declared sources, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def path_of(source: str) -> Path:
    """Return the file that declares a source."""
    return FOLDER / f"{source}.yml"


def read(source: str) -> Kinds:
    """Read the declaration of a source.

    Raises:
        Misuse: it is not as the types here have it; names file and field, with what is
            expected and what is there.
    """
    path = path_of(source)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise Misuse(f"{path}: expected YAML, found something else ({why}).") from None
    if source in _RESERVED or not re.fullmatch("[a-z][a-z0-9_]*", source):
        raise Misuse(
            f"{path}: expected a name of small letters, digits and _ that is none of "
            f"{', '.join(_RESERVED)}, found {source}."
        )
    try:
        declaration = msgspec.convert(content, Declaration)
    except msgspec.ValidationError as error:
        raise _explained(path, error, content) from None
    kinds = [
        kind
        for kind in (
            declaration.rest_api, declaration.filesystem, declaration.sql_database
        )
        if kind is not UNSET
    ]  # fmt: skip
    if len(kinds) != 1:
        names = ", ".join(Declaration.__struct_fields__)
        raise Misuse(f"{path}: expected one of {names}, found {len(kinds)}.")
    resources: tuple[Resource, ...] = kinds[0].resources
    for number, resource in enumerate(resources):
        where = f"{type_name(kinds[0])}.resources[{number}]"
        if faults := "; ".join(_faults(resource, kinds[0])):
            raise Misuse(f"{path}: {where}.{faults}.")
    lists = [resource.name for resource in resources]
    for name in lists:
        if lists.count(name) > 1:
            raise Misuse(f"{path}: name: expected each list once, found {name} twice.")
    return kinds[0]


def file_schema() -> dict[str, Any]:
    """Return the JSON Schema of a declaration, for editors.

    The description of each field is that of its class's docstring.
    """
    (reference,), types = msgspec.json.schema_components([Declaration])
    shared = dict(_ATTRIBUTE.findall(inspect.getdoc(Listed) or ""))
    for type_ in types.values():
        text = inspect.cleandoc(type_.pop("description"))
        type_["description"] = text.partition("\n")[0]
        described = shared | dict(_ATTRIBUTE.findall(text))
        for field, fields in type_["properties"].items():
            words = described.get(field, fields.get("description", ""))
            fields["description"] = " ".join(words.split())
    for type_ in (types["Client"], types["Endpoint"]):
        type_["properties"]["paginator"]["anyOf"] = [
            {"enum": [*PAGINATORS]},
            {**_typed(PAGINATORS), "required": ["type"]},
        ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file of extract/sources",
        **reference,
        "$defs": types,
    }


def type_name(kind: Kinds) -> str:
    """Return dlt's word for a kind of source."""
    names = {RestApi: "rest_api", Filesystem: "filesystem", SqlDatabase: "sql_database"}
    return names[type(kind)]


def key_of(resource: Resource) -> tuple[str, ...]:
    """Return the fields of the primary key."""
    key = resource.primary_key
    return (key,) if isinstance(key, str) else tuple(key)


def proof_of(resource: Resource) -> str | None:
    """Return what shows that a list is complete: total, count, second_reading, None."""
    if resource.complete is UNSET:
        return None
    given = msgspec.structs.asdict(resource.complete)
    return next((name for name, value in given.items() if value is not UNSET), None)


def entity_of(source: str, resource: Resource) -> Entity:
    """Return a list as landing has it."""
    return Entity(
        source=source,
        name=resource.name,
        label=resource.name,
        address=resource.name,
        key=tuple(f'"{name}"' for name in key_of(resource)),
        has_ids=False,
        declared_in=str(path_of(source)),
        fields=tuple(
            Field(name, _KINDS[column.data_type], not column.nullable)
            for name, column in resource.columns.items()
        ),
    )


def resolved(value: Any, variables: Environment) -> Any:
    """Return a value with the variables that it names in place of {env: NAME}.

    What they contain is not shown from then on.

    Raises:
        Misuse: a variable is not set.
    """
    if isinstance(value, Secret):
        value = {"env": value.env}
    if isinstance(value, Mapping):
        if [*value] == ["env"] and isinstance(value["env"], str):
            text = variables.text(value["env"])
            hide([text])
            return text
        return {name: resolved(each, variables) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(each, variables) for each in value]
    return value


def _faults(resource: Resource, kind: Kinds) -> Iterator[str]:
    """Yield what types do not say: the field, what is expected, what is there."""
    for name in key_of(resource):
        if name not in resource.columns:
            near = _nearest(name, resource.columns)
            yield f"primary_key: expected one of its columns{near}, found {name}"
    lower = [name.casefold() for name in resource.columns]
    for name in resource.columns:
        if lower.count(name.casefold()) > 1:
            yield f"columns.{name}: expected each name once, whatever its case"
    if isinstance(resource, FileResource):
        yield from _type_faults(resource)
    if resource.complete is not UNSET:
        yield from _proof_faults(msgspec.structs.asdict(resource.complete))
    if isinstance(resource, RestResource) and isinstance(kind, RestApi):
        paginator = resource.endpoint.paginator
        if paginator is UNSET:
            paginator = kind.client.paginator
        type_ = paginator.get("type") if isinstance(paginator, dict) else paginator
        if type_ in (UNSET, None, "auto"):
            yield (
                "endpoint.paginator: expected a paginator here or in client, such as "
                "single_page, found none: a guess may take the first page for all"
            )


def _type_faults(resource: FileResource) -> Iterator[str]:
    for name, column in resource.columns.items():
        if column.data_type != "text":
            yield (
                f"columns.{name}.data_type: expected text, as a file has no other "
                f"type, found {column.data_type}. Cast it in the staging model"
            )


def _proof_faults(given: Mapping[str, Any]) -> Iterator[str]:
    if sum(value is not UNSET for value in given.values()) != 1:
        yield f"complete: expected one of {', '.join(given)}"
    total = given.get("total", UNSET)
    if total is not UNSET and (total.path is UNSET) == (total.header is UNSET):
        yield "complete.total: expected path or header"


def _explained(path: Path, error: msgspec.ValidationError, content: Any) -> Misuse:
    """Say in words what msgspec expected: by field, without a regular expression."""
    message, _, where = str(error).partition(" - at `")
    where = re.sub(r"^(key in )?`?\$\.?", "", where.rstrip("`"))
    where = where.replace("[...]", "")
    place = f"{path}: {where}: " if where else f"{path}: "
    if unknown := re.search("unknown field `(.*)`", message):
        near = _nearest(unknown[1], _known_fields())
        return Misuse(f"{place}there is no field {unknown[1]}{near}.")
    if missing := re.search("missing required field `(.*)`", message):
        return Misuse(f"{place}expected {missing[1]}, found no such field.")
    for description, pattern in _DESCRIBED:
        if f"{pattern!r}" in message:
            return Misuse(
                f"{place}expected {description}, found {_at(content, where)}."
            )
    words = message.partition(", got ")[0].replace("Expected ", "expected ")
    for word, plain in _WORDS.items():
        words = words.replace(word, plain)
    return Misuse(f"{place}{words}, found {_at(content, where)}.")


_WORDS = {
    "`str`": "text", "`int`": "a whole number", "`bool`": "true or false",
    "`array`": "a list", "`object`": "fields", "`null`": "nothing",
}  # fmt: skip
_DESCRIBED = [
    (str(meta.description), meta.pattern)
    for each in (Name, ColumnName, JsonPath, Selector, Variable, Folder)
    for meta in get_args(each)[1:]
]


def _at(content: Any, where: str) -> str:
    """Return the start of what a declaration has at a path such as a.b[0].c."""
    try:
        for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", where):
            content = content[name] if name else content[int(index)]
    except (KeyError, IndexError, TypeError):
        return "elsewhere"
    return repr(beginning(str(content), 80))


def _known_fields() -> list[str]:
    return [
        name
        for each in (
            Declaration, RestApi, Client, RestResource, Endpoint, Total, RestProof,
            CountRequest, Filesystem, FileResource, SftpCredentials, FileProof,
            SqlDatabase, TableResource, TableProof, Column,
        )
        for name in each.__struct_encode_fields__
    ]  # fmt: skip


def _nearest(name: str, names: Any) -> str:
    near = get_close_matches(name, names, 1)
    return f"; perhaps {near[0]}" if near else ""
