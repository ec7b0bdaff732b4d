"""Check packages of delivered files: offline, with nothing but Python 3.9 or newer.

    python verify.py PACKAGE ...             folders, or a folder of such folders
        --since DIGEST      the package before the first one given is DIGEST
        --newest DIGEST     the last one given must be DIGEST
        --key PUBLIC.pem    every package must be signed with this Ed25519 key
        --ledger FILE       every delivery must be as ledger.jsonl remembers it

A package's digest is the SHA-256 of its SHA256SUMS. Exit code 0: nothing is wrong.
1: something is, and every fault is named. Other codes: the check did not take place.

A package marked "pruned" says in pruned.json that its tables were let go; what is left
is checked, and with --ledger that the house did so. Its tables are not proved by it.

A verifier that lies in what it verifies proves little: whoever could forge a package
could forge this file in it. Take it from the project's source, or compare its SHA-256
with one that you got by another way.
"""

import argparse
import csv
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any, Iterable, Iterator  # noqa: UP035

SUMS, SIGNATURE, RECEIPT = "SHA256SUMS", "SHA256SUMS.sig", "receipt.json"
PRUNED = "pruned.json"
# What is written after the sums, or over them, cannot be in them.
BESIDE = {SUMS, SIGNATURE, RECEIPT, PRUNED}
# What retention may let go of: the tables, and what says again what else is told.
PASSING = re.compile(r".*\.csv|gates\.html|openlineage\.jsonl|verify\.py")
NEEDED = {"gates.json", "gates.html", "changes.csv", "contract.odcs.yaml",
          "openlineage.jsonl", "verify.py"}  # fmt: skip
# What a receipt repeats of the ledger's record, beside the server's answers.
TOLD = ("attempt", "at", "destination", "name", "sha256", "bytes", "rows", "package",
        "checked")  # fmt: skip
