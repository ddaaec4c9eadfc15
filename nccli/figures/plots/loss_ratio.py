"""L_SRG / L_DNC against the number of classes (Súkeník et al. 2024, Figure 3, left)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.figure import FigureBase
from sqlalchemy import Connection

from nccli.catalogue.options import ObjectiveName
from nccli.catalogue.outcomes import DEGENERATE
from nccli.errors import InputError
from nccli.figures.axes import reference
from nccli.figures.ends import ENDS, ends_of, finish_of, left_out_notes
from nccli.figures.figure import ClosedForms, Drawn, Options, PanelFigure, Row
from nccli.figures.layouts import Layout, layout, panels
from nccli.figures.legends import legend
from nccli.figures.limits import MOST_DOTS
from nccli.figures.marks import FINISHED, OPEN, curve, dots, looks_of
from nccli.figures.series import outcomes_of, run_rows
from nccli.figures.statistics import mean_sd
from nccli.figures.style_sheet import GREY
from nccli.store import Selection, SettingRuns, problem_of, searched_losses, select_settings
from nccli.theory import Problem, best_known, has_bipartition, solve_bipartition, solve_dnc, solve_srg, triangular_root


class LossRatio(PanelFigure):
    """A curve a depth in closed form; the best known, and trained runs of these very problems, as points."""

    name = "loss-ratio"
    heeds = frozenset({"K", "L", "n", "wd", "loss"})
    grid = ClosedForms(K=range(6, 61), L=range(3, 6), n=1, wd=5e-4)

    def can_do_without(self, narrowed: bool) -> bool:
        """Closed forms are there, but runs that the user asks for have to be."""
        return not narrowed

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Losses."""
        return (), ("loss", *ENDS)

    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """Ratios in closed form, and of the selected runs that are of these problems."""
        runs = [] if connection is None else select_settings(connection, selection, ("loss", *ENDS))
        searched = {} if connection is None else searched_losses(connection)
        drawn = loss_ratios(options.problems or self.grid.problems, runs, searched)
        if not drawn.of("theory"):
            raise InputError(
                f"{self.name}: no problem of the grid has an SRG solution (K >= 4) better than the trivial point"
            )
        if connection is None:
            return drawn
        return replace(drawn, notes=(*drawn.notes, *left_out_notes(connection, selection)))

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """K against loss over DNC loss."""
        (ax,) = panels(container, plan)
        for L, look in looks_of(drawn.values("L"), ordered=True):
            theory, runs, means = (drawn.of(what, L=L) for what in ("theory", "run", "mean"))
            triangular = [i for i, row in enumerate(theory) if row["triangular"]]
            places = [row["K"] for row in theory]
            ax.plot(places, [row["ratio"] for row in theory], markevery=triangular, label=f"L = {L}", **look)
            for mark, finished in ((OPEN, False), (FINISHED, True)):
                single, mean = ([row for row in rows if bool(row["finish"]) is finished] for rows in (runs, means))
                dots(ax, [row["K"] for row in single], [row["ratio"] for row in single], {**look, **mark})
                curve(ax, [row["K"] for row in mean], mean, "ratio", {**look, **mark})
            for what, mark in _MARKS.items():
                rows = drawn.of(what, L=L)
                dots(ax, [row["K"] for row in rows], [row["ratio"] for row in rows], {**look, **mark})
        for what, mark in _MARKS.items():
            if drawn.of(what):
                dots(ax, [], [], {"color": GREY, **mark}, {"best": "best known"}.get(what, what))
        reference(ax, 1.0, "DNC")
        ax.set_xlabel("number of classes K")
        ax.set_ylabel("loss / DNC loss")
        legend(container, ax)


_MARKS = {
    "best": {"marker": "*", "markersize": 5.5, "markeredgewidth": 0.0},
    "bipartition": {"marker": "x", "markersize": 4.0, "markeredgewidth": 0.9},
}
"""In the colour of the curve; tastes."""

_BELOW = 1 - 1e-9
"""A bound: of the losses of DNC and SRG, below which the best known is better by more than rounding."""


