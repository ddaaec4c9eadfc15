"""Lines of progress, as a person reads them."""

from dataclasses import replace

from nccli.cli.progress import NETWORK_WORDS
from nccli.e2e.result import NetworkProgress
from nccli.sweep import SweepProgress
from nccli.sweep.job import Part

STATE = NetworkProgress(
    **{"step": 4000, "steps": 12000, "passed": 7.02, "time_constants": 24.0, "loss_dnc": 0.17, "loss_srg": 0.1385},
    **{"K": 10, "kept": 9, "loss": 0.34, "fit": 0.21, "reg": 0.13, "accuracy": 0.85},
    **{"dnc1": (1.3, 0.1, 0.1, 0.09), "rank": (10, 8, 8, 9), "steps_per_second": 80.0},
)


def test_a_network_is_told_by_time_constants_losses_over_theory_classes_and_ranks() -> None:
    assert NETWORK_WORDS.state(STATE) == (
        "τ 7.0/24 loss 0.34 /DNC 2 /SRG 2.45 classes 9/10 ranks 10 8 8 9 dnc1 9e-02 0:01:40 left"
    )
    assert NETWORK_WORDS.title(SweepProgress(Part(1, 5, 1, 5), STATE)) == "step 4000/12000 (run 2 of 5)"


def test_what_a_network_does_not_have_is_left_out() -> None:
    bare = replace(STATE, loss_dnc=None, loss_srg=None, kept=None)
    assert NETWORK_WORDS.state(bare) == "τ 7.0/24 loss 0.34 ranks 10 8 8 9 dnc1 9e-02 0:01:40 left"