LINE = re.compile(r"([0-9a-f]{64})  ([^/\\\x00-\x1f]+)")
START = "0" * 64
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
        self.gone: dict[str, str] = {}  # let go by retention: name to SHA-256

    @property
    def run(self) -> Json:
        """`run` of the manifest."""
        return _object(self.manifest.get("run"))

    @property
    def changes(self) -> Json:
        """`run.changes` of the manifest."""
        return _object(self.run.get("changes"))

    @property
    def label(self) -> str:
        """Feed and split value: packages of one label are one chain."""
        return "{}.{}".format(self.run.get("feed"), self.run.get("split") or "")

    def expect(self, what: str, expected: object, found: object) -> None:
        """Note a fault unless both are the same, in kind too: 1 is not true."""
        if type(expected) is not type(found) or expected != found:
            self.faults.append(
                f"{what}: expected {_short(expected)}, found {_short(found)}"
            )

    def check(self) -> None:
        """Check everything that this one folder can tell."""
        self._sums()
        path = self._one_manifest()
        if path is None:
            return
        self.manifest = self.read_json(path)
        self.expect("run_id", self.folder.name, self.run.get("run_id"))
        self.expect(
            "id of the manifest",
            "{}/{}".format(self.manifest.get("name"), self.run.get("run_id")),
            self.manifest.get("id"),
        )
        rows = {r["path"]: self._table(r) for r in self._resources()}
        self._counts(rows)
        self._gates()
        if (self.folder / RECEIPT).exists():
            self._receipt()

    def read_json(self, path: Path) -> Json:
        """Read a JSON object as we write them: no field twice, UTF-8, no NaN."""
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
        listed = self._listed(content.decode("utf-8", "replace"))
        self._let_go(listed)
        found = {p.name for p in self.folder.iterdir()} - BESIDE
        for name in sorted(found - set(listed)):
            self.faults.append(f"{name}: is not in {SUMS}")
        for name in sorted(NEEDED - set(listed)):
            self.faults.append(f"{SUMS}: lacks {name}")
        for name, digest in listed.items():
            file = self.folder / name
            if name in self.gone:
                continue
            if not file.is_file() or file.is_symlink():
                self.faults.append(f"{name}: expected a file, found none")
            else:
                self.expect(f"SHA-256 of {name}", digest, _sha256(file))

    def _let_go(self, listed: "dict[str, str]") -> None:
        """Read which files retention let go; a file that is here is checked anyway."""
        path = self.folder / PRUNED
        if not path.exists():
            return
        told = _object(self.read_json(path).get("files"))
        for name, digest in told.items():
            self.expect(f"{PRUNED}, {name}", listed.get(name), digest)
            if not PASSING.fullmatch(name):
                self.faults.append(f"{PRUNED}: {name} is never let go")
            elif not (self.folder / name).exists():
                self.gone[name] = digest
        if not told:
            self.faults.append(f"{PRUNED}: expected files, found none")

    def _listed(self, content: str) -> "dict[str, str]":
        """Read SHA256SUMS: one line a file, by name, nothing else."""
        listed: dict[str, str] = {}
        lines = content.split("\n")
        if lines.pop() != "":
            self.faults.append(f"{SUMS}: expected a line end after the last line")
        for number, line in enumerate(lines, 1):
            match = LINE.fullmatch(line)
            if match is None or match[2] in listed:
                self.faults.append(f"{SUMS}, line {number}: {line!r} is no sum")
            else:
                listed[match[2]] = match[1]
        if list(listed) != sorted(listed):
            self.faults.append(f"{SUMS}: expected its files by name")
        return listed

    def _one_manifest(self) -> "Path | None":
        found = sorted(self.folder.glob("*.manifest.json"))
        if len(found) != 1:
            self.faults.append(f"expected one *.manifest.json, found {len(found)}")
            return None
        return found[0]

    def _resources(self) -> Many:
        """Return every table that the manifest describes, the feed first."""
        listed = list(self.manifest.get("resources") or [])
        listed += list((self.run.get("files") or {}).values())
        if not listed:
            self.faults.append("the manifest: expected resources, found none")
        tables = {p.name for p in self.folder.glob("*.csv")}
        tables |= {name for name in self.gone if name.endswith(".csv")}
        described = {resource.get("path") for resource in listed}
        if listed and tables != described:
            told = sorted(map(str, tables ^ described))
            self.faults.append(f"the manifest and the folder differ in {told}")
        return [resource for resource in listed if resource.get("path") in tables]

    def _table(self, resource: Json) -> "int | None":
        """Check bytes, hash and form of a table; return its rows."""
        name = resource["path"]
        if name in self.gone:
            told = "sha256:" + self.gone[name]
            self.expect(f"hash of {name} in the manifest", resource.get("hash"), told)
            return resource.get("rows")
        file = self.folder / name
        self.expect(f"bytes of {name}", resource.get("bytes"), file.stat().st_size)
        digest = f"sha256:{_sha256(file)}"
        self.expect(f"hash of {name} in the manifest", resource.get("hash"), digest)
        try:
            rows = _rows(file, resource)
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            self.faults.append(f"{name}: is not as its dialect says: {error}")
            return None
        self.expect(f"rows of {name}", resource.get("rows"), rows)
        return rows

    def _counts(self, rows: Json) -> None:
        """The figures of the run agree with the tables and with each other."""
        run = self.run
        if "audit.csv" in rows:
            counted = sum(count["rows"] for count in run.get("counts") or [])
            self.expect("sum of run.counts", rows["audit.csv"], counted)
        told = self.changes
        kinds = ("added", "removed", "changed")
        try:
            after = told["rows_before"] + told["added"] - told["removed"]
            total = 0 if told["first"] else sum(told[kind] for kind in kinds)
        except (KeyError, TypeError) as error:
            self.faults.append(f"run.changes: lacks or mistakes {error}")
            return
        self.expect("run.changes, rows after", told["rows_after"], after)
        self.expect("rows of changes.csv", total, rows.get("changes.csv"))
        self.expect("run.changes.first", told.get("against") is None, told["first"])

    def _gates(self) -> None:
        """The verdict is of this file, follows from its checks, and is the run's."""
        said = self.read_json(self.folder / "gates.json")
        feed = (self.manifest.get("resources") or [{}])[0]
        digest = {"sha256": str(feed.get("hash")).replace("sha256:", "", 1)}
        subject = [{"name": feed.get("path"), "digest": digest}]
        self.expect("gates.json, _type", "https://in-toto.io/Statement/v1",
                    said.get("_type"))  # fmt: skip
        self.expect("gates.json, predicateType",
                    "https://in-toto.io/attestation/test-result/v0.1",
                    said.get("predicateType"))  # fmt: skip
        self.expect("gates.json, subject", subject, said.get("subject"))
        predicate = said.get("predicate") or {}
        decided = [
            {"name": name, "digest": {"sha256": self.run.get(f"{name}_sha256")}}
            for name in ("contract", "suite")
        ]
        self.expect("gates.json, configuration", decided,
                    predicate.get("configuration"))  # fmt: skip
        checks = predicate.get("checks") or []
        if not checks:
            self.faults.append("gates.json: expected checks, found none")
        passed = [c.get("id") for c in checks if c.get("verdict") == "pass"]
        closed = [c.get("id") for c in checks if c.get("verdict") != "pass"]
        hard = {c.get("id") for c in checks if c.get("hard")}
        released = set((predicate.get("approved") or {}).get("checks") or [])
        warned = sorted(set(closed) & released)
        failed = [check for check in closed if check not in released]
        self.expect("gates.json, passedTests", passed, predicate.get("passedTests"))
        self.expect("gates.json, warnedTests", warned, predicate.get("warnedTests"))
        self.expect("gates.json, failedTests", failed, predicate.get("failedTests"))
        result = "FAILED" if failed else "WARNED" if closed else "PASSED"
        self.expect("gates.json, result", result, predicate.get("result"))
        if set(warned) & hard:
            self.faults.append(
                f"gates.json: nobody may release {sorted(set(warned) & hard)}"
            )
        if failed and (self.folder / RECEIPT).exists():
            self.faults.append("delivered, although its gates were closed")

    def _receipt(self) -> None:
        """The receipt is of this file, in this package."""
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


