"""Cases that repeat others: some run in CI, and all by `make long`."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest


def some(cases: Sequence[Any], in_ci: Callable[[int], bool]) -> list[Any]:
    """Mark the cases of `parametrize` that CI leaves out as long.

    Args:
        cases: values, tuples of values, or what `pytest.param` returns.
        in_ci: whether CI runs the case of this number; the first one is 0.
    """
    return [case if in_ci(number) else _long(case) for number, case in enumerate(cases)]


def _long(case: Any) -> Any:
    if hasattr(case, "marks"):
        return pytest.param(
            *case.values, id=case.id, marks=[*case.marks, pytest.mark.long]
        )
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.long)
