"""From value lists to runs, and their execution."""

from nccli.sweep.e2e import e2e_checkpoint, e2e_grid, e2e_run
from nccli.sweep.e2e_execute import E2eSweepWatch, execute_e2e, runs_together
from nccli.sweep.execute import SweepWatch, execute_dufm
from nccli.sweep.export import export_point
from nccli.sweep.grid import ProblemGrid, dufm_grid
from nccli.sweep.jobs import Job, jobs_of
from nccli.sweep.measured import content_fingerprint, measured_run
from nccli.sweep.plan import Plan, plan_runs
from nccli.sweep.rows import construction_config, construction_run, dufm_run
from nccli.sweep.values import parse_floats, parse_integers

__all__ = [
    "E2eSweepWatch",
    "Job",
    "Plan",
    "ProblemGrid",
    "SweepWatch",
    "construction_config",
    "construction_run",
    "content_fingerprint",
    "dufm_grid",
    "dufm_run",
    "e2e_checkpoint",
    "e2e_grid",
    "e2e_run",
    "execute_dufm",
    "execute_e2e",
    "export_point",
    "jobs_of",
    "measured_run",
    "parse_floats",
    "parse_integers",
    "plan_runs",
    "runs_together",
]
