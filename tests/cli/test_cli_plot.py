"""Where a figure goes, and what is refused."""

import pytest

from tests.cli.command import Nccli

REFUSED = {
    "plot nonsense": "'nonsense'",
    "plot loss-ratio -o figure.txt": "'figure.txt'",
    "plot loss-ratio -o figure.svg --format pdf": "'figure.svg'",
    "plot loss-ratio -o figure.pdf --data numbers.txt": "'numbers.txt'",
    "plot loss-ratio --caption words.txt": "'words.txt'",
    "plot loss-ratio -o a.svg --caption on --no-caption": "--no-caption",
    "plot loss-ratio --width 2 -o narrow.svg --K 4..9 --width 1.5": "--width 1.5",
    "plot loss-ratio --raw": "--raw changes nothing in loss-ratio: it is for class-means, gram, fig1",
    "plot loss-ratio --rank-rtol 0.1": "--rank-rtol changes nothing in loss-ratio: it is for rank-vs-wd",
}


def test_the_list_has_a_line_for_every_figure(run: Nccli) -> None:
    figures = run("plot --list").records
    ranks = {f"rank-vs-{axis}" for axis in ("wd", "lr", "width", "K", "L")}
    others = {
        "loss-ratio",
        "dnc-share-vs-width",
        "training",
        "spectra",
        "class-means",
        "gram",
        "effective-rank",
        "gallery",
        "graph",
        "landscape",
        "outcomes",
        "phase",
        "singular-values",
        "collapse-over-steps",
        "bottleneck",
    }
    paper = {f"fig{i}" for i in range(1, 11)}
    assert {figure["name"] for figure in figures} == ranks | others | paper
    assert all(len(figure["shows"]) > 20 for figure in figures)


def test_closed_forms_need_no_store_and_no_file_name_and_make_nothing_else(run: Nccli) -> None:
    assert run("plot loss-ratio --K 4..9 --format svg").out == "loss-ratio.svg\n"
    assert [file.name for file in run.folder.iterdir()] == ["loss-ratio.svg"]


def test_what_cannot_be_drawn_is_refused_by_name_and_leaves_nothing(run: Nccli) -> None:
    for ended, named in zip(run.all(REFUSED, code=2).values(), REFUSED.values(), strict=True):
        assert ended.err.startswith("nccli: ")
        assert named in ended.err
        assert len(ended.err.splitlines()) == 1
    assert list(run.folder.iterdir()) == []


@pytest.mark.parametrize(
    "files",
    ["-o figure.pdf --data missing/numbers.csv", "-o missing/figure.pdf --data numbers.csv"],
)
def test_a_target_that_cannot_be_written_leaves_nothing_behind(run: Nccli, files: str) -> None:
    ended = run(f"plot loss-ratio --K 4..9 {files}", code=2)
    assert "'missing/" in ended.err
    assert "cannot be written: No such file or directory" in ended.err
    assert ended.out == ""
    assert list(run.folder.iterdir()) == []


def test_a_misspelt_figure_is_told_what_was_meant(run: Nccli) -> None:
    assert "did you mean 'spectra'" in run("plot spectrum", code=2).err


def test_a_figure_of_the_paper_without_runs_names_the_commands_that_make_them(run: Nccli) -> None:
    ended = run("plot fig1", code=3)
    assert ended.out == ""
    first, *commands = ended.err.splitlines()
    assert first.startswith("nccli: the store has no runs for fig1")
    for command in commands:
        assert run(command.strip().removeprefix("nccli ")).ids
    assert run("plot fig1 --data fig1.csv").out == "fig1.pdf\n"
    assert "srg t(5)" in (run.folder / "fig1.csv").read_text()


def test_a_figure_of_the_paper_is_drawn_as_far_as_there_are_runs(run: Nccli) -> None:
    ended = run("plot fig3 --caption off --width icml -o fig3.svg")
    assert ended.out == "fig3.svg\n"
    assert "left out for want of runs: mean rank against weight decay; share of runs" in ended.err
    assert ended.err.count("nccli train-dufm") == 2


def test_captions_are_drawn_in_png_and_go_to_latex_where_they_are_asked_for(run: Nccli) -> None:
    run("plot loss-ratio --K 4..9 --caption words.tex -o a.svg")
    words = (run.folder / "words.tex").read_text()
    assert words.startswith(r"\caption{all $\lambda$ = 0.0005, n = 1; filled marks: K = r(r$-$1)/2")
    size = {}
    for suffix in ("svg", "png"):
        for caption in ("", "on", "off"):
            name = f"{caption or 'usual'}.{suffix}"
            run(f"plot loss-ratio --K 4..9 -o {name} {caption and f'--caption {caption}'}")
            size[name] = (run.folder / name).read_bytes()
    assert size["usual.svg"] == size["off.svg"] != size["on.svg"]
    assert size["usual.png"] == size["on.png"] != size["off.png"]
    assert "--no-caption is --caption off" in run("plot loss-ratio --K 4..9 --no-caption -o b.svg").err
