"""JSON that only a broken or hostile server sends."""

import pytest

from extract.strict_json import (
    count_keys,
    parse,
    parse_count,
    parse_rows,
    parse_typed_rows,
)
from extract.transport import _seconds
from runtime.exits import Refused


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"Id": 1, "Id": 2}]', "the key 'Id' appears twice"),
        (b'[{"Ref": {"Name": "a", "Name": "b"}}]', "the key 'Name' appears twice"),
        (b'[{"Price": NaN}]', "found NaN"),
        (b'[{"Price": -Infinity}]', "found -Infinity"),
        (b'[{"Price": ' + b"9" * 5000 + b"}]", "found one of 5,000"),
        (b"[" * 100_000 + b"]" * 100_000, "at most 64 levels"),
        (b"[" * 65 + b"]" * 65, "at most 64 levels"),
        (b'["\xff"]', "expected UTF-8"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "at most 64 levels"),
    ],
)
def test_hostile_json_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Refused, match=message):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'[{"Id": 1',
        b"[1,]",
        b"[1] x",
        b"<\xff>",
        b'["\xc3',
        b"{'a': 1}",
    ],
)
def test_what_is_not_json_may_be_asked_for_again(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_sound_json_keeps_every_digit() -> None:
    body = b'[{"a": 0.12345678901234567890, "b": 12.30, "c": 123456789012345678901}]'
    assert parse(body) == [
        {"a": "0.12345678901234567890", "b": "12.30", "c": "123456789012345678901"}
    ]


def test_brackets_in_text_are_not_nesting() -> None:
    body = b'[{"Description": "' + b"[" * 200 + b'"}]'
    assert parse(body)[0]["Description"] == "[" * 200


def test_64_levels_are_sound() -> None:
    assert parse(b"[" * 64 + b"]" * 64)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"Id": 1, "Price": NaN}]', "found NaN"),
        (b'[{"Id": 1, "Price": ' + b"9" * 5000 + b"}]", "found one of 5,000"),
        (b'[{"Id": 1, "Price": 0.' + b"9" * 5000 + b"}]", "found one of 5,002"),
        (b'[{"Id": 1, "Note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "64 levels"),
        (b'[{"Id": 1, "Note": ' + b"[" * 65 + b"]" * 65 + b"}]", "64 levels"),
        (b'{"Message": "no"}', "expected a list of records"),
        (b"[1, 2]", "expected a list of records"),
        (b'[{"Id": "1"}]', "a whole number as Id"),
        (b'[{"Id": 9223372036854775808}]', "at most 64 bits"),
        (b'[{"N": "\xff"}]', "expected UTF-8"),
        (b'[{"Id": 1.5}]', "a whole number as Id"),
        (b"null", "expected a list of records"),
    ],
)
def test_a_hostile_page_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Refused, match=message):
        parse_rows(body)


def test_a_page_that_nests_without_end_is_refused_before_it_is_landed() -> None:
    body = b'[{"Id": 1, "Note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]"
    with pytest.raises(Refused, match="64 levels"):
        parse_typed_rows(body)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('[{"a":1,"b":{"a":2}}]', 3),
        ('[{"":1}]', 1),
        (r'[{"a":"\":"}]', 1),
        (r'[{"a":"\\","b":1}]', 2),
        ('[{"a" :1}]', None),
        (r'[{"a\\":1}]', None),
    ],
)
@pytest.mark.parametrize("before", [0, 2**16 - 9, 2**16 - 6, 2**16 - 4, 2**16])
def test_keys_are_counted_wherever_they_are(
    text: str, keys: int | None, before: int
) -> None:
    assert count_keys(b"[" + b"1" * before + b"," + text.encode() + b"]") == keys


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'[{"Id": 1', b'[{"Id": 1},]', b'[{"N": "\xc3', b"[] []"],
)
def test_a_page_that_is_cut_may_be_asked_for_again(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_rows(body)


def test_a_sound_page_gives_its_ids() -> None:
    body = b'[{"Id": 7, "Note": "' + b"1" * 500 + b'"}, {"ItemRef": {"Id": 1}}]'
    assert [row.Id for row in parse_rows(body)] == [7, None]
    assert parse_rows(b"[]") == []


@pytest.mark.parametrize("text", ["9" * 90, "100000001", "1.5", "-1", "", None, []])
def test_a_count_has_bounds(text: object) -> None:
    with pytest.raises(Refused, match="expected a count from 0 to 100,000,000"):
        parse_count(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5), (" 7 ", 7), (None, 0), ("soon", 0), ("-3", 0), ("1.5", 0),
        ("\u0665", 0), ("9" * 5000, 366 * 86400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 366 * 86400),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0), ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("Fri, 99 Foo 2026", 0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)  # fmt: skip
def test_a_wait_is_read_or_ignored(text: str | None, seconds: float) -> None:
    assert _seconds(text) == seconds
