"""How a command ends: one exception per exit code.

    Stop
    ├── Refused      1    held or refused: a person must act, do not retry
    ├── Misuse       2    usage, configuration or a bug
    └── Temporary    75   the other side or a lock: retry later (sysexits EX_TEMPFAIL)
    Interrupted      128+n  a signal ended it; clean-up has been done

Like KeyboardInterrupt, Interrupted derives from BaseException, so that a library's
`except Exception` does not catch it.
A message says what was expected, what was found, and what to do.
"""

WHAT_TO_FREE = (
    "Free space in the data directory: `publish prune` removes old extracts and tables "
    "(FEEDS_KEEP_DAYS, FEEDS_KEEP_RUNS). Then run the command again."
)


class Stop(Exception):  # noqa: N818 (an end, not always an error)
    """Base of every deliberate end; `code` becomes the exit code."""

    code = 2


class Refused(Stop):
    """Held or refused: the same input will be refused again until a person acts."""

    code = 1


class Misuse(Stop):
    """The command line, the configuration or the project is wrong."""

    code = 2


class Temporary(Stop):
    """The cause is outside: the same command may succeed later."""

    code = 75


class Interrupted(BaseException):
    """A signal ended the command."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"ended by signal {signal_number}; it is safe to run again")
        self.code = 128 + signal_number
