"""What the tests of `publish check` share: a desk to run it from, and a tidy look."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import jsonschema
from commands import ROOT, clean_environment
from sample_project import META, manifest, run_results

SCHEMA = json.loads((ROOT / "publish/check/report.schema.json").read_bytes())
PREFIX = "partner-feeds-check-"


class Partner(Protocol):
    """A server of the lab, or the scripted one."""

    folder: Path
    password: str

    def variables(self, destination: str = "ONPART") -> dict[str, str]: ...


@dataclass
class Desk:
    """A project with one feed, and a data directory; `publish check` runs from here.

    Attributes:
        meta: what the exposure declares beyond the sample.
        variables: the environment; timeouts are short.
    """

    root: Path
    meta: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "data dir"

    def words(self, *words: str) -> list[str]:
        """Write the feed down; return the command line."""
        target = self.root / "target"
        target.mkdir(exist_ok=True, parents=True)
        (self.root / "dbt_project.yml").write_text("name: sample\n")
        said = manifest({**META, "file": "inventory.csv", **self.meta})
        (target / "manifest.json").write_text(json.dumps(said))
        (target / "run_results.json").write_text(json.dumps(run_results()))
        return [sys.executable, "-m", "publish", "check", *words]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a command."""
        patient = {
            "DEST_ONPART_ALLOW_PLAINTEXT": "1",
            "DEST_ONPART_TIMEOUT": "12",
            "DEST_ONPART_REPLY_TIMEOUT": "5",
        }
        return clean_environment(
            FEEDS_DATA=self.data,
            PYTHONPATH=ROOT,
            **{**patient, **self.variables, **more},
        )

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command; no secret is in anything that it says or keeps."""
        environment = self.environment(**more)
        done = subprocess.run(
            self.words(*words),
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        kept = "".join(path.read_text() for path in (self.data / "checks").glob("*"))
        for name, secret in environment.items():
            if name.endswith("_PASSWORD"):
                assert secret not in done.stdout + done.stderr + kept
        return done

    def check(self, *words: str, **more: str) -> dict[str, Any]:
        """Check the one folder of the feed, in JSON, which its schema describes."""
        done = self.run("--json", "--quiet", *words, **more)
        assert done.stdout, done.stderr
        said = json.loads(done.stdout)
        jsonschema.validate(said, SCHEMA)
        (one,) = said["checks"]
        assert said["exit_code"] == done.returncode == one["exit_code"], done.stderr
        found: dict[str, Any] = one
        return found

    def profiles(self) -> dict[str, Any]:
        """What is kept of onpart, by folder."""
        kept = json.loads((self.data / "checks" / "onpart.json").read_bytes())
        folders: dict[str, Any] = kept["folders"]
        return folders


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every name below a folder, with size and time."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    } | {str(p.relative_to(folder)): (0, 0) for p in folder.rglob("*") if p.is_dir()}


def grades(check: dict[str, Any]) -> dict[str, str]:
    """Each finding's grade by its id."""
    return {finding["id"]: finding["grade"] for finding in check["findings"]}
