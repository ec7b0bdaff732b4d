"""What an exposure declares about a file in `config.meta`, and its JSON Schema."""

import inspect
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from store.dialect import REQUIRED, UNUSED, ColumnFormat, Delimiter, Dialect

# A description says to a person what a pattern allows.
Name = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z_][A-Za-z0-9_]*$",
        description="a name of letters, digits and _ that begins with no digit",
    ),
]
_NAMES = Meta(min_length=1, extra_json_schema={"uniqueItems": True})
Names = Annotated[tuple[Name, ...], _NAMES]
# `validate` checks that these exist: a model that the exposure depends on, and a column
# of the mart that becomes the file.
Model = Annotated[Name, Meta(extra={"names": "model"})]
Column = Annotated[Name, Meta(extra={"names": "column"})]
Columns = Annotated[tuple[Column, ...], _NAMES]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[
    float, Meta(ge=0, le=1, description="a share from 0 to 1, such as 0.3 for 30 %")
]
Positive = Annotated[float, Meta(gt=0)]
Ending = Annotated[
    str,
    Meta(
        pattern=r"^\.[A-Za-z0-9]{1,10}$",
        description="a point and up to ten letters or digits, such as .gpg",
    ),
]
Endings = Annotated[
    str,
    Meta(
        pattern=r"^(\.[A-Za-z0-9]{1,10}){1,4}$",
        description="up to four endings, such as .csv.gz",
    ),
]


class Fields(Struct, forbid_unknown_fields=True):
    """Fields of a declaration: no others are allowed."""


class Open(Fields):
    """Which split values are open at a logical time.

    Attributes:
        model: Model with the split column, one row per value.
        from: Timestamp column, UTC: open from then on.
        until: Timestamp column, UTC: closed from then on.
    """

    model: Model
    since: Name = msgspec.field(name="from")
    until: Name


class Limit(Fields):
    """A share and a floor. A plain number is the share of a limit without a floor.

    Attributes:
        share: Largest share that passes.
        least: Fewer rows than this never hold the file; default 0.
    """

    share: Share
    least: Count = 0


class Unassigned(Fields):
    """The limit of RUN_UNASSIGNED_RATE.

    Attributes:
        reasons: Values of the audit's reason_code for rows that belong to no file.
        share: Largest share that passes.
        least: Fewer rows than this never hold the files; default 0.
    """

    reasons: Annotated[tuple[str, ...], _NAMES]
    share: Share
    least: Count = 0


class RowsGained(Fields):
    """The limit of RUN_ROW_RISE.

    Attributes:
        share: Largest rise that passes; 1 is twice the rows.
        least: A rise by fewer rows than this never holds the file; default 0.
    """

    share: Annotated[float, Meta(ge=0)]
    least: Count = 0


class TotalDrop(Fields):
    """The limit of RUN_STOCK_DROP.

    Attributes:
        column: Numeric column to add up.
        share: Largest fall that passes.
        least: A smaller fall than this never holds the file; default 0.
    """

    column: Column
    share: Share
    least: Count = 0


class Age(Fields):
    """The limit of RUN_STALE.

    Attributes:
        column: Timestamp column, UTC.
        hours: Greatest age.
    """

    column: Column
    hours: Positive


class KeysStay(Fields):
    """What RUN_KEY_VANISHED compares.

    Attributes:
        columns: Columns of the key.
        across_splits: Whether a key also counts as present under another value of
            split_by that gets a file too. True if readers replace by key, whichever
            file has it. Default false.
    """

    columns: Columns
    across_splits: bool = False


class KeysChanged(Fields):
    """The limit of RUN_KEYS_CHANGED.

    Attributes:
        columns: Columns of the key.
        share: Largest share that passes.
        least: Fewer keys than this never hold the file; default 0.
    """

    columns: Columns
    share: Share
    least: Count = 0


