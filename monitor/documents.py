"""What other commands wrote as JSON, read with errors that name the file."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def document(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError, ValueError: there is none, or it is something else; names the file.
    """
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is not a JSON object")
    return found


def moment(text: str) -> datetime:
    """Read a time as all commands write it, in UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
