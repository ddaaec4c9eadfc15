"""The entries of the one legend of a page of several figures."""

import re
from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D

from nccli.figures.stages import BEFORE, layer_words
from nccli.figures.style_sheet import before_look

Entries = Sequence[tuple[str, Any]]
"""Labels with the samples of what they name."""

_LAYER = re.compile(rf"layer (\d+)({re.escape(BEFORE)})?")


def entries_of_page(parts: Sequence[tuple[str, Entries]]) -> dict[str, Any]:
    """Of all parts, each given by the letter of its first panel.

    Layers mean the same everywhere and come first; those before their activation, which look as the layers do but for
    what `before_look` says, share an entry. Others that not all parts with entries have name their panel.
    """
    told = [(letter, [(layer_words(label), handle) for label, handle in found]) for letter, found in parts if found]
    labels = [{label for label, _ in found} for _, found in told]
    alike = all(each == labels[0] for each in labels)
    named: dict[str, Any] = {}
    for letter, found in told:
        for label, handle in found:
            layer = _LAYER.fullmatch(label) is not None
            name = label if alike or layer else f"{letter}: {label}"
            if name not in named or (layer and _has_marker(handle)):
                named[name] = handle
    layers = {label: place for label in named if (place := _place(label)) is not None}
    inner = _before_in_one(layers)
    shown = {label: named[label] for label in sorted(layers, key=lambda each: layers[each]) if label not in inner}
    shown |= {BEFORE.strip(): Line2D([], [], **before_look())} if inner else {}
    return shown | {label: handle for label, handle in named.items() if label not in layers}


def _before_in_one(layers: dict[str, tuple[int, bool]]) -> list[str]:
    """Labels of layers before their activation, where they are several and the layers themselves are told too."""
    before = [label for label, (_, behind) in layers.items() if not behind]
    told = all((layers[label][0], True) in layers.values() for label in before)
    return before if len(before) > 1 and told else []


def _place(label: str) -> tuple[int, bool] | None:
    """Layer, and whether behind its activation, so that they sort as the network has them; None of other labels."""
    found = _LAYER.fullmatch(label)
    return None if found is None else (int(found[1]), found[2] is None)


def _has_marker(handle: Any) -> bool:
    """Whether an entry shows more than a line, so that it tells what the same layer is elsewhere too."""
    return isinstance(handle, Line2D) and handle.get_marker() not in ("", "None", None)
