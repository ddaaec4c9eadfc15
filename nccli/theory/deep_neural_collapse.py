"""Deep neural collapse: Súkeník et al. 2024, Definition 10."""

import numpy as np

from nccli.theory.spectrum import Spectrum
from nccli.theory.template import Construction, Family, Template


def dnc_template(K: int) -> Template:
    """T = Tt_L = I_K: orthogonal class means of equal norm, rank K in every layer."""
    ones = Spectrum.of((1.0, K))
    return Template(f"dnc({K})", K, K, K, ones, ones, float(K), ones, lambda: (np.eye(K), np.eye(K)))


def dnc(K: int) -> Construction:
    """The DNC solution for K classes (Definition 10)."""
    return Construction("dnc", "", (dnc_template(K),))


FAMILY = Family("dnc", lambda problem: [dnc(problem.K)])
