"""JSON that only a broken or hostile server sends."""

import pytest

from extract.strict_json import parse
from runtime.exits import Refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'[{"Id": 1, "Id": 2}]', "the key 'Id' stands twice"),
        (b'[{"Ref": {"Name": "a", "Name": "b"}}]', "the key 'Name' stands twice"),
        (b'[{"Price": NaN}]', "found NaN"),
        (b'[{"Price": -Infinity}]', "found -Infinity"),
        (b'[{"Price": ' + b"9" * 5000 + b"}]", "found one of 5,000"),
        (b"[" * 100_000 + b"]" * 100_000, "at most 64 levels"),
        (b"[" * 65 + b"]" * 65, "at most 64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "at most 64 levels"),
    ],
)
def test_hostile_json_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        parse(body)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'[{"Id": 1', b"[1,]", b"[1] x", b'["\xff"]', b"{'a': 1}"]
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
