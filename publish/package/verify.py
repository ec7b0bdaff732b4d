"""Check packages of delivered files: offline, with nothing but Python 3.9 or newer.

    python verify.py PACKAGE ...             folders, or a folder of such folders
        --since DIGEST      the package before the first one given is DIGEST
        --newest DIGEST     the last one given must be DIGEST
        --key PUBLIC.pem    every package must be signed with this Ed25519 key
        --ledger FILE       ledger.jsonl must record every delivery as it is here

A package's digest is the SHA-256 of its SHA256SUMS. Exit code 0: nothing is wrong.
1: something is wrong, and every fault is named. Other codes: the check did not run.

SHA256SUMS covers every file but the signature, the receipt, pruned.json, and compressed
and encrypted copies of its files. So whoever has the digest of a package knows that no
file of it has changed. Beyond that, the rows of the tables are counted, and the gates
and the copies are held against the receipt. What is compressed is also unpacked,
and the cells of a workbook are compared.

A package marked "pruned" says in pruned.json that its tables were removed. The rest is
checked, and with --ledger that the ledger records the removal. The tables are not.

Whoever can forge a package can forge the verify.py in it. Take this file from the
source of the project, or compare its SHA-256 with one that you got by another way.
"""

import argparse
import collections
import csv
import gzip
import hashlib
import itertools
import json
import os
import re
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

SUMS, SIGNATURE, RECEIPT = "SHA256SUMS", "SHA256SUMS.sig", "receipt.json"
PRUNED = "pruned.json"
# What is written after the sums, or over them, cannot be in them. Copies that travel
# are not either: encrypted, they are other bytes each time that they are made.
BESIDE = {SUMS, SIGNATURE, RECEIPT, PRUNED}
# What `publish prune` never removes.
PROOF = re.compile(
    r"gates\.json|built_from\.json|contract\.odcs\.yaml|.*\.manifest\.json"
)
# What a killed command left of a file that it wrote beside the sums, or of a package.
PART = re.compile(r"\..+\.\d+\.part")
WORK = re.compile(r"\..+\.work")
# What a receipt has of the ledger's record, apart from the server's answers.
REPEATED = ("attempt", "at", "destination", "name", "sha256", "bytes", "rows",
            "package", "checked")  # fmt: skip
LINE = re.compile(r"([0-9a-f]{64})  ([^/\\\x00-\x1f]+)")
START = "0" * 64
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# How a workbook writes characters that XML does not have.
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
Json = dict[str, Any]
Many = list[Any]
csv.field_size_limit(2**31 - 1)


