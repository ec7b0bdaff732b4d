"""Expressions of a model, computed again where one of its steps computed them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from monitor.why.sql_tree import Asked, Node, column, parsed, select_of, written
from monitor.why.stated import last
from monitor.why.subjects import Subject

_MOST = 1000  # rows of one item
_NOT = {
    "": "", "=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
    "is null": "is not null", "is not null": "is null",
}  # fmt: skip
# How DuckDB writes the name of a function that is also a word of SQL.
_QUOTED = re.compile(r'(?:main\.)?"(\w+)"\(')


@dataclass(slots=True)
class Question:
    """Expressions to be computed over one step of a model, for one row at a time.

    Attributes:
        model: the model.
        tree: its SQL.
        step: the step, whose FROM clause the expressions are about.
        key: what names a row of it.
        wanted: the expressions.
        sql: the statement that computes them, once it is written.
        kept: the answers of the rows of one item, by what names each of them.
    """

    model: str
    tree: Node
    step: str
    key: tuple[str, ...]
    wanted: list[Node] = field(default_factory=list)
    sql: str = ""
    kept: dict[tuple[Any, ...], Sequence[Any] | None] = field(default_factory=dict)

    def add(self, expression: Node) -> int:
        """Ask for an expression; its place among the answers."""
        self.wanted.append({**expression, "alias": ""})
        return len(self.wanted) - 1

    def answers(
        self, connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]
    ) -> Sequence[Any] | None:
        """Compute them; None where the step has no such row.

        The rows of one item are computed together: its views are gone through once.
        """
        named = tuple(row[name] for name in self.key)
        if named not in self.kept:
            wanted = self.key[:1] if named[0] is not None else self.key
            where = " and ".join(
                f"k{place} is null" if row[name] is None else f"k{place} = {row[name]}"
                for place, name in enumerate(wanted)
            )
            found = connection.execute(
                f"select * from ({self.sql}) where {where} limit {_MOST}"
            ).fetchall()
            many = len(self.key)
            self.kept = {each[:many]: each[many:] for each in found} | {
                named: next((r[many:] for r in found if r[:many] == named), None)
            }
        return self.kept[named]


@dataclass(frozen=True, slots=True)
class Look:
    """One thing a rule looks at, and where in the answers to a question it stands."""

    question: Question
    asked: Asked
    seen: int
    limit: int | None
    truth: int

    @classmethod
    def of(cls, question: Question, asked: Asked) -> "Look":
        """Ask a question what is seen, and what it is held against."""
        limit = None if asked.limit is None else question.add(asked.limit)
        return cls(
            question, asked, question.add(asked.seen), limit, question.add(asked.truth)
        )

    def told(self, name: str, computed: Sequence[Any]) -> dict[str, Any]:
        """Return what is seen, the sign, the limit, and whether it is as asked."""
        sign = self.asked.sign
        told = {
            "name": name,
            "seen": computed[self.seen],
            "sign": _NOT.get(sign, f"not {sign}") if self.asked.negated else sign,
            "holds": (computed[self.truth] is True) != self.asked.negated,
        }
        return told if self.limit is None else {**told, "limit": computed[self.limit]}


def question(model: str, tree: Node, step: str, subject: Subject) -> Question:
    """Return a question about a step, by what names a row of its model.

    A model of items has no place: what it says is of the item anywhere.
    """
    key = (subject.id, *subject.place)
    passed = {str(column(each)).rpartition(".")[2] for each in last(tree)}
    return Question(model, tree, step, key if passed >= set(key) else key[:1])


def write(connection: duckdb.DuckDBPyConnection, questions: Sequence[Question]) -> None:
    """Write the statements of questions."""
    selects = [
        select_of(each.tree, each.step, each.key, each.wanted) for each in questions
    ]
    for each, sql in zip(questions, written(connection, selects), strict=True):
        each.sql = sql


def names(
    connection: duckdb.DuckDBPyConnection, looks: Sequence[Look]
) -> dict[int, str]:
    """Return what each look is at, as it is written."""
    bare = parsed(connection, "select 1")
    told = written(
        connection, [{**bare, "select_list": [lk.asked.seen]} for lk in looks]
    )
    return {
        id(look): column(look.asked.seen)
        or _QUOTED.sub(r"\1(", sql.removeprefix("SELECT ").strip())
        for look, sql in zip(looks, told, strict=True)
    }
