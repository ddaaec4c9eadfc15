"""All figures by name: each module of `nccli.figures.plots` has some, as `PLOTS`."""

from importlib import import_module
from pkgutil import iter_modules

from nccli.catalogue.figures import FIGURES as DECLARED
from nccli.figures import plots
from nccli.figures.figure import Plot


def _found() -> dict[str, Plot]:
    modules = (import_module(f"{plots.__name__}.{module.name}") for module in iter_modules(plots.__path__))
    return {plot.name: plot for module in modules for plot in module.PLOTS}


FIGURES: dict[str, Plot] = dict(sorted(_found().items(), key=lambda item: list(DECLARED).index(item[0])))
"""In the order of the catalogue."""