class Package:
    """One folder, and what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[str] = []
        self.digest = ""
        self.manifest: Json = {}
        self.receipt = None  # type: Json | None
        self.removed: dict[str, str] = {}  # by `publish prune`: name to SHA-256
        self.litter: list[str] = []
        self.beside: set[str] = set()
        self.listed: dict[str, str] = {}

    @property
    def run(self) -> Json:
        """`run` of the manifest."""
        return _object(self.manifest.get("run"))

    @property
    def label(self) -> str:
        """Feed and split value: packages of one label are one chain."""
        return "{}.{}".format(self.run.get("feed"), self.run.get("split") or "")

    @property
    def travels(self) -> "dict[str, str]":
        """Names of files whose copy travels, and the names of the copies."""
        if "travels" in self.run:
            return _object(self.run["travels"])
        if "encryption" not in self.run:
            return {}
        # Earlier versions recorded what encrypted names end in.
        suffix = _object(self.run.get("encryption")).get("suffix")
        return {name: name + suffix for name in self.listed} if suffix else {}

    @property
    def marker(self) -> str:
        """Name of the marker that followed the file; "" without one."""
        return str(_object(self.run.get("marker")).get("name") or "")

    def expect(self, what: str, expected: object, actual: object) -> None:
        """Note a fault unless both are the same, in kind too: 1 is not true."""
        if type(expected) is not type(actual) or expected != actual:
            self.faults.append(
                f"{what}: expected {_short(expected)}, found {_short(actual)}"
            )

    def check(self) -> None:
        """Check everything that this one folder shows."""
        self._sums()
        manifests = sorted(self.folder.glob("*.manifest.json"))
        if len(manifests) != 1:
            self.faults.append(f"expected one *.manifest.json, found {len(manifests)}")
            self.faults += [f"{n}: is not in {SUMS}" for n in sorted(self.beside)]
            return
        self.manifest = self.read_json(manifests[0])
        for name in sorted(self.beside - {*self.travels.values(), self.marker}):
            self.faults.append(f"{name}: is not in {SUMS}")
        self.expect("run_id", self.folder.name, self.run.get("run_id"))
        for resource in self._resources():
            self._count(resource)
        if (self.folder / RECEIPT).exists():
            self._receipt()
        self._gates()

    def read_json(self, path: Path) -> Json:
        """Read a JSON object: UTF-8, no field twice, no NaN."""
        try:
            value = json.loads(
                path.read_bytes().decode("utf-8"),
                object_pairs_hook=_once,
                parse_constant=_no_constant,
            )
        except (OSError, ValueError) as error:
            self.faults.append(f"{path.name}: {error}")
            return {}
        if not isinstance(value, dict):
            self.faults.append(f"{path.name}: expected an object")
            return {}
        return value

    def _sums(self) -> None:
        path = self.folder / SUMS
        try:
            content = path.read_bytes()
        except OSError:
            self.faults.append(f"{SUMS}: expected a file, found none")
            return
        self.digest = hashlib.sha256(content).hexdigest()
        listed = self.listed = self._listed(content.decode("utf-8", "replace"))
        self._pruned(listed)
        present = {p.name for p in self.folder.iterdir()} - BESIDE
        self.litter = sorted(name for name in present if PART.fullmatch(name))
        present.difference_update(self.litter)
        self.beside = present - set(listed)
        for name, digest in listed.items():
            file = self.folder / name
            if name in self.removed:
                continue
            if not file.is_file() or file.is_symlink():
                self.faults.append(f"{name}: expected a file, found none")
            else:
                self.expect(f"SHA-256 of {name}", digest, _sha256(file))

    def _pruned(self, listed: "dict[str, str]") -> None:
        """Read which files were removed; a file that is still here is checked."""
        path = self.folder / PRUNED
        if not path.exists():
            return
        files = _object(self.read_json(path).get("files"))
        for name, digest in files.items():
            self.expect(f"{PRUNED}, {name}", listed.get(name), digest)
            if name in BESIDE or PROOF.fullmatch(name):
                self.faults.append(f"{PRUNED}: {name} is never removed")
            elif not (self.folder / name).exists():
                self.removed[name] = digest
        if not files:
            self.faults.append(f"{PRUNED}: expected files, found none")

    def _listed(self, content: str) -> "dict[str, str]":
        """Read SHA256SUMS: one line for each file, sorted by name, nothing else."""
        listed: dict[str, str] = {}
        lines = content.split("\n")
        if lines.pop() != "":
            self.faults.append(f"{SUMS}: expected a line end after the last line")
        for number, line in enumerate(lines, 1):
            match = LINE.fullmatch(line)
            if match is None or match[2] in listed:
                self.faults.append(f"{SUMS}, line {number}: {line!r} is not a sum")
            else:
                listed[match[2]] = match[1]
        if list(listed) != sorted(listed):
            self.faults.append(f"{SUMS}: expected its files sorted by name")
        return listed

    def _resources(self) -> Many:
        """Return every table that the manifest describes, the feed first."""
        tables = list(self.manifest.get("resources") or [])
        if not tables:
            self.faults.append("the manifest: expected resources, found none")
        return tables + list((self.run.get("files") or {}).values())

    def _count(self, resource: Json) -> None:
        """Compare rows and characters of a table with the manifest."""
        name = resource["path"]
        if name in self.removed:
            return
        try:
            rows, characters = _counts(self.folder / name, resource)
        except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
            self.faults.append(f"{name}: cannot be read by its dialect: {error}")
            return
        self.expect(f"rows of {name}", resource.get("rows"), rows)
        if "records" in resource:
            try:
                actual = _records(self.folder / name, resource)
            except (OSError, ValueError, LookupError) as error:
                self.faults.append(f"{name}: cannot be read: {error}")
                return
            self.expect(f"records of {name}", resource["records"], actual)
        if "characters" in resource:
            self.expect(f"characters of {name}", resource["characters"], characters)

    def _gates(self) -> None:
        """Check that closed gates were released, if the file was delivered."""
        statement = self.read_json(self.folder / "gates.json")
        predicate = _object(statement.get("predicate"))
        checks = predicate.get("checks") or []
        if not checks:
            self.faults.append("gates.json: expected checks, found none")
        closed = {check["id"] for check in checks if check["verdict"] != "pass"}
        hard = {check["id"] for check in checks if check["hard"]}
        released = set(_object(predicate.get("approved")).get("checks") or [])
        if forbidden := sorted(closed & released & hard):
            self.faults.append(f"gates.json: a hard check was released: {forbidden}")
        if self.receipt is not None and closed - released:
            self.faults.append(
                "delivered although gates were closed: "
                + ", ".join(sorted(closed - released))
            )

    def _receipt(self) -> None:
        """Check that the receipt names this file and this package."""
        self.receipt = self.read_json(self.folder / RECEIPT)
        feed = (self.manifest.get("resources") or [{}])[0]
        for field, expected in (
            ("name", feed.get("path")),
            ("sha256", str(feed.get("hash")).replace("sha256:", "", 1)),
            ("bytes", feed.get("bytes")),
            ("rows", feed.get("rows")),
            ("package", self.digest),
        ):
            self.expect(f"receipt.json, {field}", expected, self.receipt.get(field))
        if "characters" in self.receipt:  # not of an older version
            characters = self.receipt["characters"]
            self.expect("receipt.json, characters", feed.get("characters"), characters)
        self._sent(str(feed.get("path")))

    def _sent(self, name: str) -> None:
        """Check the copies against the receipt: that is what travelled."""
        receipt = _object(self.receipt)
        sent = _object(receipt.get("sent"))
        expected = self.travels.get(name)
        self.expect("receipt.json, name of what travelled", expected, sent.get("name"))
        files = list(receipt.get("files") or [])
        known = {*self.travels.values(), *self.listed, self.marker}
        if self.travels:
            files.append(sent)
        for file in files if self.travels or self.marker else []:
            path = self.folder / str(file.get("name"))
            if path.name in known and path.is_file():
                self.expect(f"SHA-256 of {path.name}", file["sha256"], _sha256(path))
            elif not self.removed:
                self.faults.append(f"{path.name}: expected a file, found none")
        if "compression" in self.run and "encryption" not in self.run:
            self._content(self.folder / str(expected), self.listed.get(name))
        if "workbook" in self.run and "encryption" not in self.run:
            self._workbook(self.folder / str(expected), self.folder / name)
        if self.marker and not self.removed:
            self._marker(self.folder / (expected or name))

    def _workbook(self, path: Path, file: Path) -> None:
        """Check that the cells of a workbook are those of the file."""
        if not path.is_file() or not file.is_file():
            return  # a fault already, or removed
        resource = (self.manifest.get("resources") or [{}])[0]
        dialect, number = resource["dialect"], 0
        missing = dialect["nullSequence"]
        try:
            with file.open(encoding=resource["encoding"], newline="") as lines:
                rows = ([cell if cell != missing else "" for cell in row]
                        for row in _records_of(lines, dialect))  # fmt: skip
                pairs = itertools.zip_longest(rows, _sheet(path), fillvalue=["(none)"])
                for number, pair in enumerate(pairs, 1):
                    expected, actual = map(_without_empty_end, pair)
                    if expected != actual:
                        self.expect(f"row {number} of {path.name}", expected, actual)
                        return
        except (
            OSError,
            EOFError,
            ValueError,
            LookupError,
            RuntimeError,
            csv.Error,
            zlib.error,
            zipfile.BadZipFile,
            ElementTree.ParseError,
        ) as error:
            self.faults.append(
                f"{path.name}, row {number + 1}: cannot be read: {error}"
            )

    def _marker(self, file: Path) -> None:
        """Check that the marker has the digest of the file that travelled."""
        kind = _object(self.run.get("marker")).get("content")
        expected = ""
        if kind != "empty" and file.is_file():
            with file.open("rb") as handle:
                expected = f"{_digest(handle, str(kind))}  {file.name}\n"
        path = self.folder / self.marker
        actual = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
        self.expect(f"content of {self.marker}", expected, actual)

    def _content(self, path: Path, expected: "str | None") -> None:
        """Check that a compressed copy has the file in it, and nothing else."""
        if not path.is_file():
            return  # a fault already, or removed
        try:
            if _object(self.run.get("compression")).get("format") == "gzip":
                with gzip.open(path) as inside:
                    actual = _digest(inside)
            else:
                with zipfile.ZipFile(path) as archive:
                    (member,) = archive.namelist()
                    with archive.open(member) as inside:
                        actual = _digest(inside)
        except (OSError, EOFError, ValueError, RuntimeError, zlib.error,
                zipfile.BadZipFile) as error:  # fmt: skip
            self.faults.append(f"{path.name}: cannot be unpacked: {error}")
            return
        self.expect(f"SHA-256 of what is in {path.name}", expected, actual)


def _counts(file: Path, resource: Json) -> "tuple[int, int]":
    """Count the records of a table, and the characters of its text columns.

    Characters are counted if the manifest has their number. A missing value has none.
    """
    dialect = resource["dialect"]
    with file.open(encoding=resource["encoding"], newline="") as lines:
        for _ in dialect.get("commentRows") or ():
            lines.readline()
        if resource.get("format") == "jsonl":
            return _objects(lines, resource)
        if dialect.get("fixedWidth"):
            return _fixed(lines, resource)
        records = _records_of(
            _without_last(lines, dialect.get("trailerRows", 0)), dialect
        )
        if dialect["header"]:
            next(records, None)
        places = [
            place
            for place, field in enumerate(resource["schema"]["fields"])
            if field["type"] == "string" and "characters" in resource
        ]
        missing = dialect["nullSequence"]
        rows = characters = 0
        for record in records:
            rows += 1
            cells = [record[place] for place in places]
            characters += sum(map(len, cells)) - len(missing) * cells.count(missing)
        return rows, characters


def _records_of(lines: Any, dialect: Json) -> Any:
    """Read lines of a delimited file."""
    doubled = dialect.get("doubleQuote", True)
    return csv.reader(
        lines,
        delimiter=dialect["delimiter"],
        quotechar=dialect["quoteChar"],
        doublequote=doubled,
        escapechar=None if doubled else dialect["escapeChar"],
        strict=True,
    )


def _sheet(path: Path) -> Any:
    """Yield the cells of each row of a workbook's first sheet, which are all texts."""
    member, data = "xl/worksheets/sheet1.xml", None
    with zipfile.ZipFile(path) as archive, archive.open(member) as xml:
        parsed = ElementTree.iterparse(xml, ("start", "end"))  # noqa: S314 (expat limits entities)
        for event, element in parsed:
            if element.tag == f"{SHEET}sheetData":
                data = element
            if event == "start" or element.tag != f"{SHEET}row" or data is None:
                continue
            cells = []  # type: Many
            for cell in element:
                column = 0
                for letter in re.sub("[^A-Z]", "", cell.get("r") or ""):
                    column = 26 * column + ord(letter) - 64
                if cell.get("t") != "inlineStr":
                    raise ValueError(f"the cell {cell.get('r')} is no text")
                text = "".join(part.text or "" for part in cell.iter(f"{SHEET}t"))
                cells += [""] * (column - 1 - len(cells))
                cells.append(ESCAPED.sub(lambda each: chr(int(each[1], 16)), text))
            yield cells
            data.clear()