class Guards(Fields):
    """Limits on the whole file.

    A split feed has one file for each value. Each limit reads the rows of that value.

    Attributes:
        min_rows: RUN_MIN_ROWS: hold a file with fewer rows.
        max_rows_lost: RUN_ROW_DROP: hold if the file has fewer rows than the last one
            of this feed (and split value), by more than this share.
        max_rows_gained: RUN_ROW_RISE: hold if the file has more rows than the last one
            of this feed (and split value), by more than this share.
        max_keys_lost: RUN_FLIP: hold if more than this share of the partner's keys
            would vanish.
        max_cells_lost: RUN_CELLS_LOST: hold if the share of rows in which a column is
            filled falls by more than this. A cell is filled if it is neither missing,
            nor an empty text, nor 0. `least` counts filled cells fewer than before.
        max_total_drop: RUN_STOCK_DROP: hold if the sum of a column falls by more than
            this share.
        max_review_share: RUN_REVIEW_RATE: hold if more than this share of the audit
            rows waits for a person (status REVIEW). Needs audit, with the column
            split_by if the feed is split.
        max_unassigned: RUN_UNASSIGNED_RATE: hold every file if more than this share of
            the audit rows has a reason why no value of split_by takes them. The whole
            is these rows and those of the values that get a file. Needs audit and
            split_by.
        values_stay: RUN_TYPE_VANISHED: hold if a value that the partner has in one of
            these columns is in no row any more.
        max_age: RUN_STALE: hold if the oldest value of a timestamp column is more than
            this many hours before the logical time.
        keys_stay: RUN_KEY_VANISHED: hold if the state model has no row for a key that
            the partner has, not even one that marks it as deleted. A key that is in
            review in the audit stays: readers keep its last rows. A key that a person
            released is not missed again.
        max_keys_changed: RUN_KEYS_CHANGED: hold a delta that changes more than this
            share of the partner's keys.
        max_source_age: RUN_SOURCE_STALE: hold if a source below the mart was read more
            than this many hours before the logical time. For files whose rows do not
            say when they were read.
        source_complete: RUN_SOURCE_PARTIAL: hold unless every source below the mart
            was landed complete, and before dbt built.
    """

    min_rows: Count | UnsetType = UNSET
    max_rows_lost: Share | Limit | UnsetType = UNSET
    max_rows_gained: RowsGained | UnsetType = UNSET
    max_keys_lost: Share | Limit | UnsetType = UNSET
    max_cells_lost: Share | Limit | UnsetType = UNSET
    max_total_drop: TotalDrop | UnsetType = UNSET
    max_review_share: Share | Limit | UnsetType = UNSET
    max_unassigned: Unassigned | UnsetType = UNSET
    values_stay: Columns | UnsetType = UNSET
    max_age: Age | UnsetType = UNSET
    keys_stay: KeysStay | UnsetType = UNSET
    max_keys_changed: KeysChanged | UnsetType = UNSET
    max_source_age: Positive | UnsetType = UNSET
    source_complete: bool | UnsetType = UNSET


class Vanished(Fields):
    """What becomes of keys that the partner has and the source no longer has.

    Attributes:
        restate: The models deliver their last rows once more as deleted. The audit has
            each with output RESTATE. A file that would do so to more keys than this
            limit is held (RUN_KEY_VANISHED); a release lets it go as it is.
    """

    restate: Limit


class Changes(Fields):
    """What the summary of changes.csv has, beside rows and columns.

    Attributes:
        measures: Numeric columns: totals before and after, and the rows that changed
            most.
        group: Column by whose values the changes are counted.
        ignore: Columns of which a change alone does not count, such as a time stamp on
            every row: neither in the summary nor for max_keys_changed. changes.csv has
            such rows too.
    """

    measures: Columns | UnsetType = UNSET
    group: Column | UnsetType = UNSET
    ignore: Columns | UnsetType = UNSET


_Word = Annotated[str, Meta(min_length=1, description="a word")]


