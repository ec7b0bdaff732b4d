"""SQL that checks the type of each known field and makes it a column."""

from collections.abc import Callable, Mapping

from extract.entities import Entity, Field, Kind

# In these macros `part` is one value as JSON text, and NULL where it is null or
# absent. DuckDB reads JSON
# numbers as doubles; `digits` takes all digits from the text of the record.
MACROS = r"""
create macro is_null(part) as part is null or part = 'null';

create macro number_text(part) as
    regexp_full_match(part, '-?[0-9][0-9.eE+-]*');

create macro whole_number(part) as case
    when regexp_full_match(part, '-?[0-9]+') then try_cast(part as bigint)
end;

create macro identity(record) as coalesce(
    record ->> '$.Id', record ->> '$.ItemRef.Id', record ->> '$.order_id',
    record ->> '$.id', '?'
);

create macro wrong(field, expected, part, record) as error(
    'the known field ' || field || ' has another type: expected ' || expected
    || ', found ' || left(part, 60) || ' in the record with Id '
    || identity(record) || '.'
);

create macro once(keys) as list_unique(keys) = len(keys);

create macro twice(keys, record) as error(
    'hostile JSON: the key ' || list_filter(
        keys, lambda name: len(list_filter(keys, lambda other: other = name)) > 1
    )[1] || ' appears twice in an object, in the record with Id '
    || identity(record) || '.'
);

create macro digits(field, part, record) as coalesce(
    list_filter(
        regexp_extract_all(
            record, '"' || field || '"\s*:\s*(-?[0-9][0-9.eE+-]*)', 1
        ),
        lambda token: try_cast(token as double) = try_cast(part as double)
    )[1],
    part
);

create macro custom_text(part, record) as case
    when is_null(part) then null
    when part[1] = '"' then part ->> '$'
    when number_text(part) then digits('Value', part, record)
    else part
end;
"""


SLOTS = '[{"Name": "VARCHAR", "Caption": "VARCHAR", "Value": "JSON"}]'


def records_of(entity: Entity) -> str:
    """The select that reads every known field of a record at once, as JSON.

    Returns:
        SQL over `records(record)`: adds `parts` and, for an entity with custom
        fields, `slots`.
    """
    shape = ", ".join(f'"{known.name}": "JSON"' for known in entity.fields)
    sql = f"select record, json_transform(record, '{{{shape}}}') as parts from records"
    if entity.custom_fields:
        slots = f"json_transform(parts.\"{entity.custom_fields}\", '{SLOTS}')"
        sql = f"select *, {slots} as slots from ({sql})"
    return sql


def columns_of(
    entity: Entity, custom_fields: Mapping[str, str], presence: Mapping[str, int]
) -> str:
    """The select list over `record`, `parts` and `slots` of `records_of`.

    Args:
        entity: the list whose fields become columns, in their order.
        custom_fields: column -> caption or slot name, for an entity that has some.
        presence: the keys that records really have.

    Returns:
        SQL: one column a known field, one a custom field, then `_unrecognised`.
    """
    columns = [
        f"{_column(known) if known.name in presence else _EMPTY[known.kind]} "
        f'as "{known.name}"'
        for known in entity.fields
    ]
    if entity.custom_fields:
        columns += [
            f'{_custom(wanted)} as "{column}"'
            for column, wanted in custom_fields.items()
        ]
    columns.append(f"{_rest(entity, presence)} as _unrecognised")
    return ",\n                ".join(columns)


def _column(known: Field) -> str:
    part = f'(parts."{known.name}"::varchar)'
    expected, is_right, value = _KINDS[known.kind]
    wrong = f"wrong('{known.name}', '{expected}', {part}, record)"
    twice = (
        f"when not once(json_keys({part})) then twice(json_keys({part}), record) "
        if known.kind in (Kind.REF, Kind.STAMPS)
        else ""
    )
    return (
        f"case when is_null({part}) then null {twice}"
        f"when {is_right(part)} then {value(known.name, part)} else {wrong} end"
    )


