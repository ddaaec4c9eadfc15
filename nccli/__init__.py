"""Deep neural collapse versus low-rank bias, from the shell and from Python.

`nccli.train_dufm`, `train_e2e`, `construct`, `search`, `measure` and `compare` are the commands as functions,
`nccli.frame` has the store as a DataFrame (`nccli.notebook`). They are loaded when they are asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

    from nccli import errors as errors
    from nccli.notebook import compare as compare
    from nccli.notebook import construct as construct
    from nccli.notebook import frame as frame
    from nccli.notebook import measure as measure
    from nccli.notebook import search as search
    from nccli.notebook import train_dufm as train_dufm
    from nccli.notebook import train_e2e as train_e2e

__version__ = "0.2.0"

_CALLS = ("compare", "construct", "frame", "train_dufm", "train_e2e")
_MODULES = ("errors", "measure", "search")
_CALLED = ("measure", "search")
"""Subpackages that are commands too."""


def __getattr__(name: str) -> Any:
    """What is loaded when it is asked for (PEP 562)."""
    if name in _CALLS:
        return getattr(import_module("nccli.notebook"), name)
    if name in _MODULES:
        return import_module(f"nccli.{name}")
    raise AttributeError(f"module 'nccli' has no attribute '{name}'")


def __dir__() -> list[str]:
    """What there is, loaded or not."""
    loaded = (name for name in globals() if f"{__name__}.{name}" in sys.modules)
    return sorted({*_CALLS, *_MODULES, *loaded, "__version__"})


class _Called(ModuleType):
    """A subpackage that is a command too: `nccli.measure("features.npz")`."""

    @property
    def _command(self) -> Any:
        return getattr(import_module("nccli.notebook"), self.__name__.rpartition(".")[2])

    def __call__(self, *values: Any, **options: Any) -> Any:
        return self._command(*values, **options)

    @property
    def __signature__(self) -> "Signature":
        found: Signature = self._command.__signature__
        return found


class _Nccli(ModuleType):
    """The package itself: its subpackages with the name of a command can be called once they are loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CALLED and type(value) is ModuleType:
            value.__class__ = _Called
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Nccli