class DeltaFile(Fields):
    """The file has only the rows that changed, each with what becomes of it.

    Attributes:
        column: Name of the column with the operation; default operation.
        place: Where that column is: before all others, or after them; default first.
        added: Word for a row that the partner does not have; default added.
        changed: Word for a row that it has with other values; default changed.
        removed: Word for a row that leaves, with its last values; default removed.
    """

    column: Name = "operation"
    place: Literal["first", "last"] = "first"
    added: _Word = "added"
    changed: _Word = "changed"
    removed: _Word = "removed"

    @property
    def words(self) -> tuple[str, str, str]:
        """The three words."""
        return self.added, self.changed, self.removed

    def word(self, kind: str) -> str:
        """Return the word for added, changed or removed."""
        return dict(zip(("added", "changed", "removed"), self.words, strict=True))[kind]


class Floors(Fields):
    """The smallest difference that is reported, by kind of figure.

    Attributes:
        rows: Relative; default 0.10.
        nulls: Share of rows in which a column is empty; default 0.03.
        zeros: Share of rows in which a number is 0; default 0.05.
        median: Of a number, relative; default 0.10.
        length: Mean length of a text, relative; default 0.15.
        distinct: Different values per row; default 0.25.
        reasons: Share of a reason code in the source's rows; default 0.05.
        lost: Share of rows that were added or removed since the last delivery; default
            0.12.
        renamed: Share of rows whose text in a column changed since then; default 0.10.
        moves: Share of rows that changed, or whose number in a column did; default
            0.25.
    """

    rows: Positive | UnsetType = UNSET
    nulls: Positive | UnsetType = UNSET
    zeros: Positive | UnsetType = UNSET
    median: Positive | UnsetType = UNSET
    length: Positive | UnsetType = UNSET
    distinct: Positive | UnsetType = UNSET
    reasons: Positive | UnsetType = UNSET
    lost: Positive | UnsetType = UNSET
    renamed: Positive | UnsetType = UNSET
    moves: Positive | UnsetType = UNSET


class Drift(Fields):
    """When `monitor drift` reports on a file.

    Attributes:
        window: How many delivered runs are compared with; default 28.
        least_runs: With fewer of them nothing is reported; default 7.
        sensitivity: How many robust standard deviations (1.4826 MAD) are usual;
            default 6.
        ignore: Columns that are not compared.
        floors: The smallest difference that is reported, by kind of figure.
    """

    window: Annotated[int, Meta(ge=7)] | UnsetType = UNSET
    least_runs: Annotated[int, Meta(ge=3)] | UnsetType = UNSET
    sensitivity: Positive | UnsetType = UNSET
    ignore: Columns | UnsetType = UNSET
    floors: Floors | UnsetType = UNSET


class Confirmable(Fields):
    """A column whose new value a person can confirm by `publish confirm`.

    Attributes:
        column: The column, in the file and in the audit.
        code: The audit's reason code of a row whose value waits for a person.
    """

    column: Column
    code: Annotated[
        str,
        Meta(pattern="^[A-Z][A-Z0-9_]*$", description="a code such as PRICE_JUMP"),
    ]


class Pickup(Fields):
    """For a partner that removes files after reading them.

    Attributes:
        removes: true: the partner removes what it has read.
        within_hours: A file that is still there after this time is overdue.
    """

    removes: Annotated[bool, Meta(extra_json_schema={"const": True})]
    within_hours: Positive


Destination = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9_]*$",
        description="a name of small letters, digits and _, such as onpart",
    ),
]
Folder = Annotated[
    str,
    Meta(
        pattern=r"^/(?!(?:.*/)?\.\.(?:/|$))(?:[^{}\\\x00-\x1f]|\{environment\})*$",
        description="a path that begins with /, without .. and \\; in braces only "
        "{environment}",
    ),
]
Mode = Annotated[
    str,
    Meta(
        pattern="^0[0-7]{3}$",
        description='permissions in quotes, such as "0664"',
    ),
]


class Compression(Fields):
    """How the file is compressed before it leaves; its manifest is not.

    Attributes:
        format: gzip: as `gzip` writes it. zip: an archive with the file as its one
            member. The same content has the same bytes.
        suffix: What the name of the file gets when it travels; default .gz or .zip.
        replaces: Ending of the name that suffix replaces, such as .csv: stock.csv
            travels as stock.zip. Default none: stock.csv.zip.
    """

    format: Literal["gzip", "zip"]
    suffix: Ending | UnsetType = UNSET
    replaces: Endings | UnsetType = UNSET