Check = Callable[[str], str]
Value = Callable[[str, str], str]
_OBJECT = "{part}[1] = '{{'"

_KINDS: Mapping[Kind, tuple[str, Check, Value]] = {
    Kind.INTEGER: (
        "a whole number",
        lambda part: f"try_cast({part} as bigint)::varchar = {part}",
        lambda name, part: f"{part}::bigint",
    ),
    # What is no number is kept as JSON, a text in its quotes: staging reads it as NULL,
    # and a rule names the row.
    Kind.NUMBER: (
        "a number",
        lambda part: "true",
        lambda name, part: (
            f"case when number_text({part}) then digits('{name}', {part}, record) "
            f"else {part} end"
        ),
    ),
    Kind.TEXT: (
        "text",
        lambda part: f"{part}[1] = '\"'",
        lambda name, part: f"{part} ->> '$'",
    ),
    Kind.BOOLEAN: (
        "true or false",
        lambda part: f"{part} in ('true', 'false')",
        lambda name, part: f"{part} = 'true'",
    ),
    # An Id that is no whole number is NULL, and a rule names the row.
    Kind.REF: (
        "a reference {Id, Name}",
        lambda part: _OBJECT.format(part=part),
        lambda name, part: (
            f"struct_pack(\"Id\" := whole_number({part} ->> '$.Id'), "
            f"\"Name\" := {part} ->> '$.Name')"
        ),
    ),
    Kind.STAMPS: (
        "an object",
        lambda part: _OBJECT.format(part=part),
        lambda name, part: (
            f'json_transform({part}, \'{{"CreatedDate": "VARCHAR", '
            '"ModifiedDate": "VARCHAR"}\')'
        ),
    ),
    Kind.JSON: (
        "a list or an object",
        lambda part: f"{part}[1] in ('[', '{{')",
        lambda name, part: f"{part}::json",
    ),
}


# A field that no record has is an empty column.
_EMPTY: Mapping[Kind, str] = {
    Kind.INTEGER: "null::bigint",
    Kind.NUMBER: "null::varchar",
    Kind.TEXT: "null::varchar",
    Kind.BOOLEAN: "null::boolean",
    Kind.REF: 'null::struct("Id" bigint, "Name" varchar)',
    Kind.STAMPS: 'null::struct("CreatedDate" varchar, "ModifiedDate" varchar)',
    Kind.JSON: "null::json",
}


def _custom(wanted: str) -> str:
    """The value of the custom field with this caption, or else this slot name."""
    name = "'" + wanted.replace("'", "''") + "'"
    values = [
        f"list_filter(slots, lambda slot: slot.{label} = {name})[1].Value::varchar"
        for label in ("Caption", "Name")
    ]
    return f"custom_text(coalesce({', '.join(values)}), record)"


def _rest(entity: Entity, presence: Mapping[str, int]) -> str:
    """Return the unknown fields of a record; refuse a repeated key."""
    cases = ["when not once(json_keys(record)) then twice(json_keys(record), record)"]
    for known in entity.fields:
        if known.kind is Kind.JSON and known.name in presence:
            # The objects in a list, such as custom fields or the items of an order.
            first = (
                f'list_filter(json_transform(parts."{known.name}", \'["JSON"]\'), '
                "lambda part: not once(json_keys(part)))[1]"
            )
            cases.append(
                f"when {first} is not null then twice(json_keys({first}), record)"
            )
    return f"case {' '.join(cases)} else {_unrecognised(entity, presence)} end"


def _unrecognised(entity: Entity, presence: Mapping[str, int]) -> str:
    """Return a record without its known fields, or NULL if nothing is left."""
    names = {known.name for known in entity.fields}
    unknown = [name for name in presence if name not in names]
    if not unknown:
        return "null::json"
    # A merge patch removes what it sets to null (RFC 7396).
    patch = ", ".join(f'"{name}": null' for name in sorted(names))
    return f"nullif(json_merge_patch(record, '{{{patch}}}')::varchar, '{{}}')::json"
