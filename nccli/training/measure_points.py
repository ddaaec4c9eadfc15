"""When a run is measured on its way."""

_POINTS_AN_OCTAVE = 16
"""A taste: steps are at most 6 % apart on a log axis. Whether a run has settled (`nccli.metrics.drift`) is judged from
the 17 points of its last octave. Measured (K = 10, L = 4, d = 30): the 202 points of 50,000 steps take 9 % of a run's
processor time with n = 10 and 20 % with n = 1; those of 500,000 steps 1 and 3 %."""


def measure_steps(budget: int, apart: int = 1) -> list[int]:
    """Steps at which a run is measured: each up to 16, then 16 evenly in every octave, the budget itself last.

    0, 1, …, 16, 17, …, 32, 34, …, 64, 68, …: but for the budget they do not depend on it, so that a run which goes on
    beyond it has been measured where one of that budget is.

    Args:
        budget: steps of the run.
        apart: least distance, where a measurement is as dear as so many steps; the first so many steps are measured
            at the powers of two.
    """
    steps, step = [0], 1
    while step < budget:
        steps.append(step)
        octave = 1 << (step.bit_length() - 1)
        step += step if step < apart else max(apart, octave // _POINTS_AN_OCTAVE)
    return [*steps, budget]
