"""The answer of `monitor why` as a person reads it."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from monitor.why.search import Match

_ITEM = 600
_MOST = 20


def nothing(key: str, near: Sequence[str]) -> str:
    """Say that nothing is called so, and what is spelled nearly so."""
    told = f"Nothing is called {key!r}."
    if near:
        return f"{told} Nearest: {', '.join(near)}."
    return (
        f"{told} Expected a SKU, a number of a part, an order id or a section id; for "
        "what was extracted a moment ago, run `dbt build` first."
    )


def brief(match: Match) -> dict[str, Any]:
    """Return one line's worth of a row."""
    subject, row = match.subject, match.row
    place = row.get("location_name") or row.get("sis_term_id")
    return {
        "key": f"{subject.name}:{match.id}",
        "named": str(row[subject.label]),
        "place": place,
        "by": list(match.by),
        "status": row["status"],
        "reason_code": row["reason_code"],
    }


def of(key: str, told: Sequence[Mapping[str, Any]], others: Sequence[Match]) -> str:
    """Tell of the rows in full, and list the others that the key names."""
    lines: list[str] = []
    for each in told:
        lines += [*_row(each), ""]
    if others:
        more = "other " if told else ""
        lines.append(f"{len(others)} {more}rows go by {key!r}; name one by its id:")
        for match in others:
            short = brief(match)
            lines.append(
                f"  {short['key']:<14} {one_line(short['named']):<24} "
                f"{one_line(short['place']):<18} {one_line(short['status']):<9} "
                f"{one_line(short['reason_code'])}  (by {', '.join(short['by'])})"
            )
    return "\n".join(lines).rstrip()


def _row(told: Mapping[str, Any]) -> list[str]:
    decision, values = told["decision"], told["values"]
    place = values.get("location_name") or values.get("sis_term_id") or "no location"
    label = next(
        (told[name] for name in ("item_name", "order_id") if told.get(name)), "?"
    )
    as_of = f", as of {told['as_of']}" if "as_of" in told else ""
    lines = [
        f"{told['subject']} {one_line(label)} at {one_line(place)}{as_of}: "
        f"{one_line(decision['status'])}, {one_line(decision['reason_code'])}",
    ]
    if decision["meaning"]:
        lines.append(f"  {decision['meaning']}. To do: {one_line(decision['remedy'])}.")
    lines += _twins(told)
    if decision["warnings"]:
        lines.append(f"  warnings: {decision['warnings']}")
    lines += _source(told["source"])
    lines += ["  values"] + [
        f"    {name:<24} {one_line(value)}"
        for name, value in values.items()
        if value is not None and name != "records"
    ]
    lines += [f"    item {_item(item)}" for item in values.get("records", ())]
    lines += rule_lines(told)
    lines += _files(told["files"], decision)
    lines += _history(told["history"])
    return lines


def _item(item: Mapping[str, Any]) -> str:
    """Say what is on an order, and first what is wrong with it."""
    wrong = [name for name, value in item.items() if value is True]
    said = {
        name: value
        for name, value in item.items()
        if value is not None and not isinstance(value, bool)
    }
    return (f"({', '.join(wrong)}) " if wrong else "") + one_line(said, _ITEM)


def _twins(told: Mapping[str, Any]) -> list[str]:
    """Say who else has the key or the part, and who of them goes out."""
    lines = []
    for rule in told["rules"]:
        if "twins" not in rule:
            continue
        twins = rule["twins"]
        count = len(twins["rows"]) + twins["more"]
        shared = ", ".join(f"{n} {one_line(v)}" for n, v in twins["shared"].items())
        others = "1 other row has" if count == 1 else f"{count:,} other rows have"
        lines.append(f"  {rule['code']}: {others} {shared}")
        for row in twins["rows"]:
            named = next(row[name] for name in ("item_name", "order_id") if name in row)
            id_of = next(row[name] for name in ("item_id", "order_id") if name in row)
            lines.append(
                f"    {one_line(named)} ({told['subject']}:{id_of}) at "
                f"{one_line(row.get('location_name'))}: {one_line(row['status'])}, "
                f"{one_line(row['reason_code'])}"
            )
        if twins["more"]:
            lines.append(f"    and {twins['more']:,} more")
        won = f"{twins['won']:,}" if twins["won"] else "none"
        lines.append(f"    of these {count + 1:,} rows, {won} goes out")
    return lines


def _source(source: Mapping[str, Any]) -> list[str]:
    lines = [f"  source {source['folder']}"]
    for entity, records in source["records"].items():
        for record in records:
            lines.append(f"    {entity}")
            for name, value in record.items():
                each = _listed(value)
                lines.append(f"      {name:<22} {'' if each else one_line(value)}")
                lines += [f"        {one_line(one, _ITEM)}" for one in each[:_MOST]]
                if len(each) > _MOST:
                    lines.append(f"        and {len(each) - _MOST:,} more: --json")
    return lines if source["records"] else [*lines, "    (no longer kept)"]


def _listed(value: Any) -> list[Any]:
    """Return the records of a list that a source sent; nothing of anything else."""
    if not (isinstance(value, str) and value.startswith("[{")):
        return []
    try:
        listed = json.loads(value)
    except ValueError:
        return []
    return listed if isinstance(listed, list) else []


def _files(
    files: Sequence[Mapping[str, Any]], decision: Mapping[str, Any]
) -> list[str]:
    if not files:
        fit = decision["output"] == "PUBLISH"
        why = "fit to go, but in no file that was delivered" if fit else "in no file"
        return [f"  out: {why}"]
    return [
        f"  out: {file['path']} line {file['first_line']}"
        + (f"-{file['last_line']}" if file["last_line"] > file["first_line"] else "")
        + f", {file['fate']}"
        + (f" to {file['destination']} at {file['at']}" if file["destination"] else "")
        for file in files
    ]


def _history(history: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["  the last runs"] if history else []
    for run in history:
        said = (
            f"{run['status']}, {run['reason_codes']}"
            if run["is_there"]
            else "not there under this key"
        )
        figures = ", ".join(
            f"{name} {run[name]}"
            for name in ("qty_on_hand", "sell_price", "rows")
            if run.get(name)
        )
        changed = (
            f"; changed: {', '.join(run['changed'])}" if run.get("changed") else ""
        )
        held = f" by {', '.join(run['held_by'])}" if run["held_by"] else ""
        lines.append(
            f"    {run['run_id']} {run['file']} ({run['fate']}{held}): {said}"
            f"{', ' + figures if figures else ''}{changed}"
        )
    return lines


_WIDE = 240
_SHORT = 40  # a limit: a long pattern is not read in a list


def rule_lines(told: Mapping[str, Any]) -> list[str]:
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
