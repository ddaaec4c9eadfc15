"""The options of runs, as the store knows them, are those of the configurations."""

from dataclasses import MISSING, fields
from typing import Any

import pytest

from nccli.dufm.config import DufmConfig
from nccli.e2e.config import E2eConfig
from nccli.store import OPTION_DEFAULTS, OPTION_TYPES

_DUFM: dict[str, Any] = {"K": 3, "L": 3, "n": 1, "width": 4, "wd_h1": 0.1, "wd_layers": (0.1,) * 3, "lr": 0.1}
_E2E: dict[str, Any] = {**_DUFM, "dataset": "digits", "data": "0", "samples": 3, "backbone": "mlp", "reg": "dufm"}


@pytest.mark.parametrize(
    ("kind", "config"),
    [("dufm", DufmConfig(**_DUFM, steps=1, seed=0)), ("e2e", E2eConfig(**_E2E, steps=1, batch_size=1, seed=0))],
)
def test_defaults_are_what_a_configuration_leaves_out(kind: str, config: DufmConfig | E2eConfig) -> None:
    left_out = {field.name: field.default for field in fields(config) if field.name not in config.as_dict()}
    assert MISSING not in left_out.values()
    told = {name: value for name, value in OPTION_DEFAULTS[kind].items() if value is not None}
    assert {name: value for name, value in left_out.items() if value is not None} == told


@pytest.mark.parametrize("kind", [DufmConfig, E2eConfig])
def test_every_option_has_its_type(kind: type[DufmConfig | E2eConfig]) -> None:
    for field in fields(kind):
        annotated = field.type.__name__ if isinstance(field.type, type) else str(field.type).removesuffix(" | None")
        wanted = {"wd_layers": "list", "class_counts": "str"}.get(field.name, annotated)
        assert OPTION_TYPES[field.name].__name__ == wanted, field.name