def _rows(file: Path, resource: Json) -> int:
    """Count the records of a table, reading it exactly as its dialect says."""
    dialect = resource["dialect"]
    names = [field["name"] for field in resource["schema"]["fields"]]
    doubled = dialect["doubleQuote"]
    form = dict(
        delimiter=dialect["delimiter"],
        quotechar=dialect["quoteChar"],
        doublequote=doubled,
        escapechar=None if doubled else dialect["escapeChar"],
        strict=True,
    )
    end = dialect["lineTerminator"]
    with file.open("rb") as handle:
        if handle.read(3) == b"\xef\xbb\xbf":
            raise ValueError("begins with a byte order mark")
        size = handle.seek(0, 2)
        handle.seek(max(0, size - len(end)))
        if size and handle.read() != end.encode():
            raise ValueError(f"does not end with {end!r}")
    count = 0
    with file.open(encoding=resource["encoding"], newline="") as lines:
        reader = csv.reader(_ended(lines, end), **form)
        if dialect["header"]:
            head = next(reader, [])
            if head != names:
                raise ValueError(f"header {_short(head)}, expected {_short(names)}")
        for count, record in enumerate(reader, 1):
            if len(record) != len(names):
                raise ValueError(
                    f"record {count} has {len(record)} fields, expected {len(names)}"
                )
    return count


def _ended(lines: Iterable[str], end: str) -> Iterator[str]:
    """Pass lines on; csv takes any line end, the dialect only its own."""
    for number, line in enumerate(lines, 1):
        if end == "\r\n" and line.endswith("\n") and not line.endswith("\r\n"):
            # Lawful within quotes only; a reader of the file may see it otherwise.
            raise ValueError(f"line {number} ends with \\n alone")
        if "\x00" in line:
            raise ValueError(f"line {number} holds a NUL")
        yield line