def _without_empty_end(cells: Many) -> Many:
    return cells[: max((n for n, cell in enumerate(cells, 1) if cell), default=0)]


def _objects(lines: Any, resource: Json) -> "tuple[int, int]":
    """Count the objects of JSON lines, and the characters of their texts."""
    fields = resource["schema"]["fields"]
    rows = characters = 0
    for line in lines:
        rows += 1
        record = json.loads(
            line, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=str
        )
        if list(record) != [field["name"] for field in fields]:
            raise ValueError(f"row {rows} has not the fields of the manifest")
        for field in fields:
            if field["type"] == "string" and record[field["name"]] is not None:
                characters += len(record[field["name"]])
    return rows, characters


def _fixed(lines: Any, resource: Json) -> "tuple[int, int]":
    """Count the lines of a file of fixed widths, and the characters of its texts.

    Blanks on the side that fills a column are no characters.
    """
    dialect, fields = resource["dialect"], resource["schema"]["fields"]
    end = dialect["lineTerminator"]
    length = max(field["start"] + field["width"] for field in fields) - 1 + len(end)
    rows = characters = 0
    for line in _without_last(lines, dialect.get("trailerRows", 0)):
        rows += 1
        if len(line) != length or not line.endswith(end):
            raise ValueError(f"row {rows} has not {length} characters")
        for field in fields:
            if field["type"] == "string":
                cell = line[field["start"] - 1 : field["start"] - 1 + field["width"]]
                cell = (
                    cell.lstrip(" ") if field["align"] == "right" else cell.rstrip(" ")
                )
                characters += len(cell)
    return rows, characters


