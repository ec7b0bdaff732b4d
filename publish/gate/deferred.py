"""Modules that are imported when something of them is used."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def defer(*names: str) -> None:
    """Let the next imports of these modules take no time.

    Great Expectations imports scipy's statistics and altair for a few expectations and
    renderers: a quarter of what its import costs.
    """
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = _Deferred(name)