class Workbook(Fields):
    """The file leaves as an Excel workbook: one sheet, every cell a text.

    Attributes:
        sheet: Name of the sheet; default Sheet1.
        suffix: What the name of the file gets when it travels; default .xlsx.
        replaces: Ending of the name that suffix replaces, such as .csv: stock.csv
            travels as stock.xlsx. Default none.
    """

    sheet: Annotated[
        str,
        Meta(
            pattern=r"^[^'\[\]:*?/\\\x00-\x1f]+$",
            max_length=31,
            description="at most 31 characters, without ' [ ] : * ? / and \\",
        ),
    ] = "Sheet1"
    suffix: Ending = ".xlsx"
    replaces: Endings | UnsetType = UNSET


class Encryption(Fields):
    """The partner's OpenPGP key: what travels can be read by its holder alone.

    Attributes:
        key: File of the public key, below the folder of the project.
        fingerprint: Of the primary key, as `gpg --fingerprint` shows it.
        suffix: What the name of a file gets when it travels; default .pgp.
    """

    key: Annotated[
        str,
        Meta(
            pattern=r"^(?!(?:.*/)?\.\.(?:/|$))[^/\\\x00-\x1f][^\\\x00-\x1f]*$",
            description="a path below the folder of the project, without ..",
        ),
    ]
    fingerprint: Annotated[
        str,
        Meta(
            pattern="^ *([0-9A-Fa-f] *){40}$",
            description="40 hexadecimal digits, with blanks or without",
        ),
    ]
    suffix: Ending = ".pgp"


class Marker(Fields):
    """A small file that says that the file before it is complete.

    It gets its name after the file has its own and was compared with what was sent.

    Attributes:
        content: sha256 or md5: the line that sha256sum or md5sum writes of the file
            that travels. empty: nothing.
        suffix: What its name has after that of the file that travels; default .sha256,
            .md5 or .done.
        replaces: Ending of that name that suffix replaces, such as .csv: stock.done in
            place of stock.csv.done. Default none.
    """

    content: Literal["sha256", "md5", "empty"]
    suffix: Ending | UnsetType = UNSET
    replaces: Endings | UnsetType = UNSET


class Further(Fields):
    """Another destination of the same file.

    Attributes:
        destination: Who receives it too, as the field destination of the file.
        folder: Folder there; default that of the file.
        mode: Permissions that the file gets there; default that of the file.
        encrypt: The OpenPGP key of this partner; default that of the file.
    """

    destination: Destination
    folder: Folder | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    encrypt: Encryption | UnsetType = UNSET


class Feedback(Fields):
    """The report by which a partner rejects rows: CSV in UTF-8 with a header.

    Attributes:
        key: For each column of the report that names a row, the column of the file.
        code: Column of the report with the partner's code.
        text: Column of the report with the partner's words.
        delimiter: One character between fields; default a comma.
    """

    key: Annotated[dict[str, Column], Meta(min_length=1)]
    code: str
    text: str | UnsetType = UNSET
    delimiter: Delimiter | UnsetType = UNSET


