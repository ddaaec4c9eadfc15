"""The run-time type checker of the tests: beartype, with int where float is asked for, as PEP 484 has it."""

import ast

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook
from jaxtyping._import_hook import JaxtypingTransformer

_SHAPED = {"Float", "Int", "Bool", "Shaped", "Matrix"}

shaped = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check_shapes(*packages: str) -> None:
    """Check arguments and results of functions, and fields of dataclasses, of some packages as they are imported.

    A check costs 70 microseconds, as much as a step of a small training, and inside a function it is compiled anew at
    every call of that. So functions are checked where their annotations have shapes; other types are mypy's.
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
    install_import_hook(packages, "tests.typechecker.shaped")


def _has_shapes(node: ast.FunctionDef) -> bool:
    annotations = [node.returns, *(each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg))]
    names = (part for each in annotations if each is not None for part in ast.walk(each))
    return any(isinstance(name, ast.Name) and name.id in _SHAPED for name in names)
