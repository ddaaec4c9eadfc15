"""The L-DUFM and its explicit solutions in closed form and as matrices (numpy only)."""

from nccli.theory._best import solve_best, solve_dnc, solve_graph, solve_srg, srg_rank
from nccli.theory._dnc import dnc
from nccli.theory._graph import GRAPH_OUTPUTS, Edges, graph, graph_names, parse_graph
from nccli.theory._problem import TRIVIAL_LOSS, Problem, explicit_loss
from nccli.theory._rivalry import asymptotic_exponent, local_exponent, srg_threshold
from nccli.theory._solution import BlockSolution, Solution, solve
from nccli.theory._spectrum import Spectrum
from nccli.theory._srg import SRG_VARIANTS, srg, srg_template, srg_variants, triangular_root
from nccli.theory._template import Construction, Template

__all__ = [
    "GRAPH_OUTPUTS",
    "SRG_VARIANTS",
    "TRIVIAL_LOSS",
    "BlockSolution",
    "Construction",
    "Edges",
    "Problem",
    "Solution",
    "Spectrum",
    "Template",
    "asymptotic_exponent",
    "dnc",
    "explicit_loss",
    "graph",
    "graph_names",
    "local_exponent",
    "parse_graph",
    "solve",
    "solve_best",
    "solve_dnc",
    "solve_graph",
    "solve_srg",
    "srg",
    "srg_rank",
    "srg_template",
    "srg_threshold",
    "srg_variants",
    "triangular_root",
]
