"""What the tests of `publish check` share: a project, and what a folder holds."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project import Project
from sample_project import META, manifest, run_results

from store import checks

PREFIX = "partner-feeds-check-"


@dataclass
class CheckProject(Project):
    """A project with one feed; timeouts are short.

    Attributes:
        meta: what the exposure declares beyond the sample.
    """

    meta: dict[str, Any] = field(default_factory=dict)

    def environment(self) -> dict[str, object]:
        """Return the environment of every command."""
        times = {"DEST_ONPART_TIMEOUT": 12, "DEST_ONPART_REPLY_TIMEOUT": 5}
        return {"DEST_ONPART_ALLOW_PLAINTEXT": 1, **times, **super().environment()}

    def write(self) -> None:
        """Write the feed, as dbt does."""
        (self.folder / "target").mkdir(exist_ok=True)
        (self.folder / "dbt_project.yml").write_text("name: sample\n")
        feed = manifest({**META, "file": "inventory.csv", **self.meta})
        (self.folder / "target/manifest.json").write_text(json.dumps(feed))
        results = json.dumps(run_results())
        (self.folder / "target/run_results.json").write_text(results)

    def run_check(
        self, *words: str, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        """Run the command; no password is in what it prints or keeps."""
        self.write()
        done = self.run("publish", "check", *words, **variables)
        reports = "".join(path.read_text() for path in (self.data / "checks").glob("*"))
        for name, secret in {**self.environment(), **variables}.items():
            if name.endswith("_PASSWORD"):
                assert str(secret) not in done.stdout + done.stderr + reports
        return done

    def check(self, **variables: object) -> dict[str, Any]:
        """Check the one folder of the feed; return its report, which is kept too."""
        done = self.run_check("--json", "--quiet", **variables)
        assert done.stdout, done.stderr
        printed = json.loads(done.stdout)
        (report,) = printed["checks"]
        codes = {printed["exit_code"], done.returncode, report["exit_code"]}
        assert len(codes) == 1, done.stderr
        assert checks.read(self.data, "onpart") == {report["folder"]: report}
        return dict(report)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every name below a folder, with size and time."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    } | {str(p.relative_to(folder)): (0, 0) for p in folder.rglob("*") if p.is_dir()}
