"""The rules, asked again of one row: whether they hold, what they saw and allow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from monitor.why.stated import Rule, fact, last, member_of, stated, trees
from monitor.why.subjects import Subject
from monitor.why.tree import Asked, Node, asked, column, parsed, select_of, written

_MOST = 1000  # rows of one item


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rule saw in one row.

    Attributes:
        holds: whether its condition is true of the row.
        values: what it looked at: name, seen, sign and limit.
    """

    holds: bool
    values: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class _Question:
    """Expressions to be computed over one step of a model, for one row at a time.

    Attributes:
        tree: the model.
        step: the step, whose FROM clause the expressions are about.
        key: what names a row of it.
        wanted: the expressions.
        sql: the statement that computes them, once it is written.
        kept: the answers of the rows of one item, by what names each of them.
    """

    tree: Node
    step: str
    key: tuple[str, ...]
    wanted: list[Node] = field(default_factory=list)
    sql: str = ""
    kept: dict[tuple[Any, ...], Sequence[Any] | None] = field(default_factory=dict)

    def add(self, expression: Node) -> int:
        self.wanted.append({**expression, "alias": ""})
        return len(self.wanted) - 1

    def select(self) -> Node:
        """Return the statement: the key, as k0 and so on, and the expressions."""
        return select_of(self.tree, self.step, self.key, self.wanted)

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
class _Look:
    """One thing a rule looks at, and where in the answers to a question it stands."""

    question: _Question
    asked: Asked
    seen: int
    limit: int | None

    def told(self, name: str, computed: Sequence[Any]) -> Mapping[str, Any]:
        told = {"name": name, "seen": computed[self.seen], "sign": self.asked.sign}
        return told if self.limit is None else {**told, "limit": computed[self.limit]}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one rule is asked: where its verdict stands, and what it looks at."""

    code: str
    question: _Question
    holds: int
    looks: Sequence[_Look]


class Rules:
    """The rules of a subject, read once, ready to be asked of rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, subject: Subject) -> None:
        """Read them. A warehouse of an earlier version keeps no SQL: it has none."""
        self._connection, self._subject = connection, subject
        self._trees = trees(connection, subject)
        self._questions: dict[tuple[str, str], _Question] = {}
        self._members: list[tuple[str, str]] = []
        self._plans: list[_Plan] = []
        for rule in self._rules():
            if (relation := member_of(rule, self._trees[rule.model])) is not None:
                self._members.append((rule.code, relation))
            else:
                self._plans.append(self._plan(rule))
        questions = list(self._questions.values())
        sql = written(connection, [question.select() for question in questions])
        for question, statement in zip(questions, sql, strict=True):
            question.sql = statement
        self._names = _names(connection, self._plans)

    def ask(
        self, row: Mapping[str, Any], fired: Sequence[str]
    ) -> dict[str, list[Answer]]:
        """Ask every rule of one row of the audit; the answers by code.

        Args:
            row: the row.
            fired: the codes it bears: whether it is among the repeated ones would
                take as long to find out again as it took for all rows.
        """
        computed = {
            id(question): question.answers(self._connection, row)
            for question in self._questions.values()
        }
        answers: dict[str, list[Answer]] = {}
        for code, relation in self._members:
            holds = code in fired
            value = {"name": relation, "seen": holds, "sign": ""}
            answers.setdefault(code, []).append(Answer(holds, (value,)))
        for plan in self._plans:
            if (found := computed[id(plan.question)]) is None:
                continue
            values = tuple(
                look.told(self._names[id(look)], seen)
                for look in plan.looks
                if (seen := computed[id(look.question)]) is not None
            )
            answer = Answer(bool(found[plan.holds]), values)
            answers.setdefault(plan.code, []).append(answer)
        return answers

    def _rules(self) -> Iterator[Rule]:
        for model in self._subject.rules:
            if model in self._trees:
                yield from stated(model, self._trees[model])

    def _plan(self, rule: Rule) -> _Plan:
        question = self._question(rule.model, rule.step)
        looks = [
            _Look(
                where, look, where.add(look.seen),
                None if look.limit is None else where.add(look.limit),
            )
            for where, look in self._looks(rule, question)
        ]  # fmt: skip
        return _Plan(rule.code, question, question.add(rule.condition), looks)

    def _looks(
        self, rule: Rule, question: _Question
    ) -> Iterator[tuple[_Question, Asked]]:
        """Yield what a rule looks at; a fact is followed to what it was found by."""
        facts = self._trees.get(self._subject.facts or "")
        for look in asked(rule.condition):
            found = fact(facts, column(look.seen)) if facts else None
            if look.sign == "" and found:
                below = self._question(str(self._subject.facts), found[0])
                yield from ((below, deeper) for deeper in asked(found[1]))
            else:
                yield question, look

    def _question(self, model: str, step: str) -> _Question:
        if (model, step) not in self._questions:
            tree = self._trees[model]
            key = (self._subject.id, *self._subject.place)
            # A model of items has no place: a rule of it is of the item anywhere.
            passed = {str(column(each)).rpartition(".")[2] for each in last(tree)}
            if not passed >= set(key):
                key = key[:1]
            self._questions[model, step] = _Question(tree, step, key)
        return self._questions[model, step]


def _names(
    connection: duckdb.DuckDBPyConnection, plans: Sequence[_Plan]
) -> dict[int, str]:
    """Return what each look is at, as it is written."""
    looks = [look for plan in plans for look in plan.looks]
    bare = parsed(connection, "select 1")
    told = written(
        connection, [{**bare, "select_list": [lk.asked.seen]} for lk in looks]
    )
    return {
        id(look): column(look.asked.seen) or sql.removeprefix("SELECT ").strip()
        for look, sql in zip(looks, told, strict=True)
    }
