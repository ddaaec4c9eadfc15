"""Names of a file's tensors as a network has them: prefixes that wrappers put before them come off, or on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

_INSIDE = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""What torch puts between names where a part of the network is wrapped."""

_WRAPPERS = ("module.", "model.", "net.", "network.", "backbone.", "encoder.", "_forward_module.")
"""Names under which training loops keep the network beside other things, which may be left out: a list of the usual."""

_MOST_PREFIXES = 4
"""A bound: wrappers in wrappers; nobody has more."""

_COUNTERS = "num_batches_tracked"
"""Of batch normalisation: older files lack it, and in eval mode nothing depends on it."""


@dataclass(frozen=True)
class Renamed:
    """How names of a file become those of a network.

    Attributes:
        names: the network's, by the file's.
        removed, added: prefixes.
        left_out: names that are not under the prefix that was taken off.
        misfit: what does not fit, with the way out; "" where all fits.
    """

    names: Mapping[str, str]
    removed: str = ""
    added: str = ""
    left_out: tuple[str, ...] = ()
    misfit: str = ""


def fitting_names(found: Mapping[str, Tensor], own: Mapping[str, Tensor], tied: Mapping[str, Sequence[str]]) -> Renamed:
    """The way of renaming in which the tensors of a file fit a network, or come nearest to it.

    Args:
        found: tensors of the file.
        own: of the network.
        tied: names of the network's that are one parameter, by each of them.
    """
    best = Renamed({}, misfit="no names in common")
    for way in _ways(list(found), list(own)):
        judged = _judged(way, found, own, tied)
        if not judged.misfit:
            return judged
        if len(judged.names) > len(best.names) or not best.names:
            best = judged
    return best


def _ways(found: list[str], own: list[str]) -> Iterator[Renamed]:
    """Names as they are; without wrappers; with the network's own prefix."""
    plain = {name: _unwrapped(name, own) for name in found}
    yield Renamed(plain, removed=_taken_off(plain))
    for names in _without_prefixes(plain):
        left = tuple(name for name in found if name not in names)
        yield Renamed(names, removed=_taken_off(names), left_out=left)
    head = own[0].partition(".")[0] + "." if own else ""
    if head and all(name.startswith(head) for name in own):
        yield Renamed({name: head + short for name, short in plain.items()}, added=head)


def _taken_off(names: Mapping[str, str]) -> str:
    """What stood before a name, or inside it."""
    name, short = next(((name, short) for name, short in names.items() if name != short), ("", ""))
    if name.endswith(short):
        return name.removesuffix(short)
    return next(each for each in _INSIDE if each in name)


def _without_prefixes(names: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Prefixes one after the other: what all names share, or one of the usual, beside which others are left out."""
    rest = dict(names)
    for _ in range(_MOST_PREFIXES):
        heads = {short.partition(".")[0] + "." for short in rest.values() if "." in short}
        shared = next(iter(heads)) if len(heads) == 1 else next((each for each in _WRAPPERS if each in heads), None)
        if shared is None:
            return
        rest = {name: short.removeprefix(shared) for name, short in rest.items() if short.startswith(shared)}
        yield rest


def _unwrapped(name: str, own: list[str]) -> str:
    for each in _INSIDE:
        if not any(each in other for other in own):
            name = name.replace(each, "")
    return name


def _judged(
    way: Renamed, found: Mapping[str, Tensor], own: Mapping[str, Tensor], tied: Mapping[str, Sequence[str]]
) -> Renamed:
    """A way of renaming with what does not fit; its names are those that do."""
    there = set(way.names.values())
    missing = [
        name
        for name in own
        if name not in there and not name.endswith(_COUNTERS) and there.isdisjoint(tied.get(name, ()))
    ]
    unexpected = [name for name, short in way.names.items() if short not in own]
    shapes = [
        (short, tuple(found[name].shape), tuple(own[short].shape))
        for name, short in way.names.items()
        if short in own and found[name].shape != own[short].shape
    ]
    fit = {name: short for name, short in way.names.items() if short in own}
    return Renamed(fit, way.removed, way.added, way.left_out, _misfit(missing, unexpected, shapes))


def _misfit(
    missing: list[str], unexpected: list[str], shapes: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
) -> str:
    if missing or unexpected:
        lacks = f"it has no {missing[0]}{_and_more(missing)}" if missing else ""
        extra = f"it has {unexpected[0]}{_and_more(unexpected)}, which the model has not" if unexpected else ""
        return f"{'; '.join(filter(None, (lacks, extra)))}: rename its keys, or make the --model that was trained"
    if shapes:
        name, there, here = shapes[0]
        return f"{name} is {there} in it and {here} in the model{_and_more(shapes)}: make the --model that was trained"
    return ""


def _and_more(what: Sequence[object]) -> str:
    return f" and {len(what) - 1} more" if len(what) > 1 else ""
