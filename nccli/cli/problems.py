"""From the options of a grid to problems."""

from nccli.sweep import ProblemGrid, parse_floats, parse_integers


def problem_grid(K: str, L: str, n: str, wd: str, wd_h1: float | None, wd_layers: str | None) -> ProblemGrid:
    """Parse the options that make problems.

    Raises:
        InputError: a malformed list.
    """
    return ProblemGrid(
        K=parse_integers(K, "--K"),
        L=parse_integers(L, "--L"),
        n=parse_integers(n, "--n"),
        wd=parse_floats(wd, "--wd"),
        wd_h1=wd_h1,
        wd_layers=None if wd_layers is None else [parse_one(part) for part in wd_layers.split(",")],
    )


def parse_one(part: str) -> float:
    """One weight decay of --wd-layers, which repeats values where layers share them."""
    return parse_floats(part.strip(), "--wd-layers")[0]
