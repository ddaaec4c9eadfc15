"""The options of runs: the type of each, and its value where a stored configuration leaves it out."""

from typing import Any

OPTION_TYPES: dict[str, type] = {
    **dict.fromkeys(("K", "L", "n", "width", "steps", "seed", "samples", "epochs", "batch_size"), int),
    **dict.fromkeys(("wd", "wd_h1", "lr", "init_scale", "tol", "momentum", "epsilon", "collapse_tol", "clip"), float),
    **dict.fromkeys(("refine", "augment", "autocast", "balanced"), bool),
    **dict.fromkeys(("dtype", "activation", "optimizer", "schedule", "init", "variant", "graph"), str),
    **dict.fromkeys(("dataset", "data", "backbone", "reg", "source", "state", "layers", "pool", "pixels"), str),
    "wd_layers": list,
}
"""Of every option of every kind of run; `wd` is the weight decay of all layers where they have one."""

OPTION_DEFAULTS: dict[str, dict[str, Any]] = {
    "dufm": {"optimizer": "gd", "momentum": 0.0, "schedule": "constant", "collapse_tol": 0.0, "refine": False},
    "e2e": {"init_scale": 1.0, "clip": 1.0, "augment": False, "balanced": True},
}
"""By kind, what a configuration leaves out; a test holds it to the configurations."""