class Declaration(Fields, kw_only=True):
    """Everything about one partner file that is not SQL; one exposure per file.

    Attributes:
        model: Name of the mart that becomes the file. Its contract gives the columns
            and their order.
        audit: Name of the mart that explains the file: one row per source row, with a
            column `status` and usually `reason_code`. It is in the package as
            audit.csv and is never delivered.
        audit_omit: Columns of the audit that audit.csv does not have, such as values
            that are in the file itself. Needs audit.
        audit_key: Columns of the audit that name a row of the source, by which two
            audits are compared. Default: the columns of key that the audit has.
        file: Pattern of the file's name. {timestamp} (20260115T060000Z), {date}
            (2026-01-15) are the logical time in UTC; {environment} is dev, uat or
            prod; {split} is the value of split_by; {sequence:0>6} is the number of the
            delivery, here with six digits.
        sequence_from: The first {sequence}; default 1. Raise it to leave numbers out.
        split_by: Column whose every value gets its own file, package and delivery.
        omit: Columns of the contract that are not written, such as a split_by that is
            in the file's name already.
        open: Which values of split_by get a file at the logical time: those whose
            period in this model is open then.
        final_full_on_close: Whether a value gets one last file when its period has
            ended. Needs open.
        when_unchanged: What to do when the file has exactly the bytes that were last
            delivered. skip: the partner has them. send: once for each time that the
            cadence falls due, for a partner that takes files away.
        dialect: How a table becomes bytes. The same dialect is used to read the file
            back before it may leave.
        columns: How single columns are written, by name: header, numbers, dates.
        sort: Order of the rows. It must have every key column, so that the order is
            total and two runs can be compared byte by byte.
        key: Columns that name a row: changes are paired by them. They are the file's
            primary key only where the model's YAML promises it: a data test that no
            two rows share them (unique, unique_combination), and not_null on each.
        suite: Great Expectations suite for the file as read back:
            tests/expectations/<suite>.json.
        cadence: When the file is due: five cron fields, in time_zone.
        time_zone: An IANA time zone, such as Europe/Berlin. An hour that the clocks
            skip is due when they have been put forward; one that comes twice is due
            once. Default UTC. File names and times in files stay in UTC.
        when_empty: What no rows mean. refuse: the file is held (an empty snapshot
            would say that nothing is for sale). skip: there is nothing to deliver.
            send: a file with a header only.
        guards: Limits on the whole file. Limits on loss compare with what the partner
            has.
        confirm: Columns whose new values a person can confirm. Needs audit, and there
            every column of key.
        changes: What the summary of changes.csv has, beside rows and columns.
        delta: The file has only what changed since the last delivery to its
            destination, in rows or in the columns that are written. Limits are those of
            all rows that the partner then has.
        state: Name of the model whose rows the partner has after a delivery; the model
            itself for a snapshot, the full model for a delta.
        destination: Who receives it: `onpart` is configured by DEST_ONPART_URL,
            DEST_ONPART_PASSWORD, DEST_ONPART_CA_FILE.
        also: Further destinations of the same file, each with deliveries and checks of
            its own. Not beside replaces_by.
        folder: Folder at the destination, below the path of its URL; / is that path
            itself. {environment} is dev, uat or prod.
        rename: Only in older declarations: a file always replaces the one of its name
            in one step. For a server that cannot replace, put {timestamp} into `file`.
        mode: Permissions that the file gets at the partner, such as "0664": the part
            gets them before its rename. Write it in quotes. Without it the server
            decides.
        manifest: Whether the JSON manifest goes to the partner, before the file
            itself, or stays in the package.
        replaces_by: For a partner that replaces all rows of a key by those of a file,
            and keeps the other rows: the columns of that key. A delta needs it.
            Without it a file replaces everything that the partner has.
        vanished: What becomes of keys that the source no longer has. Needs audit,
            replaces_by and guards.keys_stay.
        drift: When `monitor drift` reports on this file; it never holds one. Defaults
            and figures: docs/drift.md.
        compress: How the file is compressed before it leaves. Checks judge what is
            inside.
        workbook: The file leaves as an Excel workbook. Checks judge the delimited file
            that it is made of. Not beside compress.
        encrypt: The partner's OpenPGP key. The file, and a manifest that is delivered,
            are encrypted for it before they leave.
        marker: A checksum, or an empty file that says "ready", after the file.
        pickup: For a partner that removes files after reading them: `publish status
            --look` shows what was taken, and what is still there.
        feedback: The columns of the report by which the partner rejects rows, for
            `publish feedback`.
    """

    model: Model
    audit: Model | UnsetType = UNSET
    audit_omit: Names | UnsetType = UNSET
    audit_key: Names | UnsetType = UNSET
    file: Annotated[
        str,
        Meta(
            pattern=r"^(?:[^{}/\\\x00-\x1f]|\{(?:timestamp|date|environment|split"
            r"|sequence(?::0>(?:[1-9]|1[0-8]))?)\})+$",
            max_length=200,
            description="a file name without / and \\, of at most 200 characters; in "
            "braces only {timestamp}, {date}, {environment}, {split} and "
            "{sequence:0>4}",
        ),
    ]
    sequence_from: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    split_by: Column | UnsetType = UNSET
    omit: Columns | UnsetType = UNSET
    open: Open | UnsetType = UNSET
    final_full_on_close: bool | UnsetType = UNSET
    when_unchanged: Literal["skip", "send"] = "skip"
    dialect: Dialect
    columns: Annotated[dict[Name, ColumnFormat], Meta(min_length=1)] | UnsetType = UNSET
    sort: Columns
    key: Columns
    suite: Name
    cadence: str
    time_zone: str | UnsetType = UNSET
    when_empty: Literal["refuse", "skip", "send"]
    guards: Guards
    confirm: Annotated[tuple[Confirmable, ...], Meta(min_length=1)] | UnsetType = UNSET
    changes: Changes | UnsetType = UNSET
    delta: DeltaFile | UnsetType = UNSET
    state: Model
    destination: Destination
    also: Annotated[tuple[Further, ...], Meta(min_length=1)] | UnsetType = UNSET
    folder: Folder
    rename: Literal["replace"] | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    manifest: Literal["deliver", "keep"]
    replaces_by: Columns | UnsetType = UNSET
    vanished: Vanished | UnsetType = UNSET
    drift: Drift | UnsetType = UNSET
    compress: Compression | UnsetType = UNSET
    workbook: Workbook | UnsetType = UNSET
    encrypt: Encryption | UnsetType = UNSET
    marker: Marker | UnsetType = UNSET
    pickup: Pickup | UnsetType = UNSET
    feedback: Feedback | UnsetType = UNSET


