"""Each sentence about partner servers names the test that holds it."""

import ast
import re
from pathlib import Path

import pytest
from commands import ROOT

PAGE = ROOT / "docs" / "partner-server.md"
MARK = re.compile(r"<!-- (\S+) -->")


def prose() -> str:
    """The page without its headings, and without the table of servers."""
    lines = PAGE.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#", "|")))


def held() -> list[tuple[str, str]]:
    """Every sentence, with the test that is named beside it."""
    *pairs, rest = MARK.split(prose())
    assert rest.strip() == "", f"no test holds: {rest.strip()}"
    texts = [text.strip().removeprefix("- ") for text in pairs[::2]]
    return list(zip(texts, pairs[1::2], strict=True))


def test_every_sentence_names_a_test() -> None:
    assert len(held()) > 30
    for text, mark in held():
        assert text.endswith("."), f"{mark} stands beside no sentence: {text!r}"
        assert not re.search(r"[.?!]\s+\S", text), f"two sentences, one test: {text}"


@pytest.mark.parametrize("mark", sorted({mark for _, mark in held()}))
def test_every_test_that_is_named_exists(mark: str) -> None:
    file, _, name = mark.partition("::")
    tree = ast.parse((Path(__file__).parent / file).read_text())
    functions = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert functions, f"{PAGE.name} names {mark}, which does not exist"
    marks = " ".join(ast.unparse(each) for each in functions[0].decorator_list)
    assert "skip" not in marks
    assert "xfail" not in marks


def test_the_index_of_the_documents_leads_to_the_page() -> None:
    assert "(partner-server.md)" in (ROOT / "docs" / "README.md").read_text()
