"""The commands that fig5, fig7 and fig8 print make runs that are what these figures are about."""

import re
import shlex
from pathlib import Path

import pytest

from nccli.cli.invoke import invoke
from nccli.cli.output import collected
from nccli.figures import Options
from nccli.store import Selection, Store
from tests.figures.drawing import PAPER_FIGURES

_EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("name", "part", "seed"), [("fig5", 1, 10), ("fig7", 0, 11), ("fig8", 0, 26)])
def test_one_of_the_seeds_ends_near_the_solution_that_the_figure_shows(
    name: str, part: int, seed: int, tmp_path: Path
) -> None:
    line = PAPER_FIGURES[name].parts[part].made_by
    script = (_EXAMPLES / f"{name}.sh").read_text()
    command, _, seeds = line.rpartition(" ")
    variable = re.search(rf"^{re.escape(command)} \$(\w+) ", script, re.MULTILINE)
    assert variable is not None
    assert re.search(rf"^(?:\S+ )*{variable[1]}={re.escape(seeds)}(?:\s|$)", script, re.MULTILINE)
    first, last = map(int, re.search(r"--seed (\d+)\.\.(\d+)", line).groups())  # type: ignore[union-attr]
    assert first <= seed <= last
    arguments = shlex.split(re.sub(r"--seed \S+", f"--seed {seed}", line))[1:]
    place = str(tmp_path / "near.db")
    with collected():
        invoke([*arguments, "--store", place, "--quiet"])
    with Store.open(place).read() as connection:
        found = PAPER_FIGURES[name].collect(connection, Selection(), Options())
    assert not any("recognised" in note for note in found.notes)
    drawn = next(iter(found.parts.values()))
    assert {row["structure"] for row in drawn.rows if (row["layer"], row["stage"]) == (3, "post")} & {
        "square",
        "srg t(4)",
        "srg t(6)",
    }
