"""The L-DUFM and its explicit solutions in closed form and as matrices (numpy only)."""

from nccli.theory.best import (
    BestKnown,
    best_known,
    closed_forms,
    dnc_rank,
    has_bipartition,
    solve_best,
    solve_bipartition,
    solve_dnc,
    solve_graph,
    solve_srg,
    srg_rank,
    srg_solutions,
)
from nccli.theory.best_known_table import nearest_recipe
from nccli.theory.class_counts import counts_text, imbalance, parse_counts, step_imbalance, unequal_counts
from nccli.theory.deep_neural_collapse import dnc
from nccli.theory.families import BEST, FAMILIES, check_options, classes_of, solve_kind
from nccli.theory.graph_solution import GRAPH_OUTPUTS, Edges, graph, graph_names, parse_graph
from nccli.theory.hypergraph import Subsets, hypergraph, parse_hypergraph, subsets_text
from nccli.theory.problem import TRIVIAL_LOSS, Problem, explicit_loss, is_linear
from nccli.theory.rivalry import asymptotic_exponent, local_exponent, srg_threshold, threshold
from nccli.theory.solution import BlockSolution, Solution, solve
from nccli.theory.spectrum import Spectrum
from nccli.theory.strongly_regular_graph import SRG_VARIANTS, srg, srg_template, srg_variants, triangular_root
from nccli.theory.template import Construction, Family, Template
from nccli.theory.unequal_classes import UnequalSolution, surviving_classes, unequal_dnc, unequal_srg

__all__ = [
    "BEST",
    "FAMILIES",
    "GRAPH_OUTPUTS",
    "SRG_VARIANTS",
    "TRIVIAL_LOSS",
    "BestKnown",
    "BlockSolution",
    "Construction",
    "Edges",
    "Family",
    "Problem",
    "Solution",
    "Spectrum",
    "Subsets",
    "Template",
    "UnequalSolution",
    "asymptotic_exponent",
    "best_known",
    "check_options",
    "classes_of",
    "closed_forms",
    "counts_text",
    "dnc",
    "dnc_rank",
    "explicit_loss",
    "graph",
    "graph_names",
    "has_bipartition",
    "hypergraph",
    "imbalance",
    "is_linear",
    "local_exponent",
    "nearest_recipe",
    "parse_counts",
    "parse_graph",
    "parse_hypergraph",
    "solve",
    "solve_best",
    "solve_bipartition",
    "solve_dnc",
    "solve_graph",
    "solve_kind",
    "solve_srg",
    "srg",
    "srg_rank",
    "srg_solutions",
    "srg_template",
    "srg_threshold",
    "srg_variants",
    "step_imbalance",
    "subsets_text",
    "surviving_classes",
    "threshold",
    "triangular_root",
    "unequal_counts",
    "unequal_dnc",
    "unequal_srg",
]