def _without_last(lines: Any, number: int) -> Any:
    """Yield lines, without those at the end that are no rows."""
    last = collections.deque()  # type: collections.deque[str]
    for line in lines:
        last.append(line)
        if len(last) > number:
            yield last.popleft()


def _records(file: Path, resource: Json) -> Json:
    """Return the lines before and after the rows and the header line."""
    dialect = resource["dialect"]
    with file.open(encoding=resource["encoding"], newline="") as lines:
        before = [lines.readline() for _ in dialect.get("commentRows") or ()]
        after = collections.deque(lines, maxlen=dialect.get("trailerRows", 0))
    end = dialect["lineTerminator"]
    return {
        name: [line[: -len(end)] if line.endswith(end) else line + " (no end)"
               for line in records]
        for name, records in (("header", before), ("trailer", after))
    }  # fmt: skip


def check_chain(packages: Many, since: "str | None", newest: "str | None") -> Many:
    """Note what is wrong between packages; return notes on what is unknown.

    Each package names the one that was delivered before it. No package names a held
    one. So every package but the oldest must name one that is here.
    """
    notes = []
    known = {package.digest: package for package in packages}
    files = {}  # type: Json
    for package in packages:
        files.setdefault(package.label, []).append(package)
    for label in sorted(files):
        chain = sorted(files[label], key=_when)
        notes += _check_one(label, chain, known, since)
    if newest and newest not in known:
        packages[-1].faults.append(f"the newest package, {newest}, is not here")
    elif newest:
        _is_last(known[newest], files[known[newest].label])
    return notes