def loss_ratios(
    problems: Sequence[Problem], runs: Sequence[SettingRuns], searched: Mapping[Problem, tuple[float, str]]
) -> Drawn:
    """Ratios in closed form, of the best known where that is better, and of the trained runs of these very problems.

    Args:
        problems: in any order; they share n, the weight decay and the objective. Those without an SRG solution, or
            where DNC or SRG is worse than the trivial point, are left out.
        searched: losses of stored searches by problem, and whose they are.
        runs: with their losses and `ENDS`, by setting; those of another problem or activation are left out.
    """
    rows: list[Row] = []
    trivial = 0
    for problem in sorted(problems, key=lambda p: (p.L, p.K)):
        dnc, srg = solve_dnc(problem), solve_srg(problem)
        if srg is None or dnc.trivial or srg.trivial:
            trivial += srg is not None
            continue
        losses = {"loss": srg.loss, "loss_dnc": dnc.loss, "ratio": srg.loss / dnc.loss}
        label = {"construction": srg.construction.label, "triangular": triangular_root(problem.K) is not None}
        label["finish"] = None
        rows.append({"what": "theory", "L": problem.L, "K": problem.K, **losses, **label, "run_ids": []})
        best, ids = best_known(problem), []
        loss, how = best.loss, best.how
        if problem in searched and searched[problem][0] < loss * _BELOW:
            loss, ids = searched[problem][0], [searched[problem][1]]
            how = f"run {ids[0]}"
        if loss < _BELOW * min(dnc.loss, srg.loss):
            known = {"loss": loss, "loss_dnc": dnc.loss, "ratio": loss / dnc.loss, "construction": how}
            rows.append({"what": "best", "L": problem.L, "K": problem.K, **label, **known, "run_ids": ids})
        rows += _bipartition(problem, {"L": problem.L, "K": problem.K, **label}, loss)
    wanted: set[Problem | None] = set(problems)
    matching = [each for each in runs if problem_of(each.row) in wanted and each.row["activation"] == "relu"]
    shown, total = sum(len(each.ids) for each in matching), sum(len(each.ids) for each in runs)
    for each in sorted(matching, key=lambda each: (each.row["L"], each.row["K"], each.ids)):
        rows += _run_rows(each, dots=shown <= MOST_DOTS)
    decay = problems[0].lambda_h1
    parts = ["cross-entropy"] if problems[0].objective == ObjectiveName.CE else []
    parts += [f"all λ = {decay:g}, n = {problems[0].n}", "filled marks: K = r(r−1)/2, Definition 9; else Definition 11"]
    if any(row["what"] == "best" for row in rows):
        parts.append("stars: the best known, where it is below both")
    if any(row["what"] == "bipartition" for row in rows):
        parts.append("crosses: bipartition rows, where another is the best")
    for marks, finished in (("open marks", False), ("plus signs", True)):
        parts += _marks_words(marks, [each for each in matching if bool(finish_of(each.row)) is finished], shown)
    notes = [f"{trivial} problems left out: DNC or SRG is worse than the trivial point there"] if trivial else []
    counts: dict[str, int] = {}
    if shown < total:
        counts["left out"] = total - shown
        notes.append(f"{total - shown} runs left out: of another K, L, n, weight decay, objective or activation")
    if shown:
        ends = ends_of(matching, [key for each in matching for key in each.ids])
        notes += ends.notes(shown)
        counts |= ends.counts
    return Drawn(rows, "; ".join(parts), tuple(notes), counts=counts)


def _bipartition(problem: Problem, about: Row, best: float) -> list[Row]:
    """Bipartition rows, where there are any that are below DNC and not themselves the best known."""
    if not has_bipartition(problem):
        return []
    dnc, found = solve_dnc(problem), solve_bipartition(problem)
    if not best < found.loss * _BELOW or not found.loss < dnc.loss * _BELOW:
        return []
    known = {"loss": found.loss, "loss_dnc": dnc.loss, "ratio": found.loss / dnc.loss}
    return [{"what": "bipartition", **about, **known, "construction": found.construction.label, "run_ids": []}]


def _marks_words(marks: str, settings: Sequence[SettingRuns], shown: int) -> list[str]:
    """What marks are, at which ends; nothing where there are none. So many runs are shown in all."""
    ids = [key for each in settings for key in each.ids]
    if not ids:
        return []
    finishes = sorted({finish for each in settings if (finish := finish_of(each.row)) is not None})
    ends = ends_of(settings, ids)
    what = f"{len(ids)} {' or '.join(finishes) or 'trained'} {'run' if len(ids) == 1 else 'runs'}"
    if shown > MOST_DOTS:
        what = f"mean ± 1 sd of each setting of {what}, without those that lost classes"
    return [", ".join(part for part in (f"{marks}: {what}", ends.steps_words, ends.settling_words) if part)]


def _run_rows(setting: SettingRuns, dots: bool) -> list[Row]:
    """The runs of a setting one by one, or their mean where there are too many for that."""
    loss_dnc, losses = setting.row["loss_dnc"], setting.values["loss"]
    empty = {"L": setting.row["L"], "K": setting.row["K"], "construction": None, "triangular": None}
    empty["finish"] = finish_of(setting.row)
    if dots:
        every = {"loss": losses, "loss_dnc": [loss_dnc] * len(losses), "ratio": losses / loss_dnc}
        numbers: dict[str, list[Any]] = {name: list(map(float, each)) for name, each in every.items()}
        return run_rows(empty, setting.ids, {**numbers, "outcome": outcomes_of([setting], setting.ids)})
    learned = [outcome not in DEGENERATE for outcome in setting.values["outcome"]]
    if not any(learned):
        return []
    mean, sd = mean_sd(losses[learned] / loss_dnc)
    means = {"loss": float(mean) * loss_dnc, "loss_dnc": loss_dnc, "ratio": float(mean)}
    ids = [key for key, kept in zip(setting.ids, learned, strict=True) if kept]
    return [{"what": "mean", **empty, **means, "sd": None if sd is None else float(sd), "run_ids": ids}]


PLOTS = (LossRatio(),)
