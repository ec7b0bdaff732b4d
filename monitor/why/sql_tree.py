"""SQL as a tree, by DuckDB's own parser: what a condition compares, and with what.

`json_serialize_sql` gives the tree of a statement and `json_deserialize_sql` the text
of a tree, so no SQL is read by us.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from runtime.duck import sql_text

Node = dict[str, Any]
_SIGNS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "is distinct from",
    "COMPARE_NOT_DISTINCT_FROM": "is not distinct from",
}
_NULL = {"OPERATOR_IS_NULL": "is null", "OPERATOR_IS_NOT_NULL": "is not null"}
_WORDS = {"regexp_matches": "matches", "~~": "like"}
# What wraps a condition without comparing anything itself.
_THROUGH = ("coalesce", "nullif")


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing a condition looks at: an expression, and what it is held against.

    Attributes:
        seen: the expression that is looked at.
        sign: such as ">", "is null", "matches"; "" where it is true or false itself.
        limit: the expression it is held against; None where there is none.
        truth: the expression that says whether it is so.
        negated: whether the condition asks that it is not so.
    """

    seen: Node
    sign: str
    limit: Node | None
    truth: Node
    negated: bool


def parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Node:
    """Return the tree of one select statement."""
    row = connection.execute(f"select json_serialize_sql({sql_text(sql)})").fetchone()
    told = json.loads(row[0]) if row else {}
    if told.get("error"):
        raise ValueError(f"DuckDB does not read {sql[:80]!r}: {told}")
    node: Node = told["statements"][0]["node"]
    return node


def written(
    connection: duckdb.DuckDBPyConnection, selects: Sequence[Node]
) -> list[str]:
    """Return the texts of select statements' trees."""
    trees = [
        json.dumps({"error": False, "statements": [{"node": select}]})
        for select in selects
    ]
    listed = ", ".join(
        f"({place}, {sql_text(tree)})" for place, tree in enumerate(trees)
    )
    found = connection.execute(
        "select json_deserialize_sql(tree::json)"
        f" from (values {listed}) as written (place, tree) order by place"
    ).fetchall()
    return [row[0] for row in found]


def select_of(
    tree: Node, step: str, key: Sequence[str], wanted: Sequence[Node]
) -> Node:
    """Return a statement that computes expressions where a step of a model does.

    What the step joins only to add columns, and no expression asks for, is left out:
    it might be a sum over everything.

    Args:
        tree: the model.
        step: the step; what it reads from is what the expressions are about.
        key: columns of the first relation it reads, selected as k0, k1 ...
        wanted: the expressions.
    """
    entries = tree["cte_map"]["map"]
    place = [entry["key"] for entry in entries].index(step)
    select = entries[place]["value"]["query"]["node"]
    asked_of = {
        part["column_names"][0]
        for part in within([*wanted])
        if part["class"] == "COLUMN_REF" and len(part["column_names"]) > 1
    }
    named = [
        {
            "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": f"k{number}",
            "column_names": [next(iter(relations(select["from_table"]))), name],
        }
        for number, name in enumerate(key)
    ]  # fmt: skip
    return {
        **select,
        "cte_map": {"map": entries[:place]},
        "select_list": [*named, *wanted],
        "from_table": _needed(select["from_table"], asked_of),
    }


def relations(origin: Node) -> dict[str, str]:
    """Name what a FROM clause reads, in the order of its joins, and what that is."""
    if origin["type"] == "JOIN":
        return relations(origin["left"]) | relations(origin["right"])
    table = origin.get("table_name") or ""
    return {origin.get("alias") or table: table}


def joined_by(origin: Node, relation: str) -> list[Node]:
    """Return the columns of other relations by which a FROM clause joins one."""
    if origin["type"] != "JOIN":
        return []
    if relation not in relations(origin["right"]):
        return joined_by(origin["left"], relation)
    return [
        part
        for part in within(origin.get("condition"))
        if part["class"] == "COLUMN_REF" and part["column_names"][0] != relation
    ]


def _needed(origin: Node, asked_of: set[str]) -> Node:
    if origin["type"] != "JOIN":
        return origin
    wanted = asked_of | {
        part["column_names"][0]
        for part in within(origin.get("condition"))
        if part["class"] == "COLUMN_REF"
    }
    if origin["join_type"] == "LEFT" and not asked_of & {*relations(origin["right"])}:
        return _needed(origin["left"], asked_of)
    return {**origin, "left": _needed(origin["left"], wanted)}


def steps(select: Node) -> Iterator[tuple[str, Node]]:
    """Yield each common table expression of a statement, by name, as it stands."""
    for entry in select["cte_map"]["map"]:
        yield entry["key"], entry["value"]["query"]["node"]


def within(node: Any) -> Iterator[Node]:
    """Yield every expression of a tree, the outer ones first."""
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for value in node.values():
            yield from within(value)
    elif isinstance(node, list):
        for value in node:
            yield from within(value)


def asked(
    condition: Node, negated: bool = False, whole: Node | None = None
) -> Iterator[Asked]:
    """Yield what a condition looks at, in the order in which it is written.

    Args:
        condition: the condition.
        negated: whether it is asked that it does not hold.
        whole: what says whether it holds, if that is not the condition itself.
    """
    kind, children = condition["class"], condition.get("children") or []
    truth = whole or condition
    if kind == "COMPARISON":
        sign = str(_SIGNS.get(condition["type"], condition["type"]))
        yield Asked(condition["left"], sign, condition["right"], truth, negated)
    elif kind == "BETWEEN":
        yield Asked(condition["input"], ">=", condition["lower"], truth, negated)
        yield Asked(condition["input"], "<=", condition["upper"], truth, negated)
    elif condition["type"] in _NULL:
        yield Asked(children[0], _NULL[condition["type"]], None, truth, negated)
    elif condition["type"] in ("COMPARE_IN", "COMPARE_NOT_IN"):
        yield Asked(children[0], "in", _list(children[1:]), truth, negated)
    elif kind in ("CONJUNCTION", "OPERATOR") or _name(condition) in _THROUGH:
        asks = [child for child in children if child["class"] != "CONSTANT"]
        turned = negated != (condition["type"] == "OPERATOR_NOT")
        # coalesce(x, false) holds, or does not, where x alone says nothing.
        alone = condition if len(asks) == 1 < len(children) else None
        for child in asks:
            yield from asked(child, turned, alone)
    else:
        yield from _looked_at(condition, children, truth, negated)


def _looked_at(
    expression: Node, children: Sequence[Node], truth: Node, negated: bool
) -> Iterator[Asked]:
    """Yield an expression that is true or false itself, unless it is constant."""
    if expression["class"] == "FUNCTION" and len(children) > 1:
        name = _name(expression)
        sign = _WORDS.get(name, name)
        yield Asked(children[0], sign, children[1], truth, negated)
    elif any(part["class"] == "COLUMN_REF" for part in within(expression)):
        yield Asked(expression, "", None, truth, negated)


def column(node: Mapping[str, Any]) -> str | None:
    """Return the name of a plain column, None for anything else."""
    if node["class"] != "COLUMN_REF":
        return None
    return ".".join(node["column_names"])


def _list(children: list[Node]) -> Node:
    order: Node = {"type": "ORDER_MODIFIER", "orders": []}
    return {
        "class": "FUNCTION", "type": "FUNCTION", "alias": "", "schema": "",
        "catalog": "", "function_name": "list_value", "children": children,
        "filter": None, "order_bys": order, "distinct": False, "is_operator": False,
        "export_state": False,
    }  # fmt: skip


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("function_name") or "")
