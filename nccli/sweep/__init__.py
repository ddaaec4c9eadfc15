"""From value lists to runs, and their execution."""

from nccli.sweep.constructions import construction_config, construction_run, require_room
from nccli.sweep.e2e_grid import e2e_grid
from nccli.sweep.execute import execute, jobs_of
from nccli.sweep.executors.executor import Executor
from nccli.sweep.executors.local import LocalExecutor
from nccli.sweep.executors.processes import ProcessesExecutor
from nccli.sweep.export import export_point, export_run
from nccli.sweep.grid import ProblemGrid, dufm_grid
from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.kept import KEPT_BYTES, kept_bytes
from nccli.sweep.measured import content_fingerprint, measured_run
from nccli.sweep.plan import Plan, plan_runs
from nccli.sweep.progress import SweepProgress
from nccli.sweep.starts import FREE_KINDS, Start, file_start, stored_start
from nccli.sweep.trainers import DufmTrainer, E2eTrainer, SearchTrainer, Trainer
from nccli.sweep.trainers.e2e import runs_together
from nccli.sweep.values import parse_activations, parse_floats, parse_integers, parse_names, parse_words

__all__ = [
    "FREE_KINDS",
    "KEPT_BYTES",
    "DufmTrainer",
    "E2eTrainer",
    "Executor",
    "Job",
    "JobSize",
    "LocalExecutor",
    "Plan",
    "ProblemGrid",
    "ProcessesExecutor",
    "SearchTrainer",
    "Start",
    "SweepProgress",
    "Trainer",
    "construction_config",
    "construction_run",
    "content_fingerprint",
    "dufm_grid",
    "e2e_grid",
    "execute",
    "export_point",
    "export_run",
    "file_start",
    "jobs_of",
    "kept_bytes",
    "measured_run",
    "parse_activations",
    "parse_floats",
    "parse_integers",
    "parse_names",
    "parse_words",
    "plan_runs",
    "require_room",
    "runs_together",
    "stored_start",
]
