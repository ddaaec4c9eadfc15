"""The run-time type checker of the tests: beartype, with int where float is asked for, as PEP 484 has it."""

import ast
from collections import Counter
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache, wraps
from inspect import isclass
from types import CodeType
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook, jaxtyped
from jaxtyping._import_hook import JaxtypingTransformer

_SHAPED = {"Float", "Int", "Bool", "Shaped", "Matrix"}
_FIRST, _EVERY = 10, 100
"""Tastes: so many calls of a function in a test are checked, and then every so-manyth: a loop repeats its shapes."""

shaped = beartype(conf=BeartypeConf(is_pep484_tower=True))
calls: Counter[CodeType] = Counter()
"""Of each function in this test; to be cleared before a test."""


def check_shapes(*packages: str) -> None:
    """Check arguments and results of functions, and fields of dataclasses, of some packages as they are imported.

    A check costs 70 microseconds, as much as a step of a small training, and inside a function it is compiled anew at
    every call of that. So functions are checked where their annotations have shapes, and not in every round of a loop;
    other types are mypy's.
    """
    visit = JaxtypingTransformer.visit_FunctionDef

    def visit_shaped(self: JaxtypingTransformer, node: ast.FunctionDef) -> ast.AST:
        if _has_shapes(node):
            return visit(self, node)
        self._parents.append(node)
        self.generic_visit(node)
        self._parents.pop()
        return node

    JaxtypingTransformer.visit_FunctionDef = visit_shaped
    jaxtyping.jaxtyped = _sparing  # what the hook puts before functions and classes
    install_import_hook(packages, "tests.typechecker.shaped")


def _sparing(*, typechecker: Any) -> Callable[[Any], Any]:
    """As `jaxtyped`, with fewer checks."""

    def decorate(what: Any) -> Any:
        if not isclass(what):
            return _sometimes(what, typechecker)
        if is_dataclass(what) and "__init__" in vars(what):
            what.__init__ = _sometimes(what.__init__, typechecker)
        return what

    return decorate


def _sometimes(function: Callable[..., Any], typechecker: Any) -> Callable[..., Any]:
    code = function.__code__

    @cache
    def checked() -> Callable[..., Any]:
        return jaxtyped(function, typechecker=typechecker)

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        calls[code] += 1
        if calls[code] > _FIRST and calls[code] % _EVERY:
            return function(*args, **kwargs)
        return checked()(*args, **kwargs)

    return called


def _has_shapes(node: ast.FunctionDef) -> bool:
    annotations = [node.returns, *(each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg))]
    names = (part for each in annotations if each is not None for part in ast.walk(each))
    return any(isinstance(name, ast.Name) and name.id in _SHAPED for name in names)
