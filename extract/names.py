"""The names of a source's variables, for messages that say what to fix."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """What the variables of a source are called, for messages.

    Attributes:
        prefix: before _URL and _CA_FILE.
        credentials: the variables that say who we are.
    """

    prefix: str
    credentials: str

    def advice(self, status: int) -> str:
        """Say what to do after a status that another attempt cannot fix."""
        if status in (400, 401):
            return f"Check {self.credentials}" + (
                f", and {self.prefix}_URL." if status == 400 else "."
            )
        if status == 403:
            return "Give the API user's role the right to view this record type."
        return f"Check {self.prefix}_URL."
