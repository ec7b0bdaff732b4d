"""Fail where the project uses a word that docs/style.md does not allow.

Reads the table "Words that we do not use". A word "in text" is looked for in comments,
docstrings and documents; a word "in name" among the names that Python code defines.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

STYLE = Path("docs/style.md")
TEXTS = (".md", ".sql", ".yml", ".sh", ".toml")
# Titles of books and other made-up values of the samples.
SAMPLES = "sandbox/sample_"


def banned() -> dict[str, set[str]]:
    """Return the words of the table by where they are banned: text or name."""
    words: dict[str, set[str]] = {"text": set(), "name": set()}
    table = STYLE.read_text("utf-8").partition("## Words that we do not use")[2]
    for line in table.partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[1] in words:
            words[cells[1]] |= {word.strip() for word in cells[0].split(",")}
    return words


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every name that a module defines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every comment, string and line of prose."""
    content = path.read_text("utf-8")
    if path.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(content).readline):
            # A string of one word is a key or a value of a data format.
            if token.type == tokenize.COMMENT or (
                token.type == tokenize.STRING and " " in token.string
            ):
                yield token.start[0], token.string
    else:
        yield from enumerate(content.splitlines(), 1)


def faults(paths: list[Path]) -> Iterator[str]:
    """Yield each use of a banned word as FILE:LINE: word."""
    words = banned()
    prose = re.compile(
        r"\b(" + "|".join(map(re.escape, sorted(words["text"]))) + r")\b", re.IGNORECASE
    )
    for path in paths:
        if path.suffix == ".py":
            for line, name in names(path):
                if name.lstrip("_").lower() in words["name"]:
                    yield f"{path}:{line}: the name {name}"
        if path.suffix == ".py" or path.suffix in TEXTS:
            for line, text in texts(path):
                if match := prose.search(text):
                    yield f"{path}:{line}: the word {match[0]!r}"


def main() -> int:
    """Print every fault; return 1 if there is one."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(  # noqa: S603
        command, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    paths = [
        Path(name)
        for name in listed
        if name and not name.startswith((str(STYLE), SAMPLES))
    ]
    lines = sorted(faults([path for path in paths if path.is_file()]))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if lines:
        sys.stdout.write(f"{len(lines)} uses; {STYLE} says what to write instead\n")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
