"""The store: every run's spectra and metrics in one SQLite file (or PostgreSQL database)."""

from nccli.store._backup import copy_file
from nccli.store._check import Finding, check_store
from nccli.store._claims import Claims, Taken, claimed_runs, running_runs, settle_abandoned
from nccli.store._columns import NUMBER_COLUMNS, TEXT_COLUMNS, as_decimal
from nccli.store._comparison import DNC1_HOLDS, comparison_records
from nccli.store._content import RunContent, read_contents
from nccli.store._csv_folder import CsvWriter, from_folder
from nccli.store._foreign import TABLES
from nccli.store._groups import (
    GROUP_COLUMNS,
    group_records,
    mixed_columns,
    parse_group_by,
    select_hidden_ranks,
)
from nccli.store._hidden import Stage, hidden_layers, largest_dnc1
from nccli.store._lines import as_line, from_lines
from nccli.store._measured_again import measured_again
from nccli.store._merge import MergeReport, merge_contents, merge_stores
from nccli.store._options import OPTION_DEFAULTS, OPTION_TYPES
from nccli.store._problem import problem_of
from nccli.store._query import (
    Row,
    existing_statuses,
    find_ids,
    select_history,
    select_layers,
    select_matrix,
    select_ranks,
    select_runs,
    select_spectra,
)
from nccli.store._record import loss_ratio, run_records
from nccli.store._remove import remove_runs
from nccli.store._rescue import Rescue
from nccli.store._run import FINISHED, RUNNING, TRAINED_KINDS, FinishedRun, run_id
from nccli.store._save import save_run
from nccli.store._selected import ENDED_WELL, Selection, SettingRuns, select_selected, select_settings
from nccli.store._stacked import Stacked, StackedHistory, stack_history, stack_layers, stack_spectra
from nccli.store._store import Store, shown_location, store_location
from nccli.store.where import Comparison, Condition, parse_where

__all__ = [
    "DNC1_HOLDS",
    "ENDED_WELL",
    "FINISHED",
    "GROUP_COLUMNS",
    "NUMBER_COLUMNS",
    "OPTION_DEFAULTS",
    "OPTION_TYPES",
    "RUNNING",
    "TABLES",
    "TEXT_COLUMNS",
    "TRAINED_KINDS",
    "Claims",
    "Comparison",
    "Condition",
    "CsvWriter",
    "Finding",
    "FinishedRun",
    "MergeReport",
    "Rescue",
    "Row",
    "RunContent",
    "Selection",
    "SettingRuns",
    "Stacked",
    "StackedHistory",
    "Stage",
    "Store",
    "Taken",
    "as_decimal",
    "as_line",
    "check_store",
    "claimed_runs",
    "comparison_records",
    "copy_file",
    "existing_statuses",
    "find_ids",
    "from_folder",
    "from_lines",
    "group_records",
    "hidden_layers",
    "largest_dnc1",
    "loss_ratio",
    "measured_again",
    "merge_contents",
    "merge_stores",
    "mixed_columns",
    "parse_group_by",
    "parse_where",
    "problem_of",
    "read_contents",
    "remove_runs",
    "run_id",
    "run_records",
    "running_runs",
    "save_run",
    "select_hidden_ranks",
    "select_history",
    "select_layers",
    "select_matrix",
    "select_ranks",
    "select_runs",
    "select_selected",
    "select_settings",
    "select_spectra",
    "settle_abandoned",
    "shown_location",
    "stack_history",
    "stack_layers",
    "stack_spectra",
    "store_location",
]
