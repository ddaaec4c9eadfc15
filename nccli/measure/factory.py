"""A network that a function of the user's own returns."""

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from torch import nn

from nccli.errors import InputError


def call_factory(name: str, **offered: Any) -> nn.Module:
    """The module that pkg.module:factory returns, called with those of the keywords that it takes.

    Raises:
        InputError: no such module or function, or it fails, or returns something else.
    """
    place, _, function = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        factory = getattr(importlib.import_module(place), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"'{name}': {error}; write pkg.module:factory, importable from here") from error
    except Exception as error:  # whatever somebody's module does when it is imported
        raise InputError(f"'{name}': importing it fails with {told(error)}") from error
    try:
        taken = inspect.signature(factory).parameters
        made = factory(**{key: value for key, value in offered.items() if key in taken})
    except Exception as error:  # whatever somebody's function raises
        raise InputError(f"'{name}' fails with {told(error)}") from error
    if not isinstance(made, nn.Module):
        raise InputError(f"'{name}' returns {type(made).__name__}, not a torch.nn.Module")
    return made


def told(error: Exception) -> str:
    """Kind and message of an error of somebody's code, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