FIELDS = frozenset(Declaration.__struct_encode_fields__)
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n     .+)*)", re.MULTILINE)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a declaration, for editors.

    The description of each field is that of its class's docstring.
    """
    (top,), types = msgspec.json.schema_components([Declaration])
    for type_ in (Dialect, ColumnFormat, Declaration, *Fields.__subclasses__()):
        text = inspect.getdoc(type_) or ""
        types[type_.__name__]["description"] = text.partition("\n")[0]
        for name, words in _ATTRIBUTE.findall(text):
            field = types[type_.__name__]["properties"][name]
            field["description"] = " ".join(words.split())
    types["Dialect"]["allOf"] = [_of_format(each) for each in REQUIRED]
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **top, "$defs": types}


def file_schema() -> dict[str, Any]:
    """Return the JSON Schema of a YAML file with exposures, for editors.

    An exposure is that of a file if its meta has a model. Text in braces that dbt
    fills in, such as {{ var('supplier_code') }}, is taken as it is.
    """
    meta = schema()
    types = meta["$defs"]
    filled = {"type": "string", "pattern": r"\{\{"}
    for type_ in types.values():
        for name, field in type_["properties"].items():
            words = field.pop("description")
            type_["properties"][name] = {
                "description": words, "if": filled, "else": field,
            }  # fmt: skip
    is_file = {"if": {"required": ["model"]}, "then": {"$ref": meta["$ref"]}}
    config = {"properties": {"meta": is_file}}
    exposure = {"properties": {"config": config}}
    exposures = {"type": "array", "items": exposure}
    return {
        "$schema": meta["$schema"],
        "type": "object",
        "properties": {"exposures": exposures},
        "$defs": types,
    }


def _of_format(format_: str) -> dict[str, Any]:
    """Return the JSON Schema of what a format of a dialect needs and does not have."""
    chosen: dict[str, Any] = {"properties": {"format": {"const": format_}}}
    if format_ != "delimited":  # the default
        chosen["required"] = ["format"]
    unused = {"properties": dict.fromkeys(UNUSED[format_], False)}
    return {"if": chosen, "then": {"required": list(REQUIRED[format_]), **unused}}
