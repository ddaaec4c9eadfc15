"""When a run is measured on its way."""

_LINEAR_POINTS = 100
"""A taste: enough for a curve over linear time, and at most 3 % of a run's time at K = 10, d = 30."""

_LOG_RATIO = 1.3
"""A taste: some nine points a decade of steps, so that the start, where most happens, is seen on a log axis."""


def measure_steps(budget: int, apart: int = 1) -> list[int]:
    """Steps at which a run is measured: 0, then log-spaced, then every budget/100, the budget itself last.

    Args:
        budget: steps of the run.
        apart: least distance, where a measurement is as dear as so many steps; the first so many steps are measured
            at the powers of two.
    """
    spacing = max(apart, budget // _LINEAR_POINTS)
    steps, step = [0], 1
    while step < budget:
        steps.append(step)
        step += step if step < apart else max(apart, min(spacing, int(step * (_LOG_RATIO - 1))))
    return [*steps, budget]