def _check_one(label: str, chain: Many, known: Json, since: "str | None") -> Many:
    """Check the packages of one file, oldest first; return notes."""
    notes = []
    begins, named = set(), set()
    for package in chain:
        previous = package.run.get("previous_package")
        if package.receipt is not None:
            previous = _short(previous) if previous else None
            if previous in named:
                package.faults.append("another delivered package names the same before")
            named.add(previous)
        before = known.get(str(previous))
        if before is not None:
            _follows(package, before)
            continue
        begins.add(_short(previous) if previous else None)
        if previous in (None, since):
            continue
        if len(chain) == 1:
            notes.append(f"{label}: {_short(previous)} before it was not given")
        else:
            package.faults.append(
                f"the package before it, {_short(previous)}, is not here; give "
                "--since with its digest if you know it by another way"
            )
    if since and begins - {since}:
        chain[0].faults.append(f"expected the chain to begin after {since}")
    return notes


def _when(package: Package) -> "tuple[str, str]":
    return str(package.run.get("logical_time")), package.folder.name


def _follows(package: Package, before: Package) -> None:
    package.expect("the file of the package before it", before.label, package.label)
    if before.receipt is None:
        package.faults.append(
            f"names {before.folder.name} as delivered before it, which has no receipt"
        )


def _is_last(newest: Package, files: Many) -> None:
    for other in files:
        follows = other.run.get("previous_package") == newest.digest
        if follows and other.receipt is not None:
            newest.faults.append(f"is not the newest: {other.folder.name} follows it")


