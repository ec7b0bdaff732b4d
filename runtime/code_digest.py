"""The digest of what unit tests depend on: the dbt project, its variables, and dbt.

Unit tests prove the SQL, not the data, so one pass holds as long as the digest does.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_FILES = ("dbt_project.yml", "profiles.yml")
_FOLDERS = ("macros", "models", "seeds")
_ENGINES = {
    "duckdb": ("dbt-core", "dbt-duckdb", "duckdb"),
    "spark": ("dbt-core", "dbt-spark", "pyspark"),
}


def code_digest(
    root: Path, variables: Mapping[str, Any], engine: str = "duckdb"
) -> str:
    """Return the SHA-256 of a dbt project as it lies on disk, in hexadecimal.

    Args:
        root: the folder of dbt_project.yml.
        variables: of `--vars`.
        engine: duckdb or spark, which is installed.
    """
    files = [root / name for name in _FILES]
    for folder in _FOLDERS:
        files += sorted(each for each in (root / folder).rglob("*") if each.is_file())
    parts = {
        "files": {
            file.relative_to(root).as_posix(): hashlib.sha256(
                file.read_bytes()
            ).hexdigest()
            for file in files
        },
        "variables": dict(variables),
        "engines": {name: version(name) for name in _ENGINES[engine]},
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
