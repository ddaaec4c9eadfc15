"""What can be imported from where: a name that goes missing, or appears unasked, is seen here."""

from importlib import import_module

import pytest

EXPORTED = {
    "nccli.theory": """
        asymptotic_exponent BEST best_known BestKnown BlockSolution check_options classes_of closed_forms
        Construction counts_text dnc dnc_rank imbalance parse_counts step_imbalance surviving_classes
        unequal_counts unequal_dnc unequal_srg UnequalSolution
        Edges explicit_loss FAMILIES Family graph graph_names GRAPH_OUTPUTS has_bipartition hypergraph is_linear
        local_exponent nearest_recipe parse_graph parse_hypergraph Problem Solution solve solve_best solve_bipartition
        solve_dnc solve_graph solve_kind solve_srg Spectrum srg srg_rank srg_template srg_threshold srg_solutions
        SRG_VARIANTS srg_variants Subsets subsets_text Template threshold triangular_root TRIVIAL_LOSS
    """,
    "nccli.metrics": """
        cdnv class_means class_statistics classes_kept ClassStatistics constant_output distinct_means dnc1
        dnc2 dnc3 effective_rank equiangularity equinorm etf_distance frame_distance kept_classes
        layer_metrics LayerData LayerFindings LayerMetrics measure_layers nc1_pinv nearest_class_mean
        nearest_class_mean_disagreement nuclear_norm numerical_rank RANK_RTOL recognise_structure remeasured
        ridge_output run_outcome RunOutcome self_duality singular_values stable_rank Structure STRUCTURE_RTOL
        ZERO_FLOOR
    """,
    "nccli.report": """
        Contents draw_pictures Heading Picture pictures_of report_page Run Table
    """,
    "nccli.store": """
        add_to_run as_decimal as_line check_store claimed_runs Claims Comparison comparison_records Condition copy_file
        count_degenerate in_order outcome_records paired_records require_pairing
        CsvWriter DamagedStoreError DNC1_HOLDS ENDED_WELL existing_statuses FEATURES find_beginnings find_ids Finding
        BIASES FINISHED MOMENTS WEIGHTS
        FinishedRun from_folder from_lines GROUP_COLUMNS group_records having_trajectory hidden_layers lacking
        largest_dnc1 LEFT_OUT loss_ratio MEASURED_COLUMNS
        measured_again merge_contents merge_stores MergeReport mixed_columns Not NUMBER_COLUMNS OPTION_DEFAULTS
        OPTION_TYPES page_records pages parse_group_by parse_where problem_of read_contents record_keys where_text
        record_lines remove_runs Repair run_pages
        repair_store Rescue Row run_id run_records RunContent RUNNING running_runs save_run select_hidden_ranks
        select_history select_ids select_layers select_matrices select_matrix select_ranks select_runs select_selected
        select_settings select_spectra Selection SettingRuns settle_abandoned shown_location silent_runs
        require_tag stack_history stack_layers stack_spectra Stacked StackedHistory Stage Store store_file
        store_location TABLES tag_runs tagged_runs Taken TEXT_COLUMNS TRAINED_KINDS unreadable_runs WHOLE
        asking_for best_runs columns_of count_finishes names_ends find_measured place_in_series require_series OneOf
        objectives_of file_system release_all layer_columns ParquetRuns searched_losses seal_file unseal_file
        ParquetWriter digits_apart portions require_pyarrow run_columns RunColumns spectrum_columns
    """,
    "nccli.sweep": """
        construction_config construction_run content_fingerprint dufm_grid DufmTrainer e2e_grid E2eTrainer
        execute export_point export_run file_start FREE_KINDS Job jobs_of KEPT_BYTES kept_bytes measured_run
        parse_activations parse_floats parse_integers parse_names parse_words Plan plan_runs ProblemGrid require_room
        runs_together Start
        stored_start SweepProgress Trainer Executor JobSize LocalExecutor ProcessesExecutor SearchTrainer
    """,
    "nccli.figures": """
        Drawn FIGURE_FORMATS FIGURES latex_caption Options PanelFigure PaperFigure parse_width Part Plot render
        settle StoreFigure style wilson_interval
    """,
    "nccli.objective": """
        CrossEntropy Objective objective_named OBJECTIVES Optimum Readout SquaredError
    """,
}
"""`__all__` of each package, and nothing else: change it with intent, and say in the changelog what went."""

PROMISED = {
    "nccli": "compare construct errors frame measure train_dufm train_e2e",
    "nccli.notebook": "compare construct frame measure train_dufm train_e2e",
    "nccli.dufm.train": "train resume",
    "nccli.dufm.config": "DufmConfig",
    "nccli.dufm.result": "DufmResult",
    "nccli.dufm.checkpoint": "Checkpoint read_checkpoint",
    "nccli.dufm.progress": "Progress",
    "nccli.training.watch": "Watch",
    "nccli.measure.probe": "LayerProbe",
    "nccli.e2e.probe": "LayerProbe",
    "nccli.cli.entry": "main run",
    "nccli.errors": "InputError NccliError SomeRunsFailedWarning StoreError",
}
"""Names of the README and of scripts, importable from where they always were, wherever they are defined."""


@pytest.mark.parametrize("package", EXPORTED)
def test_a_package_exports_these_names_and_each_of_them_exists(package: str) -> None:
    module = import_module(package)
    assert sorted(module.__all__) == sorted(EXPORTED[package].split())
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("module", PROMISED)
def test_names_of_the_readme_are_importable(module: str) -> None:
    found = import_module(module)
    assert [name for name in PROMISED[module].split() if not hasattr(found, name)] == []