def check_signature(package: Package, key: object) -> None:
    """Check SHA256SUMS.sig with a public key of the `cryptography` package."""
    try:
        signed = (package.folder / SIGNATURE).read_bytes()
        key.verify(signed, (package.folder / SUMS).read_bytes())  # type: ignore
    except OSError:
        package.faults.append(f"{SIGNATURE}: expected a signature, found none")
    except Exception:  # the library's own kind, which may not be importable
        package.faults.append(f"{SIGNATURE}: is not a signature of {SUMS} by this key")


def check_ledger(path: Path, packages: Many) -> Many:
    """Return what is wrong with a ledger; note what is wrong with the packages."""
    records, last = [], START
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            good = record["previous"] == last
        except (ValueError, KeyError, TypeError):
            # A crash cut the last append short, or left zeros in it. No action
            # follows an append that did not complete.
            if not line.endswith(b"\n") or (b"\0" in line and number == len(lines)):
                break
            good = False
        if not good:
            return [f"ledger, line {number}: does not follow the line before it"]
        last = hashlib.sha256(line).hexdigest()
        records.append(record)
    delivered = {r["package"]: r for r in records if r["event"] == "delivered"}
    settled = {(r["file"], r["run_id"]) for r in delivered.values()}
    pruned = {(r.get("file"), r.get("run_id")) for r in records
              if r["event"] == "pruned"}  # fmt: skip
    for package in packages:
        _compare(package, delivered.get(package.digest), settled)
        mine = (package.folder.parent.name, package.run.get("run_id"))
        if package.removed and mine not in pruned:
            package.faults.append("was pruned, but the ledger does not record it")
    return _missing(records, packages) + _stored(path.parent, records)


def _compare(package: Package, record: "Json | None", settled: Any) -> None:
    mine = (package.folder.parent.name, package.run.get("run_id"))
    if record is None and (package.receipt is not None or mine in settled):
        package.faults.append("the ledger records no delivery of this package")
    elif record is not None and package.receipt is None:
        package.faults.append("the ledger records its delivery, but it has no receipt")
    elif record is not None:
        expected = {field: record[field] for field in REPEATED if field in record}
        expected.update(record["receipt"])
        package.expect("receipt.json against the ledger", expected, package.receipt)


def _missing(records: Many, packages: Many) -> Many:
    """Name packages of the ledger that are not here, after the oldest that is here."""
    here = {(p.folder.parent.name, p.folder.name) for p in packages}
    begun, faults = set(), []
    for record in records:
        if record["event"] not in ("delivered", "held"):
            continue
        package = (record["file"], record["run_id"])
        if package in here:
            begun.add(record["file"])
        elif record["file"] in begun:
            faults.append(
                f"ledger: {record['name']} was {record['event']} as run "
                f"{record['run_id']}, whose package is not here"
            )
    return faults


def _stored(data: Path, records: Many) -> Many:
    """Name files from partners that changed; their folders may not be in a copy."""
    stored = []
    for record in records:
        if record["event"] == "feedback":
            what = f"{record['name']} of run {record['run_id']}"
            for digest in filter(None, (record["report"], record.get("part"))):
                stored.append((digest, data / "feedback" / f"{digest}.csv", what))
        elif record["event"] == "adopted":
            what = f"{record['name']}, adopted as {record['file']},"
            digest = record["sha256"]
            stored.append((digest, data / "adopted" / digest, what))
    faults = []
    for digest, path, what in stored:
        if path.parent.is_dir() and not (path.is_file() and _sha256(path) == digest):
            faults.append(
                f"ledger: {what} is not {path.parent.name}/{path.name} as it was "
                "recorded"
            )
    return faults


