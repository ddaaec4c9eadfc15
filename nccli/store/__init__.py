"""The store: every run's spectra and metrics in one SQLite file (or PostgreSQL database)."""

from nccli.store._check import Finding, check_store
from nccli.store._comparison import (
    comparison_records,
    group_records,
    hidden_layers,
    mean_sd,
    mixed_columns,
    parse_group_by,
)
from nccli.store._measured_again import measured_again
from nccli.store._query import (
    Row,
    Stage,
    existing_statuses,
    find_ids,
    select_history,
    select_layers,
    select_matrix,
    select_ranks,
    select_runs,
    select_spectra,
)
from nccli.store._record import largest_dnc1, loss_ratio, run_records
from nccli.store._run import FINISHED, TRAINED_KINDS, FinishedRun, run_id
from nccli.store._save import save_run
from nccli.store._store import Store, shown_location, store_location
from nccli.store.where import Comparison, parse_where

__all__ = [
    "FINISHED",
    "TRAINED_KINDS",
    "Comparison",
    "Finding",
    "FinishedRun",
    "Row",
    "Stage",
    "Store",
    "check_store",
    "comparison_records",
    "existing_statuses",
    "find_ids",
    "group_records",
    "hidden_layers",
    "largest_dnc1",
    "loss_ratio",
    "mean_sd",
    "measured_again",
    "mixed_columns",
    "parse_group_by",
    "parse_where",
    "run_id",
    "run_records",
    "save_run",
    "select_history",
    "select_layers",
    "select_matrix",
    "select_ranks",
    "select_runs",
    "select_spectra",
    "shown_location",
    "store_location",
]
