"""When a run is measured on its way."""

_AN_OCTAVE, _EARLY, _FEWER = 16, 512, 8
"""A taste: 3 to 6 % of the steps taken apart, and twice as far in the first 512. Whether a run has settled
(`nccli.metrics.drift`) is judged from the 17 points of its last octave."""


def measure_steps(budget: int, apart: int = 1) -> list[int]:
    """Steps at which a run is measured: each up to 16, then 8, from 512 on 16 in every octave, the budget itself last.

    All but the last are the same for every budget: what a measurement decides, it decides in a longer run too.

    Args:
        budget: steps of the run.
        apart: least distance, where a measurement is as dear as so many steps; the first so many steps are measured
            at the powers of two.
    """
    steps, step = [0], 1
    while step < budget:
        if step - steps[-1] >= apart or (step <= apart and step & (step - 1) == 0):
            steps.append(step)
        octave = 1 << (step.bit_length() - 1)
        step += max(1, octave // (_FEWER if step < _EARLY else _AN_OCTAVE))
    return [*steps, budget]
