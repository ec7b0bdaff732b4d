"""Rules and values as a person reads them: what was seen, and what is allowed."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

_WIDE = 240
_SHORT = 40  # a limit: a long pattern is not read in a list


def rules(told: Mapping[str, Any]) -> list[str]:
    """Return a line for every rule, those that fired first."""
    every = told["rules"]
    lines = [
        f"  rules: {len(every)} asked, {sum(rule['fired'] for rule in every)} fired"
    ]
    for rule in sorted(every, key=lambda rule: not rule["fired"]):
        mark = "!" if rule["decided"] else "+" if rule["fired"] else " "
        seen = "  or  ".join(filter(None, map(_looks, _told(rule))))
        lines.append(f"  {mark} {rule['code']:<22} {seen}".rstrip())
        if rule["values"] and not rule.get("is_so_still", True):
            lines.append(
                "      so at the build; what it was held against has changed since:"
                " compare the last runs"
            )
    if limits := told.get("limits"):
        shown = ", ".join(f"{name} {value}" for name, value in limits.items())
        lines.append(f"    limits then: {shown}")
    return lines


def _told(rule: Mapping[str, Any]) -> list[Sequence[Mapping[str, Any]]]:
    """Return what a rule looked at: of one that fired, only what made it fire."""
    looks: list[Sequence[Mapping[str, Any]]] = rule["values"]
    if not rule["fired"]:
        return looks
    # Of two rules of one code, that which holds comes first.
    held = [value for value in looks[0] if value["holds"]] if looks else []
    return [held] if held else looks


def _looks(values: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(_value(value) for value in values))


def _value(value: Mapping[str, Any]) -> str:
    told = f"{value['name']} {_exact(value['seen'])}"
    if value["sign"]:
        told += f" ({value['sign']}"
        told += f" {one_line(value['limit'], _SHORT)})" if "limit" in value else ")"
    if "said" in value:
        told += f", the source says {_exact(value['said'])}"
    if because := value.get("because"):
        told += f" [{_looks(because)}]"
    return told


def _exact(value: Any) -> str:
    """Write a value so that what the eye does not see in it is seen too."""
    text = one_line(value)
    if isinstance(value, str):
        spelled = value.encode("unicode_escape").decode()
        if spelled != value or value != value.strip():
            text += f' = "{spelled[:_WIDE]}"'
    return text


def one_line(value: Any, wide: int = _WIDE) -> str:
    """Write a value on one line, shortened, without what a terminal would obey."""
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        text = f"{value.normalize():f}"
    elif isinstance(value, (dict, list)):
        kept = (
            {k: v for k, v in value.items() if v is not None}
            if isinstance(value, dict)
            else value
        )
        text = json.dumps(kept, ensure_ascii=False, default=str)
    else:
        text = str(value)
    clean = "".join(c if c.isprintable() else "�" for c in text)
    return clean if len(clean) <= wide else clean[:wide] + " ..."
