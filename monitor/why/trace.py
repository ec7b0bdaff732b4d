"""What a fact was found by: from the model that a rule asks down to the one that knows.

A rule asks `is_stock_item`; that it is none was found by another model, from the item's
type and group. Followed for the rules that fired: nobody asks why another did not.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from monitor.why.question import Look, Question, names, question, write
from monitor.why.sql_tree import (
    Asked,
    Node,
    asked,
    column,
    joined_by,
    parsed,
    relations,
    steps,
)
from monitor.why.subjects import Subject
from runtime.duck import rows, sql_text

_DEEP = 8  # facts that are found by facts
_COLUMN = {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": ""}


class Deeper:
    """Follows the columns of a model to where they were found."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, subject: Subject) -> None:
        """Read nothing yet."""
        self._connection, self._subject = connection, subject
        self._trees: dict[str, Node | None] = {}

    def because(
        self, asker: Question, seen: Asked, row: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Return what a column of a step was found by, for one row.

        Args:
            asker: the question that looks at the column.
            seen: the look.
            row: the row of the audit.

        Returns:
            What made it so, as `Look.told`; nothing if the column is all there is.
        """
        if seen.sign not in ("", "is null"):  # it says itself what it was
            return []
        looks: list[Look] = []
        questions: dict[tuple[str, str], Question] = {}
        for where, deeper in self._under(asker.model, asker.step, seen, 0):
            if where not in questions:
                tree = self._trees[where[0]] or {}
                questions[where] = question(where[0], tree, where[1], self._subject)
            looks.append(Look.of(questions[where], deeper))
        try:
            write(self._connection, [*questions.values()])
            called = names(self._connection, looks)
            computed = [
                (look, look.question.answers(self._connection, row)) for look in looks
            ]
        except duckdb.Error:  # a model that is not by items: what was seen is enough
            return []
        told = [look.told(called[id(look)], seen) for look, seen in computed if seen]
        # A column of extract's own is nothing a person set.
        return [each for each in told if each["holds"] and "._" not in each["name"]]

    def _under(
        self, model: str, step: str, seen: Asked, depth: int
    ) -> Iterator[tuple[tuple[str, str], Asked]]:
        """Yield what a look is found by, each with its model and step."""
        found = self._origin(model, step, seen.seen)
        if found is None or depth > _DEEP:
            return
        model, step, node = found
        if node["class"] == "COLUMN_REF":
            # Of a seed or a source: told is what it was looked up by.
            select = self._steps(model)[step]
            for other in joined_by(select["from_table"], node["column_names"][0]):
                yield (model, step), Asked(other, "", None, self._true(), False)
        elif seen.sign == "":
            for deeper in asked(node, seen.negated):
                yield (model, step), deeper
                if column(deeper.seen):
                    yield from self._under(model, step, deeper, depth + 1)

    def _origin(
        self, model: str, step: str, node: Node
    ) -> tuple[str, str, Node] | None:
        """Return where a column is found: the model, the step and the expression.

        That is a column again where it comes from a seed or a source.
        """
        if node["class"] != "COLUMN_REF":
            return None
        *of, name = node["column_names"]
        for relation, table in relations(
            self._steps(model)[step]["from_table"]
        ).items():
            if of and of[0] != relation:
                continue
            below = self._below(model, table)
            if below is None and of:
                return model, step, node
            if below and (found := self._passed(*below, name)):
                return found
        return None

    def _below(self, model: str, table: str) -> tuple[str, str] | None:
        """Return the step that makes a relation; None if that is not for us to read."""
        own = self._steps(model)
        if table in own:
            (read, *more) = relations(own[table]["from_table"]).values()
            starred = [each["class"] for each in own[table]["select_list"]] == ["STAR"]
            # A seed is read under its own name.
            if more or not starred or (read in own and read != table):
                return model, table
            table = read
        # Staging is by its own ids, and what it renames says nothing more.
        if not table.startswith("int_") or not self._steps(table):
            return None
        return table, list(self._steps(table))[-1]

    def _passed(self, model: str, step: str, name: str) -> tuple[str, str, Node] | None:
        """Return where a step of a model has a column from."""
        select = self._steps(model)[step]
        if select.get("group_expressions"):
            return None  # of many rows
        for listed in select["select_list"]:
            if (listed.get("alias") or (column(listed) or "").split(".")[-1]) == name:
                return self._origin(model, step, listed) or (model, step, listed)
        for listed in select["select_list"]:
            if listed["class"] == "STAR":
                of = [listed["relation_name"]] if listed.get("relation_name") else []
                bare = {**_COLUMN, "column_names": [*of, name]}
                if found := self._origin(model, step, bare):
                    return found
        return None

    def _true(self) -> Node:
        told: Node = parsed(self._connection, "select true")["select_list"][0]
        return told

    def _steps(self, model: str) -> dict[str, Node]:
        tree = self._tree(model)
        return dict(steps(tree)) if tree else {}

    def _tree(self, model: str) -> Node | None:
        if model not in self._trees:
            kept = rows(
                self._connection,
                f"select code from model_record where model = {sql_text(model)}",
            )
            self._trees[model] = (
                parsed(self._connection, kept[0]["code"]) if kept else None
            )
        return self._trees[model]
