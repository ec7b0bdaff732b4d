"""Modules whose import is deferred."""

import commands

_SCRIPT = """
import sys
from publish.gate.deferred import defer
defer("scipy.stats", "json")
from scipy import stats
assert "scipy.stats._stats_py" not in sys.modules
assert stats.entropy([1, 1], base=2) == 1
from scipy.stats import distributions
import scipy.stats
assert scipy.stats.norm is stats.norm is distributions.norm
assert not hasattr(stats, "nothing")
"""


def test_a_deferred_module_is_imported_when_it_is_used() -> None:
    done = commands.run("python", "-c", _SCRIPT)
    assert done.returncode == 0, done.stderr


def test_a_suite_is_judged_without_scipys_statistics() -> None:
    script = _SCRIPT.splitlines()[1:3]
    script += [
        'defer("scipy.stats", "altair")',
        "import great_expectations",
        'assert "scipy.stats._stats_py" not in sys.modules',
    ]
    done = commands.run("python", "-W", "ignore", "-c", "\n".join(script))
    assert done.returncode == 0, done.stderr
