"""What is known of options when settings are put into words: names, order, what goes without saying."""

from typing import Any

from nccli.catalogue.runs import Finish
from nccli.catalogue.settings import LEFT_OUT, SETTINGS
from nccli.figures.text import literal

NAMES = {setting.name: setting.symbol for setting in SETTINGS if setting.symbol}
"""Options that are written otherwise than on the command line."""

VALUES = {"dnc": "DNC", "srg": "SRG", "dufm": "DUFM", "e2e": "end to end"}
VALUES |= {"ce": "cross-entropy", "mnist": "MNIST", "cifar10": "CIFAR-10", "resnet20": "ResNet20"}
"""Values that are written otherwise than on the command line."""

BARE = ("kind", "finish", *(setting.name for setting in SETTINGS if setting.bare))
"""Options whose value says of which option it is."""

IN_CAPTION = ("series", *(setting.name for setting in SETTINGS if setting.caption), "finish")
"""Options that captions name, in their order, of which checkpoints and which end; labels name them before others."""

SEED = ("seed",)
"""Options in which runs of one series differ."""

PRINTS = {setting.name for setting in SETTINGS if setting.print}
"""Fingerprints: they name what has no other name, or the same."""

USUAL: dict[str, Any] = {"λ_H1": "λ", "λ_H1/λ": 1.0, "finish": Finish.PLAIN.value}
USUAL |= {setting.name: setting.usual for setting in SETTINGS if setting.usual is not None}
USUAL |= {name: value for options in LEFT_OUT.values() for name, value in options.items()}
"""Values that labels leave out, as do stored configurations."""

DIGITS = 6
"""Of floats; taste."""

ALL_DIGITS = 15
"""Of floats where fewer do not tell two settings apart; bound: decimal numbers of so many digits a float64 keeps."""


def words(name: str, value: Any, digits: int = DIGITS) -> str:
    """An option and its value."""
    if name in BARE:
        return VALUES.get(str(value), literal(str(value)))
    text = f"{value:.{digits}g}" if isinstance(value, float) else literal(str(value))
    return f"{NAMES.get(name, name)} = {text}"
