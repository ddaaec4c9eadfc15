"""The run-time type checker of the tests: beartype, with int where float is asked for, as PEP 484 has it."""

import ast

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook
from jaxtyping._import_hook import JaxtypingTransformer

_SHAPED = {"Float", "Int", "Bool", "Shaped"}

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check_shapes(*packages: str) -> None:
    """Check arguments and results of every function of some packages as they are imported from now on.

    A function inside a function is checked where its annotations have shapes, and only there: its checks are compiled
    anew at every call of the outer one, which makes the closed forms ten times slower.
    """
    visit = JaxtypingTransformer.visit_FunctionDef

    def visit_shaped(self: JaxtypingTransformer, node: ast.FunctionDef) -> ast.AST:
        inner = any(isinstance(parent, ast.FunctionDef) for parent in self._parents)
        return node if inner and not _has_shapes(node) else visit(self, node)

    JaxtypingTransformer.visit_FunctionDef = visit_shaped
    install_import_hook(packages, "tests.typechecker.checked")


def _has_shapes(node: ast.FunctionDef) -> bool:
    annotations = [node.returns, *(each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg))]
    names = (part for each in annotations if each is not None for part in ast.walk(each))
    return any(isinstance(name, ast.Name) and name.id in _SHAPED for name in names)
