"""Write the answer of `monitor why` as text."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from monitor.why.search import Match

_ITEM = 600
_WIDE = 240
_MOST = 20


def not_found(key: str, near: Sequence[str]) -> str:
    """Say that no row has a key, and which keys are spelled almost like it."""
    message = f"Nothing is called {key!r}."
    if near:
        return f"{message} Nearest: {', '.join(near)}."
    return (
        f"{message} Expected a SKU, a number of a part, an order id or a section id. "
        "If it was extracted a moment ago, run `dbt build` first."
    )


def brief(match: Match) -> dict[str, Any]:
    """Return what a list of rows shows of one row."""
    subject, row = match.subject, match.row
    return {
        "key": subject.name if match.id is None else f"{subject.name}:{match.id}",
        "named": str(row[subject.label]),
        "place": _place(row),
        "by": list(match.by),
        "status": row["status"],
        "reason_code": row["reason_code"],
    }


def to_text(
    key: str, answers: Sequence[Mapping[str, Any]], others: Sequence[Match]
) -> str:
    """Write the explained rows, and list the other rows that the key names."""
    lines: list[str] = []
    for answer in answers:
        lines += [*_row(answer), ""]
    if others:
        more = "other " if answers else ""
        lines.append(
            f"{len(others)} {more}rows go by {key!r}; name one by its id, or "
            "the file by --feed:"
        )
        for match in others:
            short = brief(match)
            lines.append(
                f"  {short['key']:<14} {one_line(short['named']):<24} "
                f"{one_line(short['place']):<18} {one_line(short['status']):<9} "
                f"{one_line(short['reason_code'])}  (by {', '.join(short['by'])})"
            )
    return "\n".join(lines).rstrip()


def _row(answer: Mapping[str, Any]) -> list[str]:
    decision, values = answer["decision"], answer["values"]
    as_of = f", as of {answer['as_of']}" if "as_of" in answer else ""
    head = f"{answer['subject']} {one_line(answer['named'])}"
    if answer["source"]:
        place = one_line(_place(values) or "no location")
        decided = f"{one_line(decision['status'])}, {one_line(decision['reason_code'])}"
        lines = [f"{head} at {place}{as_of}: {decided}"]
    else:  # the row of a file, about which nothing was decided
        lines = [f"{head}{as_of}"]
    for code in answer["codes"]:
        lines += _code(answer["subject"], code)
    lines += [_confirmation(each) for each in answer["confirmed"]]
    if limits := answer.get("limits"):
        shown = ", ".join(f"{name} {value}" for name, value in limits.items())
        lines.append(f"  limits then: {shown}")
    if decision["warnings"]:
        lines.append(f"  warnings: {decision['warnings']}")
    lines += _source(answer["source"]) if answer["source"] else []
    lines += ["  values"] + [
        f"    {name:<24} {one_line(value)}"
        for name, value in values.items()
        if value is not None and name != "records"
    ]
    lines += [f"    item {_item(item)}" for item in values.get("records", ())]
    lines += _files(answer["files"], decision)
    notes = (*answer.get("adopted", ()), *answer.get("on_hold", ()))
    lines += [f"  {one_line(note)}" for note in notes]
    lines += [
        f"  rejected by the partner: {one_line(each['code'])} {one_line(each['text'])} "
        f"({each['name']}, about {each['file']}/{each['run_id']})"
        for each in answer.get("rejected", ())
    ]
    lines += _history(answer["history"])
    return lines


def _place(values: Mapping[str, Any]) -> Any:
    """Return where a part is, or the term of an order."""
    names = ("location_name", "location_code", "sis_term_id")
    return next((values[name] for name in names if values.get(name)), None)


def _code(subject: str, code: Mapping[str, Any]) -> list[str]:
    """Write a code with its meaning, its remedy and the values it looked at."""
    mark = "!" if code["decided"] else "+"
    meaning = f"{one_line(code['meaning'])}. To do: {one_line(code['remedy'])}."
    lines = [f"  {mark} {code['code']}: {meaning}"]
    lines += [f"      {name} {_exact(value)}" for name, value in code["values"].items()]
    if "duplicates" in code:
        lines += _duplicates(subject, code["duplicates"])
    return lines


def _confirmation(confirmed: Mapping[str, Any]) -> str:
    """Write what a person confirmed, and whether it still counts."""
    ended = f"; ended at {confirmed['ended']}" if confirmed["ended"] else ""
    return (
        f"  {confirmed['column']} {one_line(confirmed['value'])} confirmed by "
        f"{one_line(confirmed['by'])} at {confirmed['at']}: "
        f"{one_line(confirmed['because'])}{ended}"
    )


def _item(item: Mapping[str, Any]) -> str:
    """Write an item of an order, its faults first."""
    faults = [name for name, value in item.items() if value is True]
    values = {
        name: value
        for name, value in item.items()
        if value is not None and not isinstance(value, bool)
    }
    return (f"({', '.join(faults)}) " if faults else "") + one_line(values, _ITEM)


def _duplicates(subject: str, duplicates: Mapping[str, Any]) -> list[str]:
    """Write which rows have the same key or part, and how many are published."""
    count = len(duplicates["rows"]) + duplicates["more"]
    shared = ", ".join(f"{n} {one_line(v)}" for n, v in duplicates["shared"].items())
    others = "1 other row has" if count == 1 else f"{count:,} other rows have"
    lines = [f"      {others} {shared}"]
    for row in duplicates["rows"]:
        name = next(row[name] for name in ("item_name", "order_id") if name in row)
        id_ = next(row[name] for name in ("item_id", "order_id") if name in row)
        lines.append(
            f"        {one_line(name)} ({subject}:{id_}) at "
            f"{one_line(row.get('location_name'))}: {one_line(row['status'])}, "
            f"{one_line(row['reason_code'])}"
        )
    if duplicates["more"]:
        lines.append(f"        and {duplicates['more']:,} more")
    won = f"{duplicates['won']:,}" if duplicates["won"] else "none"
    return [*lines, f"      of these {count + 1:,} rows, {won} goes out"]


def _source(source: Mapping[str, Any]) -> list[str]:
    lines = [f"  source {source['folder']}"]
    for entity, records in source["records"].items():
        for record in records:
            lines.append(f"    {entity}")
            for name, value in record.items():
                listed = _listed(value)
                lines.append(f"      {name:<22} {'' if listed else one_line(value)}")
                lines += [f"        {one_line(each, _ITEM)}" for each in listed[:_MOST]]
                if len(listed) > _MOST:
                    lines.append(f"        and {len(listed) - _MOST:,} more: --json")
    return lines if source["records"] else [*lines, "    (no longer kept)"]


def _listed(value: Any) -> list[Any]:
    """Return the records of a JSON list; nothing if the value is anything else."""
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
    if not files and decision["output"] == "PUBLISH":
        return ["  out: fit to go, but in no file that was delivered"]
    if not files:
        return ["  out: in no file"]
    return [
        f"  out: {file['path']} line {file['first_line']}"
        + (f"-{file['last_line']}" if file["last_line"] > file["first_line"] else "")
        + (f", {one_line(file['operation'])}" if "operation" in file else "")
        + f", {file['fate']}"
        + (f" to {file['destination']} at {file['at']}" if file["destination"] else "")
        for file in files
    ]


def _history(history: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["  the last runs"] if history else []
    for run in history:
        decision = "not there"
        if run["is_there"]:
            decision = "there"
            if run["status"]:
                decision = f"{run['status']}, {run['reason_codes']}"
        for name in ("qty_on_hand", "sell_price", "rows"):
            decision += f", {name} {run[name]}" if run.get(name) else ""
        if run.get("changed"):
            decision += f"; changed: {', '.join(run['changed'])}"
        held = f" by {', '.join(run['held_by'])}" if run["held_by"] else ""
        lines.append(
            f"    {run['run_id']} {run['file']} ({run['fate']}{held}): {decision}"
        )
    return lines


def _exact(value: Any) -> str:
    """Write a value, and spell out the characters that the eye does not see."""
    text = one_line(value)
    if isinstance(value, str):
        spelled = value.encode("unicode_escape").decode()
        if spelled != value or value != value.strip():
            text += f' = "{spelled[:_WIDE]}"'
    return text


def one_line(value: Any, wide: int = _WIDE) -> str:
    """Write a value on one line, shortened, without control characters."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if each is not None}
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
    clean = "".join(c if c.isprintable() else "�" for c in text)
    return clean if len(clean) <= wide else clean[:wide] + " ..."
