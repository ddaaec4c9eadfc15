"""The store: every run's spectra and metrics in one SQLite file (or PostgreSQL database)."""

from nccli.catalogue.runs import ENDED_WELL, FINISHED, RUNNING, TRAINED_KINDS
from nccli.catalogue.settings import LEFT_OUT as OPTION_DEFAULTS
from nccli.catalogue.settings import TYPES as OPTION_TYPES
from nccli.catalogue.stages import Stage, hidden_layers
from nccli.store.blocks.matrices import BIASES, FEATURES, MOMENTS, WEIGHTS
from nccli.store.check import Finding, check_store
from nccli.store.connection.among import pages
from nccli.store.connection.backup import copy_file
from nccli.store.connection.engine import DamagedStoreError
from nccli.store.connection.file_system import file_system
from nccli.store.connection.seal import seal_file, unseal_file
from nccli.store.connection.store import Store, shown_location, store_file, store_location
from nccli.store.exchange.csv_folder import CsvWriter, from_folder
from nccli.store.exchange.json_lines import as_line, from_lines
from nccli.store.exchange.merge import MergeReport, merge_contents, merge_stores
from nccli.store.exchange.parquet_fields import require_pyarrow
from nccli.store.exchange.parquet_files import ParquetWriter
from nccli.store.exchange.parquet_runs import ParquetRuns, portions
from nccli.store.query.best_known import best_runs, searched_losses
from nccli.store.query.columnar import RunColumns, layer_columns, run_columns, spectrum_columns
from nccli.store.query.columns import NUMBER_COLUMNS, TEXT_COLUMNS, as_decimal
from nccli.store.query.comparison import DNC1_HOLDS, comparison_records
from nccli.store.query.ends import asking_for, columns_of, count_finishes, names_ends
from nccli.store.query.groups import GROUP_COLUMNS, group_records, mixed_columns, parse_group_by
from nccli.store.query.id_digits import digits_apart
from nccli.store.query.lacking import having_trajectory, lacking
from nccli.store.query.measured_again import measured_again
from nccli.store.query.objectives import objectives_of
from nccli.store.query.outcomes import count_degenerate, in_order, outcome_records
from nccli.store.query.paired import paired_records, require_pairing
from nccli.store.query.problem import problem_of
from nccli.store.query.quantities import MEASURED_COLUMNS, select_hidden_ranks
from nccli.store.query.record import loss_ratio, page_records, record_keys, run_records
from nccli.store.query.record_lines import record_lines
from nccli.store.query.run_page import run_pages
from nccli.store.query.select import (
    Row,
    existing_statuses,
    find_beginnings,
    find_ids,
    select_history,
    select_ids,
    select_layers,
    select_matrices,
    select_matrix,
    select_ranks,
    select_runs,
    select_spectra,
)
from nccli.store.query.selection import Selection, SettingRuns, select_selected, select_settings
from nccli.store.query.stacked import Stacked, StackedHistory, stack_history, stack_layers, stack_spectra
from nccli.store.query.unreadable import WHOLE, unreadable_runs
from nccli.store.query.where import Comparison, Condition, Not, OneOf, parse_where
from nccli.store.query.where_text import where_text
from nccli.store.repair import Repair, repair_store
from nccli.store.runs.claims import Claims, Taken, release_all
from nccli.store.runs.content import LEFT_OUT, RunContent, read_contents
from nccli.store.runs.finished_run import FinishedRun, run_id
from nccli.store.runs.found_later import add_to_run
from nccli.store.runs.layer_summary import largest_dnc1
from nccli.store.runs.makers import claimed_runs, running_runs, settle_abandoned, silent_runs
from nccli.store.runs.remove import remove_runs
from nccli.store.runs.rescue import Rescue
from nccli.store.runs.save import save_run
from nccli.store.runs.series import find_measured, place_in_series, require_series
from nccli.store.runs.tags import require_tag, tag_runs, tagged_runs
from nccli.store.schema.tables import TABLES

__all__ = [
    "BIASES",
    "DNC1_HOLDS",
    "ENDED_WELL",
    "FEATURES",
    "FINISHED",
    "GROUP_COLUMNS",
    "LEFT_OUT",
    "MEASURED_COLUMNS",
    "MOMENTS",
    "NUMBER_COLUMNS",
    "OPTION_DEFAULTS",
    "OPTION_TYPES",
    "RUNNING",
    "TABLES",
    "TEXT_COLUMNS",
    "TRAINED_KINDS",
    "WEIGHTS",
    "WHOLE",
    "Claims",
    "Comparison",
    "Condition",
    "CsvWriter",
    "DamagedStoreError",
    "Finding",
    "FinishedRun",
    "MergeReport",
    "Not",
    "OneOf",
    "ParquetRuns",
    "ParquetWriter",
    "Repair",
    "Rescue",
    "Row",
    "RunColumns",
    "RunContent",
    "Selection",
    "SettingRuns",
    "Stacked",
    "StackedHistory",
    "Stage",
    "Store",
    "Taken",
    "add_to_run",
    "as_decimal",
    "as_line",
    "asking_for",
    "best_runs",
    "check_store",
    "claimed_runs",
    "columns_of",
    "comparison_records",
    "copy_file",
    "count_degenerate",
    "count_finishes",
    "digits_apart",
    "existing_statuses",
    "file_system",
    "find_beginnings",
    "find_ids",
    "find_measured",
    "from_folder",
    "from_lines",
    "group_records",
    "having_trajectory",
    "hidden_layers",
    "in_order",
    "lacking",
    "largest_dnc1",
    "layer_columns",
    "loss_ratio",
    "measured_again",
    "merge_contents",
    "merge_stores",
    "mixed_columns",
    "names_ends",
    "objectives_of",
    "outcome_records",
    "page_records",
    "pages",
    "paired_records",
    "parse_group_by",
    "parse_where",
    "place_in_series",
    "portions",
    "problem_of",
    "read_contents",
    "record_keys",
    "record_lines",
    "release_all",
    "remove_runs",
    "repair_store",
    "require_pairing",
    "require_pyarrow",
    "require_series",
    "require_tag",
    "run_columns",
    "run_id",
    "run_pages",
    "run_records",
    "running_runs",
    "save_run",
    "seal_file",
    "searched_losses",
    "select_hidden_ranks",
    "select_history",
    "select_ids",
    "select_layers",
    "select_matrices",
    "select_matrix",
    "select_ranks",
    "select_runs",
    "select_selected",
    "select_settings",
    "select_spectra",
    "settle_abandoned",
    "shown_location",
    "silent_runs",
    "spectrum_columns",
    "stack_history",
    "stack_layers",
    "stack_spectra",
    "store_file",
    "store_location",
    "tag_runs",
    "tagged_runs",
    "unreadable_runs",
    "unseal_file",
    "where_text",
]
