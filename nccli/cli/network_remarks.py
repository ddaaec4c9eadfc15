"""What is said of a network that was measured: which layers, which not, what was left out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nccli.training.memory import in_words

if TYPE_CHECKING:
    from nccli.measure.own_network import MeasuredNetwork

_NAMED = 4
"""A taste: layers that a line names."""


def network_remarks(found: "MeasuredNetwork", K: int, most_bytes: int, verbose: bool) -> list[str]:
    """Lines for the user, a few whatever the number of layers; with `verbose` one for each that is skipped.

    Args:
        found: what was measured.
        K: classes of the data.
        most_bytes: the budget.
        verbose: whether every layer is named with its reason.
    """
    names = [layer.name or "" for layer in found.layers]
    lines = [f"measured {_layers(names, verbose)}"]
    if found.absent:
        lines.append(f"{found.absent} of {K} classes have no sample; metrics are of the others")
    if found.outputs > K:
        lines.append(f"{K} of the network's {found.outputs} outputs are classes of the data; metrics are of these")
    lines += found.caveats
    if found.grey:
        lines.append("images of one channel are given three times, as the network takes three")
    if found.without_matrix:
        lines.append(
            f"nc1_pinv left out of {_layers(found.without_matrix, verbose)}: their d × d matrices do not fit into "
            f"{in_words(most_bytes)} (--memory); all else but the spectrum of features is measured"
        )
    parts = {name: remark for name, remark in found.remarks.items() if name in names}
    if verbose:
        lines += [f"{name}: {remark}" for name, remark in parts.items()]
        return lines + [f"skipped {name}: {reason}" for name, reason in found.skipped.items()]
    if parts:
        lines.append(f"of outputs that are no tensors one is measured: {_of_some(parts)}")
    if found.skipped:
        lines.append(f"skipped {_counted(found.skipped)}")
    return lines


def _layers(names: Sequence[str], verbose: bool) -> str:
    if verbose or len(names) <= 2 * _NAMED:
        return ", ".join(names) or "nothing"
    return f"{len(names)} layers ({', '.join(names[:_NAMED])}, …, {names[-1]})"


def _of_some(remarks: Mapping[str, str]) -> str:
    shown = [f"{name}: {remark}" for name, remark in list(remarks.items())[:_NAMED]]
    return ", ".join(shown) + (", …" if len(remarks) > _NAMED else "")


def _counted(skipped: Mapping[str, str]) -> str:
    """Reasons with their number, the most frequent first: numbers of a single layer are left to --verbose."""
    kinds: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        kinds.setdefault(_kind(reason), []).append(name)
    ordered = sorted(kinds.items(), key=lambda each: -len(each[1]))
    said = [f"{names[0] if len(names) == 1 else len(names)}: {kind}" for kind, names in ordered[:_NAMED]]
    more = ["…"] if len(ordered) > _NAMED else []
    return (
        f"{len(skipped)} module{'' if len(skipped) == 1 else 's'} (--verbose lists them): {'; '.join([*said, *more])}"
    )


def _kind(reason: str) -> str:
    return "class means do not fit" if "class means take" in reason else reason
