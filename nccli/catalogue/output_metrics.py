"""Metrics of what a network gives for a class: class means of its output, which stand at the last layer."""

import math

from nccli.catalogue.metric import POST, Metric, Need
from nccli.catalogue.sources import FANG, GARROD, PAPYAN

OF_OUTPUT: tuple[Metric, ...] = (
    Metric(
        "classes_kept",
        "kept_classes",
        "kept",
        of="number of classes whose mean output is largest at themselves, by a margin, and whose means are no others'",
        needs=(Need.OUTPUT, Need.MEANS, Need.OBJECTIVE),
        means="of the last layer; K: all classes are told apart, 0: none",
        source="½/K of the squared error for each that is not",
        stages=POST,
        whole=True,
        recorded=False,
        measured=False,
    ),
    Metric(
        "minority_collapse",
        "kept_classes",
        "min.",
        of="1 where larger classes are kept, and none that is smaller than one that is not",
        needs=(Need.OUTPUT, Need.MEANS, Need.SIZES, Need.OBJECTIVE),
        means="of the last layer of classes of unequal sizes; 1: the minority is lost, 0: nothing is, or others are",
        source=FANG,
        high=1.0,
        stages=POST,
        whole=True,
        recorded=False,
        measured=False,
    ),
    Metric(
        "output_rank",
        "output",
        "out rank",
        of="number of singular values of the class means of the output above 0.01 of the largest",
        needs=(Need.OUTPUT,),
        means="rank of W_L M_L; K − 1 for the logits of DNC",
        source=GARROD,
        stages=POST,
        whole=True,
        measured=False,
    ),
    Metric(
        "output_etf_distance",
        "output",
        "out ETF",
        of="‖G/‖G‖ − E/‖E‖‖_F, G = ZZᵀ of the centred class means of the output, E = I − 11ᵀ/K",
        needs=(Need.OUTPUT,),
        means="0: the logits of DNC, up to a number for all of a class",
        source=PAPYAN,
        high=math.sqrt(2),
        stages=POST,
        measured=False,
    ),
    Metric(
        "output_pairs_distance",
        "output",
        "out pairs",
        of="‖Z/‖Z‖ − P/‖P‖‖_F, Z the centred class means of the output, P blocks [[1, −1], [−1, 1]] of the best pairs",
        needs=(Need.OUTPUT,),
        means="0: block-diagonal logits of rank K/2, one pair of classes a block",
        source=GARROD,
        high=2.0,
        stages=POST,
        measured=False,
    ),
)
