"""Single mutations of a folder of packages, each with who must notice it.

`bare` is the verifier with the folders alone; `full` has the public key and the ledger
too. What an insider seals anew (every digest recomputed) only the full check can know,
or, where a later package names the digest, the chain.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUMS, SIGNATURE, RECEIPT = "SHA256SUMS", "SHA256SUMS.sig", "receipt.json"
FLIPS = 8
# What holds no digest of its own and is in no sum.
OUTSIDE = (SIGNATURE, RECEIPT)


@dataclass(frozen=True)
class Mutation:
    """One change to the folder `outbox/<file>`.

    Attributes:
        kind: the class it belongs to.
        name: what it does, in words.
        bare: whether the folders alone betray it.
        do: does it, in a copy.
    """

    kind: str
    name: str
    bare: bool
    do: Callable[[Path], None]


def every(folder: Path) -> Iterator[Mutation]:
    """Yield every mutation of the packages in `folder`, oldest first."""
    packages = sorted(folder.iterdir())
    for package in packages:
        for path in sorted(package.iterdir()):
            yield from _of_file(package.name, path)
        yield from _of_folder(package, packages)
    for package in packages:
        # A package that a later one names is held by the chain; the last is not.
        yield from _sealed(package, chained=package in packages[:2])
    yield from _of_chain(packages)


def _of_file(package: str, path: Path) -> Iterator[Mutation]:
    name, content = f"{package}/{path.name}", path.read_bytes()
    bare = path.name not in OUTSIDE

    def write(new: bytes) -> Callable[[Path], None]:
        return lambda folder: (folder / name).write_bytes(new) and None

    for turn in range(FLIPS):
        place = len(content) * turn // FLIPS
        flipped = bytes([content[place] ^ (1 << turn % 8)])
        yield Mutation(
            "flipped bit", f"{name}, byte {place}", bare,
            write(content[:place] + flipped + content[place + 1 :]),
        )  # fmt: skip
    # An empty file, or one cut off, is no JSON, whoever signs it.
    cut = bare or path.name == RECEIPT
    yield Mutation("cut file", f"{name} to nothing", cut, write(b""))
    yield Mutation(
        "cut file", f"{name} by half", cut, write(content[: len(content) // 2])
    )
    yield Mutation("longer file", f"{name} by a line", cut, write(content + b"x\n"))
    # A package that a later one names was delivered, so it has a receipt.
    noticed = path.name != SIGNATURE
    yield Mutation(
        "dropped file", name, noticed, lambda folder: (folder / name).unlink()
    )
    lines = content.splitlines(keepends=True)
    if path.suffix in (".csv", ".jsonl", "") and len(lines) > 2:
        last = len(lines) - 1
        orders = {
            "swapped lines": [*lines[:-2], lines[last], lines[last - 1]],
            "doubled line": [*lines, lines[last]],
            "dropped line": lines[:-1],
        }
        for kind, changed in orders.items():
            yield Mutation(kind, name, bare, write(b"".join(changed)))


def _of_folder(package: Path, packages: list[Path]) -> Iterator[Mutation]:
    name = package.name
    for added in ("note.txt", "second.csv", "x.manifest.json", "receipt2.json", ".hid"):
        yield Mutation(
            "added file", f"{name}/{added}", True,
            lambda folder, added=added: (folder / name / added).write_bytes(b"{}\n")
            and None,
        )  # fmt: skip
    yield Mutation(
        "renamed folder", name, True,
        lambda folder: (folder / name).rename(folder / f"{name}-x") and None,
    )  # fmt: skip
    for other in packages:
        if other == package:
            continue
        for path in sorted(package.iterdir()):
            twin = next((p for p in other.iterdir() if _role(p) == _role(path)), None)
            if twin is None or twin.read_bytes() == path.read_bytes():
                continue
            if path.name == SIGNATURE or path.suffix == ".csv":
                yield Mutation(
                    "file of another run", f"{name}/{path.name} from {other.name}",
                    path.name != SIGNATURE,
                    lambda folder, path=path, twin=twin: shutil.copy(
                        folder / twin.parent.name / twin.name,
                        folder / name / path.name,
                    ) and None,
                )  # fmt: skip


def _role(path: Path) -> str:
    """Name what a file is for: the feed and its manifest carry times in their names."""
    for role in (".manifest.json", "inventory"):
        if role in path.name:
            return role
    return path.name


def reseal(package: Path) -> None:
    """Do as an insider would: make every digest of a changed package agree."""
    (manifest,) = package.glob("*.manifest.json")
    descriptor = json.loads(manifest.read_bytes())
    tables = [*descriptor["resources"], *descriptor["run"].get("files", {}).values()]
    for table in tables:
        content = (package / table["path"]).read_bytes()
        table["bytes"] = len(content)
        table["hash"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _write(manifest, descriptor)
    gates = json.loads((package / "gates.json").read_bytes())
    digest = descriptor["resources"][0]["hash"].removeprefix("sha256:")
    gates["subject"][0]["digest"]["sha256"] = digest
    _write(package / "gates.json", gates)
    listed = sorted(p for p in package.iterdir() if p.name not in (SUMS, *OUTSIDE))
    sums = "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in listed
    )
    (package / SUMS).write_text(sums)
    if (package / RECEIPT).exists():
        receipt = json.loads((package / RECEIPT).read_bytes())
        receipt["sha256"], receipt["bytes"] = (
            digest,
            descriptor["resources"][0]["bytes"],
        )
        receipt["package"] = hashlib.sha256(sums.encode()).hexdigest()
        _write(package / RECEIPT, receipt)


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n")


def _sealed(package: Path, chained: bool) -> Iterator[Mutation]:
    """Edit with care, then seal anew: rows, verdict, provenance."""
    name = package.name

    def edit(kind: str, file: str, words: str, change: Callable[[Any], Any],
             bare: bool = chained) -> Mutation:  # fmt: skip
        def do(folder: Path) -> None:
            (path,) = (folder / name).glob(file)
            if path.suffix == ".json":
                value = json.loads(path.read_bytes())
                change(value)
                _write(path, value)
            else:
                path.write_text(change(path.read_text()))
            reseal(folder / name)

        return Mutation(kind, f"{name}: {words}", bare, do)

    (feed,) = (p for p in package.glob("*.csv") if _role(p) == "inventory")
    row, verdict = "edited row, sealed anew", "edited verdict, sealed anew"
    for old, new in ((",10,", ",99,"), ("231.00", "1.00"), ("Example", "Sample")):
        yield edit(row, feed.name, f"{old} becomes {new}", _put(old, new))
    yield edit(row, feed.name, "two rows swapped", _by_line(_swap))
    dropped = _by_line(lambda lines: lines[:-1])
    yield edit(row, feed.name, "a row dropped", dropped, True)
    yield edit(row, "audit.csv", "a reason", _put("PRICE_ZERO", "PRICE_FINE"))

    gates = json.loads((package / "gates.json").read_bytes())["predicate"]
    for number in range(0, len(gates["checks"]), 6):
        # A delivered file shows a check that is closed, a held one shows none.
        turned_off = gates["checks"][number]["verdict"] == "pass"
        yield edit(
            verdict, "gates.json", f"check {number} turned",
            lambda document, n=number: document["predicate"]["checks"][n].update(
                verdict={"pass": "fail", "fail": "pass"}[
                    document["predicate"]["checks"][n]["verdict"]
                ]
            ), chained or (turned_off and (package / RECEIPT).exists()),
        )  # fmt: skip
        yield edit(
            "edited verdict, sealed anew",
            "gates.json",
            f"check {number} seen",
            lambda document, n=number: document["predicate"]["checks"][n].update(
                observed=-1
            ),
        )
    for result in {"PASSED", "WARNED", "FAILED"} - {gates["result"]}:
        yield edit(
            verdict, "gates.json", f"result {result}",
            lambda document, r=result: document["predicate"].update(result=r),
        )  # fmt: skip
    left_out = "a check left out"
    yield edit(
        verdict, "gates.json", left_out,
        lambda document: document["predicate"]["checks"].pop(),
    )  # fmt: skip

    (manifest,) = package.glob("*.manifest.json")
    yield edit(
        "edited figure, sealed anew", manifest.name, "characters",
        lambda content: content["resources"][0].update(characters=1), True,
    )  # fmt: skip
    run = json.loads(manifest.read_bytes())["run"]
    for field in sorted(set(run) - {"files"}):
        if field == "feed" or (field == "split"):
            continue  # would make another chain of it; below
        yield edit("edited provenance, sealed anew", manifest.name, f"run.{field}",
                   lambda content, f=field: content["run"].update({f: "forged"}),
                   chained or field in {"run_id", "previous_package"})  # fmt: skip


def _put(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def _by_line(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "".join(change(text.splitlines(keepends=True)))


def _swap(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _of_chain(packages: list[Path]) -> Iterator[Mutation]:
    names = [package.name for package in packages]
    for place, name in enumerate(names):
        # Nothing names the last ones: the ledger, or --newest, must.
        yield Mutation(
            "dropped package", name, place < 2,
            lambda folder, name=name: shutil.rmtree(folder / name),
        )  # fmt: skip
        yield Mutation(
            "package without sums", name, True,
            lambda folder, name=name: (folder / name / SUMS).unlink(),
        )  # fmt: skip
        for other in names:
            if other != name:
                yield Mutation(
                    "replaced package", f"{name} by {other}", True,
                    _replace(name, other),
                )  # fmt: skip


def _replace(name: str, other: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        shutil.rmtree(folder / name)
        shutil.copytree(folder / other, folder / name)

    return do
