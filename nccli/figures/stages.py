"""Layers in figures: which are shown, and how they are written."""

from collections.abc import Sequence

from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures.series import Series
from nccli.store import Selection, Stage, mixed_columns

MOST_PANELS = 12
MOST_ROWS = 6
MOST_CURVES = 16
MOST_DOTS = 2000
_NAMED = 8


def shown_stages(L: int) -> list[Stage]:
    """M_1, …, M_{L−1}, Mt_L, M_L: before the last layer the activation of a low-rank solution changes nothing."""
    return [*(Stage(layer, "post") for layer in range(1, L)), Stage(L, "pre"), Stage(L, "post")]


def hidden_words(series: Sequence[Series]) -> str:
    """Which layers are the hidden ones of such runs."""
    depths = {each.row["L"] == 2 for each in series}
    usual, shallow = "layers 2 to L−1", r"$\widetilde{M}_2$"
    return shallow if depths == {True} else usual if depths == {False} else f"{usual}, for L = 2 {shallow}"


def class_means_symbol(stage: Stage) -> str:
    """M_l or M̃_l, as the paper writes it."""
    return rf"$\widetilde{{M}}_{{{stage.layer}}}$" if stage.stage == "pre" else f"$M_{{{stage.layer}}}$"


def features_symbol(stage: Stage) -> str:
    """H_l or H̃_l, as the paper writes it."""
    return rf"$\widetilde{{H}}_{{{stage.layer}}}$" if stage.stage == "pre" else f"$H_{{{stage.layer}}}$"


def require_curves(
    series: Sequence[Series], name: str, connection: Connection, selection: Selection, axis: str = ""
) -> None:
    """Refuse more settings than a panel can show as curves along an axis.

    Raises:
        InputError: there are.
    """
    if len(series) > MOST_CURVES:
        what = f"a panel has at most {MOST_CURVES} curves"
        differing = [each for each in mixed_columns(connection, selection, ()) if each != axis]
        raise InputError(_too_many(len(series), name, what, differing))


def require_few(
    series: Sequence[Series], name: str, connection: Connection, selection: Selection, most: int = MOST_PANELS
) -> None:
    """Refuse more settings than there can be panels, or rows of panels.

    Raises:
        InputError: there are.
    """
    if len(series) > most:
        what = f"a figure has at most {most} {'rows' if most == MOST_ROWS else 'panels'}"
        raise InputError(_too_many(len(series), name, what, mixed_columns(connection, selection, ())))


def _too_many(count: int, name: str, what: str, differing: Sequence[str]) -> str:
    names = [*differing[:_NAMED], *["…"] * (len(differing) > _NAMED)]
    message = f"{name}: the runs have {count} different settings and {what}: narrow them with --where"
    return message + (f", they differ in {', '.join(names)}" if names else "")
