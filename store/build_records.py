"""The records of builds on Spark: `spark/builds/<build>/`, described in docs/mart.md.

A record is written last, so a build that runs, or that was killed, has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from runtime import formats, shapes
from runtime.environment import DataDirectory
from runtime.exits import Refused
from runtime.files import parse_time, read_json, sha256_of

WHOLE = "_SUCCESS"  # Spark writes it last, beside what it wrote
_LISTED = 3  # files of a message
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Began(msgspec.Struct):
    """What orders the records."""

    built_at: str


_DECODE = msgspec.json.Decoder(_Began).decode


class BuildRecord(msgspec.Struct, frozen=True):
    """One complete build.

    Attributes:
        path: the file of the record.
        content: as docs/mart.md describes it.
    """

    path: Path
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The invocation id of the build."""
        return str(self.content["invocation_id"])

    @property
    def built_at(self) -> datetime:
        """When the build began, UTC."""
        return parse_time(self.content["built_at"])

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """All tables by name, those of earlier builds too."""
        tables: Mapping[str, Mapping[str, Any]] = self.content["tables"]
        return tables

    @property
    def builds(self) -> frozenset[str]:
        """The ids of the builds that made the tables, and its own."""
        return frozenset({self.id, *(table["build"] for table in self.tables.values())})

    @property
    def row(self) -> Mapping[str, str]:
        """Its row of the table `builds`, as macros/builds.sql writes it on DuckDB."""
        return {
            **{name: self.content[name] for name in ("invocation_id", "command")},
            **{name: _naive(self.content[name]) for name in ("built_at", "ended_at")},
            "details": json.dumps(self.content["details"]),
            "states": json.dumps(self.content["states"]),
        }

    @property
    def unit_tests_passed(self) -> frozenset[str]:
        """The ids of the unit tests that passed for its code, in it or before."""
        passed = {
            result["unique_id"]
            for result in self.content["details"]["results"]
            if result["unique_id"].startswith("unit_test.")
            and result["status"] == "pass"
        }
        return frozenset(passed.union(self.content.get("unit_tests_passed", ())))

    def files(self, spark: Path, table: str) -> Mapping[Path, Mapping[str, Any]]:
        """Return the files of a table: those that it lists, or all of its folder.

        Args:
            spark: the folder below which the tables are.
            table: its name.

        Returns:
            Of each file what is listed of it: `bytes`, `sha256`, or nothing.
        """
        listed = self.tables[table]
        folder = spark / listed["folder"]
        if "files" in listed:
            return {folder / name: facts for name, facts in listed["files"].items()}
        return {path: {} for path in sorted(folder.glob("[!._]*.parquet"))}

    def check(self, spark: Path, hashed: Collection[str] = ()) -> None:
        """Check that every file is as the record lists it.

        Args:
            spark: the folder below which the tables are.
            hashed: tables whose bytes are compared with their SHA-256, if the record
                has it; of the others only the sizes are compared.

        Raises:
            Refused: names the files that are missing or changed.
        """
        missing: list[Path] = []
        changed: list[Path] = []
        for table, listed in self.tables.items():
            files = self.files(spark, table)
            if not files:
                missing.append(spark / listed["folder"] / "*.parquet")
            for path, facts in files.items():
                if not path.is_file():
                    missing.append(path)
                elif not _is_same(path, facts, table in hashed):
                    changed.append(path)
        wrong = [
            *([f"no {_listed(missing)}"] if missing else []),
            *([f"other bytes in {_listed(changed)}"] if changed else []),
        ]
        if wrong:
            raise Refused(
                f"expected the tables as {self.path} lists them, found "
                f"{' and '.join(wrong)}. Build again: nobody may change or remove the "
                "files of the newest build."
            )


def _is_same(path: Path, facts: Mapping[str, Any], is_hashed: bool) -> bool:
    if facts.get("bytes", path.stat().st_size) != path.stat().st_size:
        return False
    return not (is_hashed and "sha256" in facts) or facts["sha256"] == sha256_of(path)


def _naive(text: str) -> str:
    return f"{parse_time(text).astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def _listed(paths: Sequence[Path]) -> str:
    more = len(paths) - _LISTED
    names = ", ".join(map(str, paths[:_LISTED]))
    return f"{names} and {more:,} more" if more > 0 else names


def ids(place: DataDirectory) -> frozenset[str]:
    """Return the ids of the builds that have a whole record."""
    return frozenset(
        folder.name
        for folder in (place.spark / "builds").glob("[!._]*")
        if (folder / WHOLE).exists()
    )


def begun(place: DataDirectory) -> frozenset[str]:
    """Return the ids of the builds that wrote anything, those without a record too."""
    folders = (*place.spark.glob("*"), *place.spark.glob("builds/*"))
    return frozenset(each.name for each in folders if _ID.fullmatch(each.name))


def read(place: DataDirectory, id_: str) -> BuildRecord:
    """Read the record of a build.

    Raises:
        DamagedError: it is not one JSON object, or lacks a field; names file and field.
        Refused: it is gone, or a newer version of the product wrote it.
    """
    path = _path(place, id_)
    content = read_json(path)
    formats.check("build", content, path)
    shapes.check(content, shapes.BuildRecord, path)
    return BuildRecord(path, content)


def newest(place: DataDirectory) -> BuildRecord | None:
    """Return the record of the build that began last; None without one.

    Raises:
        DamagedError, Refused: as `read`. No older record takes its place.
    """
    began = {id_: _built_at(place, id_) for id_ in ids(place)}
    if not began:
        return None
    return read(place, max(began, key=lambda id_: (began[id_], id_)))


def made_by(place: DataDirectory, some: Iterable[str]) -> list[BuildRecord]:
    """Return the records of some builds; without that of a build that has none."""
    return [read(place, id_) for id_ in sorted(ids(place).intersection(some))]


def write(place: DataDirectory, content: Mapping[str, Any]) -> None:
    """Write the record of a build as Spark does: whole or not at all."""
    folder = place.spark / "builds" / str(content["invocation_id"])
    formats.write("build", folder / "part-00000.txt", content)
    (folder / WHOLE).touch()


def remove(place: DataDirectory, id_: str) -> None:
    """Remove the record of a build, if it has one."""
    from shutil import rmtree

    folder = place.spark / "builds" / id_
    (folder / WHOLE).unlink(missing_ok=True)
    rmtree(folder, ignore_errors=True)


def _path(place: DataDirectory, id_: str) -> Path:
    folder = place.spark / "builds" / id_
    parts = [path for path in folder.glob("part-*") if path.stat().st_size]
    if len(parts) != 1:
        raise Refused(
            f"{folder}: expected one file part-* with the record of the build, found "
            f"{len(parts)}. Build again."
        )
    return parts[0]


def _built_at(place: DataDirectory, id_: str) -> datetime:
    """Return when a build began; no other field of its record is read."""
    try:
        return parse_time(_DECODE(_path(place, id_).read_bytes()).built_at)
    except ValueError:
        return read(place, id_).built_at  # its error names the file and the field