def _object(value: object) -> Json:
    """Return a JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def _once(pairs: Many) -> Json:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("an object has the same field twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return _digest(handle)


def _digest(handle: Any, kind: str = "sha256") -> str:
    digest = hashlib.new(kind)
    for block in iter(lambda: handle.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _folders(paths: Many) -> Many:
    """Return the packages below paths: each a package, or a folder of packages.

    A folder in which a killed `publish` worked has no package yet.
    """
    folders = []
    for path in (Path(p).resolve() for p in paths):
        packages = sorted(
            sums.parent
            for sums in path.glob(f"**/{SUMS}")
            if not any(map(WORK.fullmatch, sums.relative_to(path).parts))
        )
        folders += packages if packages and packages != [path] else [path]
        # A folder next to packages that has no sums is a fault.
        for package in packages:
            folders += [p for p in sorted(package.parent.iterdir()) if p.is_dir()
                        and not p.name.startswith(".")]  # fmt: skip
    unique: Json = {}
    for folder in folders:
        unique.setdefault(str(folder.resolve()), folder)
    return list(unique.values())


def _key(path: str) -> object:
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise ValueError(
            "it needs the Python package cryptography. Without it:\n  openssl "
            f"pkeyutl -verify -pubin -inkey {path} -rawin -in {SUMS} -sigfile "
            f"{SIGNATURE}"
        ) from None
    return load_pem_public_key(Path(path).read_bytes())


def main(words: "list[str] | None" = None) -> int:
    """Check what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Check packages of delivered files: digests, rows, gates, "
        "receipts, chain. Needs nothing but Python.",
        epilog="Exit code 0: nothing is wrong. 1: every fault is named. 2: usage.",
    )
    here = str(Path(__file__).parent)
    parser.add_argument(
        "packages",
        nargs="*",
        default=[here],
        help="packages, or folders of them; default: the folder of this file",
    )
    parser.add_argument(
        "--since",
        metavar="DIGEST",
        help="digest of the package before the oldest one here, if older ones were "
        "removed",
    )
    parser.add_argument(
        "--newest",
        metavar="DIGEST",
        help="digest that the newest package must have",
    )
    parser.add_argument(
        "--key",
        metavar="PUBLIC.pem",
        help="public key that must verify the signature of every package",
    )
    parser.add_argument(
        "--ledger", metavar="FILE",
        help="ledger.jsonl, which must record every delivery as it is here"
    )  # fmt: skip
    options = parser.parse_args(words)
    packages = [Package(folder) for folder in _folders(options.packages)]
    try:
        key = _key(options.key) if options.key else None
        if options.ledger:
            Path(options.ledger).read_bytes()
    except (OSError, ValueError) as error:
        parser.error(f"--key or --ledger: {error}")
    for package in packages:
        try:
            package.check()
        except (AttributeError, KeyError, TypeError, IndexError, OSError) as error:
            package.faults.append(f"is not a package: {error!r}")
        if key:
            check_signature(package, key)
    notes = check_chain(packages, options.since, options.newest)
    if pruned := sum(bool(package.removed) for package in packages):
        notes.append(f"the tables of {pruned} packages were removed")
    for package in packages:
        for name in package.litter:
            notes.append(
                f"{package.folder / name} is litter of a killed command and no part "
                "of the package; the next `publish prune` removes it"
            )
    ledger = check_ledger(Path(options.ledger), packages) if options.ledger else []
    if not key and any((p.folder / SIGNATURE).exists() for p in packages):
        notes.append("signatures were not checked: give --key")
    wrong = _report(packages, ledger, notes)
    return 1 if wrong or not packages else 0


def _report(packages: Many, ledger: Many, notes: Many) -> int:
    """Write the result; return how many are wrong."""
    lines: Many = []
    out = lines.append
    for package in packages:
        status = "WRONG" if package.faults else "pruned" if package.removed else "good "
        out(f"{status}  {package.folder}  {package.digest[:16]}\n")
        for fault in package.faults:
            out(f"       {fault}\n")
    for fault in ledger:
        out(f"WRONG  {fault}\n")
    for note in notes:
        out(f"note   {note}\n")
    wrong = sum(bool(package.faults) for package in packages) + bool(ledger)
    out(f"{len(packages)} packages, {wrong or 'none'} wrong\n")
    _write("".join(lines))
    return wrong


def _write(text: str) -> None:
    """Write to stdout; one that is closed or full changes no exit code."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