def check_chain(packages: Many, since: "str | None", newest: "str | None") -> Many:
    """Return what is wrong between packages, and a note for what cannot be told.

    Each package names the one that was delivered before it; a held one is a side
    branch. So all but the oldest must name one that is here.
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
    begins, told = set(), set()
    for package in chain:
        previous = package.run.get("previous_package")
        if package.receipt is not None:
            previous = _short(previous) if previous else None
            if previous in told:
                package.faults.append("another delivered package names the same before")
            told.add(previous)
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
                "--since if you know it by another way"
            )
    if since and begins - {since}:
        chain[0].faults.append(f"expected the chain to begin after {since}")
    return notes


def _when(package: Package) -> "tuple[str, str]":
    return str(package.run.get("logical_time")), package.folder.name


def _follows(package: Package, before: Package) -> None:
    package.expect("the file of the package before it", before.label, package.label)
    if _when(before)[0] > _when(package)[0]:
        package.faults.append("its logical time is before that of the package before")
    if before.receipt is None:
        package.faults.append(
            f"names {before.folder.name} as delivered before it, which has no receipt"
        )
    against = _object(package.changes.get("against")).get("package")
    if against == before.digest:
        package.expect("run.changes.rows_before", before.changes.get("rows_after"),
                       package.changes.get("rows_before"))  # fmt: skip


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
        package.faults.append(f"{SIGNATURE}: is not of this key and {SUMS}")


def check_ledger(path: Path, packages: Many) -> Many:
    """Return what is wrong with a ledger; note in packages what it contradicts."""
    records, last = [], START
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            good = record["previous"] == last
        except (ValueError, KeyError, TypeError):
            # An append that a crash cut short, or left with holes of zeros: nothing
            # was done upon it.
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
        _as_remembered(package, delivered.get(package.digest), settled)
        mine = (package.folder.parent.name, package.run.get("run_id"))
        if package.gone and mine not in pruned:
            package.faults.append("was pruned, and the ledger does not say so")
    return _missing(records, packages)


def _as_remembered(package: Package, record: "Json | None", settled: Any) -> None:
    mine = (package.folder.parent.name, package.run.get("run_id"))
    if record is None and (package.receipt is not None or mine in settled):
        package.faults.append("the ledger knows no delivery of this package")
    elif record is not None and package.receipt is None:
        package.faults.append("was delivered by the ledger, but has no receipt")
    elif record is not None:
        expected = {field: record[field] for field in TOLD if field in record}
        expected.update(record["receipt"])
        package.expect("receipt.json against the ledger", expected, package.receipt)


def _missing(records: Many, packages: Many) -> Many:
    """Name the packages that the ledger knows of, after the oldest given, and lacks."""
    here = {(p.folder.parent.name, p.folder.name) for p in packages}
    begun, faults = set(), []
    for record in records:
        if record["event"] not in ("delivered", "held"):
            continue
        one = (record["file"], record["run_id"])
        if one in here:
            begun.add(record["file"])
        elif record["file"] in begun:
            faults.append(
                f"ledger: {record['name']} was {record['event']} as run "
                f"{record['run_id']}, whose package is not here"
            )
    return faults


def _object(value: object) -> Json:
    """Return a JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def _once(pairs: Many) -> Json:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a field stands twice in one object")
    return dict(pairs)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _folders(paths: Many) -> Many:
    """Return the packages that paths name: a package, or a folder of them, deep."""
    found = []
    for path in map(Path, paths):
        inside = sorted(p.parent for p in path.glob(f"**/{SUMS}"))
        found += inside if inside and inside != [path] else [path]
        # A folder beside packages that lost its sums is not passed over.
        for sums in inside:
            found += [p for p in sorted(sums.parent.iterdir()) if p.is_dir()
                      and not p.name.startswith(".")]  # fmt: skip
    unique: Many = []
    for folder in found:
        if folder.resolve() not in [known.resolve() for known in unique]:
            unique.append(folder)
    return unique


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
        description="Check packages of delivered files: digests, counts, verdict, "
        "chain. Needs nothing but Python.",
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
        "let go",
    )
    parser.add_argument(
        "--newest",
        metavar="DIGEST",
        help="digest of the newest package, as you were told it",
    )
    parser.add_argument(
        "--key",
        metavar="PUBLIC.pem",
        help="whoever made a package must have signed it with this key's other half",
    )
    parser.add_argument(
        "--ledger", metavar="FILE",
        help="ledger.jsonl: every delivery must be as it remembers, and none gone"
    )  # fmt: skip
    asked = parser.parse_args(words)
    packages = [Package(folder) for folder in _folders(asked.packages)]
    try:
        key = _key(asked.key) if asked.key else None
        if asked.ledger:
            Path(asked.ledger).read_bytes()
    except (OSError, ValueError) as error:
        parser.error(f"--key or --ledger: {error}")
    for package in packages:
        try:
            package.check()
        except (AttributeError, KeyError, TypeError, IndexError, OSError) as error:
            package.faults.append(f"is not made as a package is: {error!r}")
        if key:
            check_signature(package, key)
    notes = check_chain(packages, asked.since, asked.newest)
    if pruned := sum(bool(package.gone) for package in packages):
        notes.append(
            f"the tables of {pruned} pruned packages were let go; their digests stand"
        )
    ledger = check_ledger(Path(asked.ledger), packages) if asked.ledger else []
    if not key and any((p.folder / SIGNATURE).exists() for p in packages):
        notes.append("signatures were not checked: give --key")
    wrong = _tell(packages, ledger, notes)
    return 1 if wrong or not packages else 0


def _tell(packages: Many, ledger: Many, notes: Many) -> int:
    """Write what was found; return how many are wrong."""
    out = sys.stdout.write
    for package in packages:
        word = "WRONG" if package.faults else "pruned" if package.gone else "good "
        out(f"{word}  {package.folder}  {package.digest[:16]}\n")
        for fault in package.faults:
            out(f"       {fault}\n")
    for fault in ledger:
        out(f"WRONG  {fault}\n")
    for note in notes:
        out(f"note   {note}\n")
    wrong = sum(bool(package.faults) for package in packages) + bool(ledger)
    out(f"{len(packages)} packages, {wrong or 'none'} wrong\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
