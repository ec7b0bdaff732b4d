"""The rules, asked again of one row: whether they hold, what they saw and allow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from monitor.why.question import Look, Question, names, question, write
from monitor.why.sql_tree import Asked, asked, column
from monitor.why.stated import Rule, fact, member_of, stated, trees
from monitor.why.subjects import Subject
from monitor.why.trace import Deeper


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rule saw in one row.

    Attributes:
        holds: whether its condition is true of the row.
        values: what it looked at: name, seen, sign and limit; holds, whether it is as
            the rule asks. Of a rule that fired also because, the like of what a fact
            was found by, and said, what the source said where nothing is seen.
    """

    holds: bool
    values: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one rule is asked: where its verdict stands, and what it looks at."""

    code: str
    question: Question
    holds: int
    looks: Sequence[Look]


class Rules:
    """The rules of a subject, read once, ready to be asked of rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, subject: Subject) -> None:
        """Read them. A warehouse of an earlier version keeps no SQL: it has none."""
        self._connection, self._subject = connection, subject
        self._trees = trees(connection, subject)
        self._questions: dict[tuple[str, str], Question] = {}
        self._members: list[tuple[str, str]] = []
        self._plans: list[_Plan] = []
        for rule in self._rules():
            if (relation := member_of(rule, self._trees[rule.model])) is not None:
                self._members.append((rule.code, relation))
            else:
                self._plans.append(self._plan(rule))
        write(connection, [*self._questions.values()])
        self._names = names(
            connection, [lk for plan in self._plans for lk in plan.looks]
        )
        self._deeper = Deeper(connection, subject)

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
            id(each): each.answers(self._connection, row)
            for each in self._questions.values()
        }
        answers: dict[str, list[Answer]] = {}
        for code, relation in self._members:
            holds = code in fired
            value = {"name": relation, "seen": holds, "sign": "", "holds": holds}
            answers.setdefault(code, []).append(Answer(holds, [value]))
        for plan in self._plans:
            if (found := computed[id(plan.question)]) is None:
                continue
            values = [
                look.told(self._names[id(look)], seen)
                for look in plan.looks
                if (seen := computed[id(look.question)]) is not None
            ]
            answer = Answer(bool(found[plan.holds]), values)
            if answer.holds and plan.code in fired:
                self._deepen(plan, values, row)
            answers.setdefault(plan.code, []).append(answer)
        return answers

    def _rules(self) -> Iterator[Rule]:
        for model in self._subject.rules:
            if model in self._trees:
                yield from stated(model, self._trees[model])

    def _deepen(
        self, plan: _Plan, values: Sequence[dict[str, Any]], row: Mapping[str, Any]
    ) -> None:
        """Add to what made a rule fire what that was found by."""
        for look, value in zip(plan.looks, values, strict=False):
            if not value["holds"]:
                continue
            if because := self._deeper.because(look.question, look.asked, row):
                value["because"] = because
            raw = value["name"].rpartition(".")[2].removesuffix("_quantity") + "_raw"
            if value["seen"] is None and row.get(raw) is not None:
                value["said"] = row[raw]

    def _plan(self, rule: Rule) -> _Plan:
        asked_of = self._question(rule.model, rule.step)
        looks = [Look.of(*each) for each in self._looks(rule, asked_of)]
        return _Plan(rule.code, asked_of, asked_of.add(rule.condition), looks)

    def _looks(
        self, rule: Rule, asked_of: Question
    ) -> Iterator[tuple[Question, Asked]]:
        """Yield what a rule looks at; a fact is followed to what it was found by."""
        facts = self._trees.get(self._subject.facts or "")
        for look in asked(rule.condition):
            found = fact(facts, column(look.seen)) if facts else None
            if look.sign == "" and found:
                below = self._question(str(self._subject.facts), found[0])
                yield from ((below, deeper) for deeper in asked(found[1]))
            else:
                yield asked_of, look

    def _question(self, model: str, step: str) -> Question:
        if (model, step) not in self._questions:
            self._questions[model, step] = question(
                model, self._trees[model], step, self._subject
            )
        return self._questions[model, step]
