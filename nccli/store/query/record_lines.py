"""Records of runs as lines of JSON, made column by column: those of `page_records`, in a fourth of the time."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from nccli import strict_json
from nccli.catalogue.columns import BY_NAME, DATA, LAYER_COLUMNS, Column, Type, names
from nccli.store.query.record import OF_LAYERS, OF_SINGLE, RATIOS, keys_of_all, loss_ratio
from nccli.store.query.run_page import Columns, RunPage
from nccli.store.query.sound_columns import SETTINGS, without_seed

_OF_LAYER = {column.name: column for column in LAYER_COLUMNS}


def record_lines(page: RunPage) -> list[str]:
    """The records of `page_records`, each as `strict_json.dumps` has it, without an end of line."""
    layers = _layer_texts(page)
    texts = {"layers": [f"[{', '.join([layers[i] for i in own])}]" for own in page.layers_of]}
    for name, reference in RATIOS.items():
        losses = zip(_with_nan(page.runs["loss"]), page.runs[reference], strict=True)
        texts[name] = strict_json.number_texts([loss_ratio(*each) for each in losses])
    keys = keys_of_all()
    texts |= {name: _texts(BY_NAME[name], page.runs[name]) for name in keys if name not in texts}
    lines = _objects({key: texts[key] for key in keys})
    return _joined(lines, page.runs, BY_NAME, names(DATA), [dataset is not None for dataset in page.runs["dataset"]])


def _layer_texts(page: RunPage) -> list[str]:
    """An object for each layer."""
    texts = {name: _texts(_OF_LAYER[name], page.layers[name]) for name in OF_LAYERS}
    values = strict_json.number_texts(page.values)
    texts["singular_values"] = [f"[{', '.join(values[start:end])}]" for start, end in pairwise(page.spectra)]
    single = zip(*(page.layers[name] for name in OF_SINGLE), strict=True)
    has_single = [each.count(None) < len(each) for each in single]
    return _joined(_objects(texts), page.layers, _OF_LAYER, OF_SINGLE, has_single)


def _joined(
    objects: list[str], columns: Columns, declared: Mapping[str, Column], more: Sequence[str], where: Sequence[bool]
) -> list[str]:
    """Objects with more columns, those that have them."""
    if not any(where):
        return objects
    others = _objects({name: _texts(declared[name], columns[name]) for name in more})
    each = zip(objects, others, where, strict=True)
    return [f"{text[:-1]}, {other[1:]}" if has else text for text, other, has in each]


def _objects(texts: Mapping[str, Sequence[str]]) -> list[str]:
    """JSON objects, given the texts of their values by key."""
    form = "{" + ", ".join(f'"{key}": %s' for key in texts) + "}"
    return [form % each for each in zip(*texts.values(), strict=True)]


def _texts(column: Column, values: Sequence[Any]) -> list[str]:
    if column.type is Type.TEXT:
        return strict_json.string_texts(values)
    if column.type is Type.DOCUMENT:
        return [_document(text) for text in values]
    return strict_json.number_texts(_with_nan(values) if column.type is Type.REAL else values)


def _with_nan(values: Sequence[float | None]) -> Sequence[float]:
    return [math.nan if value is None else value for value in values]


def _document(text: str) -> str:
    """A document that is there, which the store has as it is written here, unless somebody else wrote it."""
    return text if _is_ours(without_seed(text)) else strict_json.dumps(json.loads(text))


@lru_cache(SETTINGS)
def _is_ours(text: str) -> bool:
    return strict_json.dumps(json.loads(text)) == text
