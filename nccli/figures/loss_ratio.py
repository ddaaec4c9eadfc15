"""L_SRG / L_DNC against the number of classes (Súkeník et al. 2024, Figure 3, left)."""

from collections.abc import Sequence

from matplotlib.figure import Figure, FigureBase

from nccli.figures.axes import reference
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout, caption, captioned, layout, legend, page, panels
from nccli.figures.stages import MOST_DOTS
from nccli.figures.statistics import mean_sd
from nccli.figures.style_sheet import looks
from nccli.store import SettingRuns, problem_of
from nccli.theory import Problem, solve_dnc, solve_srg, triangular_root

LOSS_RATIO = "loss-ratio"
LOSS_RATIO_SUMMARY = "loss of SRG over DNC against K, in closed form, with runs as points"


def collect_loss_ratio(problems: Sequence[Problem], runs: Sequence[SettingRuns]) -> Drawn:
    """Ratios in closed form, and of the trained runs of these very problems.

    Args:
        problems: in any order; they share n and the weight decay. Those without an SRG solution, or where DNC or SRG
            is worse than the trivial point, are left out.
        runs: with their losses, by setting; those of another problem or activation are left out.
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
        rows.append({"what": "theory", "L": problem.L, "K": problem.K, **losses, **label, "run_ids": []})
    wanted: set[Problem | None] = set(problems)
    matching = [each for each in runs if problem_of(each.row) in wanted and each.row["activation"] == "relu"]
    shown, total = sum(len(each.ids) for each in matching), sum(len(each.ids) for each in runs)
    for each in sorted(matching, key=lambda each: (each.row["L"], each.row["K"], each.ids)):
        rows += _run_rows(each, dots=shown <= MOST_DOTS)
    decay = problems[0].lambda_h1
    parts = [f"all λ = {decay:g}, n = {problems[0].n}", "filled marks: K = r(r−1)/2, Definition 9; else Definition 11"]
    if shown > MOST_DOTS:
        parts.append(f"open marks: mean ± 1 sd of each setting of {shown} trained runs")
    elif shown:
        parts.append(f"open marks: {shown} trained run{'s' if shown > 1 else ''}")
    notes = [f"{trivial} problems left out: DNC or SRG is worse than the trivial point there"] if trivial else []
    if shown < total:
        notes.append(f"{total - shown} runs left out: of another K, L, n, weight decay or activation")
    return Drawn(rows, "; ".join(parts), tuple(notes))


def _run_rows(setting: SettingRuns, dots: bool) -> list[Row]:
    """The runs of a setting one by one, or their mean where there are too many for that."""
    loss_dnc, losses = setting.row["loss_dnc"], setting.values["loss"]
    empty = {"L": setting.row["L"], "K": setting.row["K"], "construction": None, "triangular": None}
    if dots:
        return [
            {"what": "run", **empty, "loss": loss, "loss_dnc": loss_dnc, "ratio": loss / loss_dnc, "run_ids": [key]}
            for key, loss in zip(setting.ids, losses.tolist(), strict=True)
        ]
    mean, sd = mean_sd(losses / loss_dnc)
    means = {"loss": float(mean) * loss_dnc, "loss_dnc": loss_dnc, "ratio": float(mean)}
    return [{"what": "mean", **empty, **means, "sd": None if sd is None else float(sd), "run_ids": [*setting.ids]}]


def draw_loss_ratio(drawn: Drawn, width: float, with_caption: bool = True) -> Figure:
    """K against loss over DNC loss, inside `style`."""
    plan = layout(1, width)
    plan = captioned(plan, drawn.caption) if with_caption else plan
    figure = page(width, plan.height)
    draw_loss_ratio_in(figure, drawn, plan)
    if with_caption:
        caption(figure, drawn.caption)
    return figure


def draw_loss_ratio_in(container: FigureBase, drawn: Drawn, plan: Layout) -> None:
    """Draw everything but the caption into a figure or a part of one."""
    (ax,) = panels(container, plan)
    depths = drawn.values("L")
    for L, look in zip(depths, looks(len(depths)), strict=True):
        curve, runs = drawn.of("theory", L=L), drawn.of("run", L=L)
        ax.plot(
            [row["K"] for row in curve],
            [row["ratio"] for row in curve],
            markevery=[i for i, row in enumerate(curve) if row["triangular"]],
            label=f"L = {L}",
            **look,
        )
        open_marks = {**look, "linestyle": "", "markerfacecolor": "none", "markersize": 5, "markeredgewidth": 0.8}
        ax.plot([row["K"] for row in runs], [row["ratio"] for row in runs], **open_marks)
        means = drawn.of("mean", L=L)
        spread = [row["sd"] or 0.0 for row in means]
        ax.errorbar([row["K"] for row in means], [row["ratio"] for row in means], spread, elinewidth=0.8, **open_marks)
    reference(ax, 1.0, "DNC")
    ax.set_xlabel("number of classes K")
    ax.set_ylabel("loss / DNC loss")
    legend(container, ax)
