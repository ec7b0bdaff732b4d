"""The rules as they decided: read from the SQL that built the warehouse.

A model of rules has columns `..._codes`, each a concat_ws of `case when CONDITION then
'CODE' end`: that is the only place where a rule is written. `model_record` keeps the
SQL of the build, so what is asked of one row is what dbt asked of all.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from monitor.why.sql_tree import Node, column, parsed, relations, steps, within
from monitor.why.subjects import Subject
from runtime.duck import rows, sql_text, tables

_CODE = re.compile(r"[A-Z][A-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the code it gives, the model and step that state it, its condition."""

    code: str
    model: str
    step: str
    condition: Node


def trees(connection: duckdb.DuckDBPyConnection, subject: Subject) -> dict[str, Node]:
    """Return the trees of the models that state a subject's rules, by name."""
    if "model_record" not in tables(connection):
        return {}
    wanted = [*subject.rules, *([subject.facts] if subject.facts else [])]
    kept = rows(
        connection,
        "select model, code from model_record"
        f" where model in ({', '.join(map(sql_text, wanted))})",
    )
    return {each["model"]: parsed(connection, each["code"]) for each in kept}


def stated(model: str, tree: Node) -> Iterator[Rule]:
    """Yield the rules that a model states, in their order."""
    for step, select in steps(tree):
        for listed in select.get("select_list", ()):
            name = listed.get("alias", "")
            if name == "warning_codes" or not re.search(r"(^|_)codes$", name):
                continue
            for case in within(listed):
                if case["class"] == "CASE":
                    check = case["case_checks"][0]
                    code = check["then_expr"].get("value", {}).get("value")
                    if isinstance(code, str) and _CODE.fullmatch(code):
                        yield Rule(code, model, step, check["when_expr"])


def fact(tree: Node, name: str | None) -> tuple[str, Node] | None:
    """Return the step and the expression that a column of a model is found by."""
    for step, select in steps(tree):
        for listed in select.get("select_list", ()):
            if listed.get("alias") == name and listed["class"] != "COLUMN_REF":
                return step, listed
    return None


def member_of(rule: Rule, tree: Node) -> str | None:
    """Return the relation, if a rule only asks whether the row is found in it."""
    if rule.condition["type"] != "OPERATOR_IS_NOT_NULL":
        return None
    place, _, _ = str(column(rule.condition["children"][0])).rpartition(".")
    joined = list(relations(dict(steps(tree))[rule.step]["from_table"]))[1:]
    return place if place in joined else None


def last(tree: Node) -> Sequence[Node]:
    """Return what the last step of a model selects."""
    selected: Sequence[Node] = list(steps(tree))[-1][1]["select_list"]
    return selected
