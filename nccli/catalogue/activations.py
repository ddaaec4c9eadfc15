"""Activations as configurations, columns and command lines write them: a name, and of leaky ReLU its slope."""

import math

from nccli.catalogue.options import ActivationName

LEAKY_SLOPE = 0.1
"""A taste: the slope of leaky ReLU where none is given."""


def activation_text(text: str) -> str:
    """The one way to write an activation: "leaky", "leaky:.1" and "leaky:0.10" are all "leaky:0.1".

    Raises:
        ValueError: with a line that names the value and the rule.
    """
    name, colon, slope = text.partition(":")
    if name not in tuple(ActivationName) or (colon and name != ActivationName.LEAKY):
        raise ValueError(f"'{text}' is none of {', '.join(ACTIVATION_FORMS)}")
    if name != ActivationName.LEAKY:
        return name
    try:
        value = float(slope) if colon else LEAKY_SLOPE
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise ValueError(f"'{text}': the slope of leaky:SLOPE must be above 0 (relu) and below 1 (linear)")
    return f"{name}:{value!r}"


def leaky_slope(activation: str) -> float | None:
    """s of σ(z) = max(z, s z), of an activation as `activation_text` writes it; None of all but leaky ReLU."""
    name, _, slope = activation.partition(":")
    return float(slope) if name == ActivationName.LEAKY else None


ACTIVATION_FORMS = tuple(f"{name}:SLOPE" if name == ActivationName.LEAKY else name.value for name in ActivationName)
"""What can be written, for help and complaints."""
