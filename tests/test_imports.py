"""Who may import whom (design sheet, section 5), and what stays unloaded so that the shell feels fast."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nccli.store import Store, save_run
from nccli.sweep import construction_run
from nccli.theory import Problem, solve_dnc
from tests.store.example_runs import example_run

ROOT = Path(__file__).parents[1]
HEAVY = frozenset(
    {"torch", "torchvision", "sqlmodel", "sqlalchemy", "alembic", "matplotlib", "typer", "rich", "pandas", "pyarrow"}
)


@dataclass(frozen=True)
class Rule:
    """What a part of nccli may import, beside itself: of ours, and of the heavy packages."""

    ours: str = ""
    heavy: str = ""


RULES = {
    "__init__.py": Rule(ours="errors notebook"),
    "__main__.py": Rule(ours="cli"),
    "errors.py": Rule(),
    "atomic.py": Rule(ours="store_files"),
    "outputs.py": Rule(ours="errors atomic printable store_files"),
    "printable.py": Rule(),
    "file_header.py": Rule(),
    "store_files.py": Rule(ours="file_header"),
    "strict_json.py": Rule(),
    "catalogue": Rule(),
    "metrics": Rule(ours="errors catalogue"),
    "objective": Rule(ours="errors catalogue"),
    "theory": Rule(ours="errors catalogue objective"),
    "training": Rule(ours="errors atomic catalogue", heavy="torch"),
    "dufm": Rule(ours="errors atomic catalogue objective theory metrics training", heavy="torch"),
    "measure": Rule(ours="errors catalogue metrics training", heavy="torch"),
    "e2e": Rule(ours="errors atomic catalogue objective theory metrics training measure", heavy="torch torchvision"),
    "search": Rule(ours="errors catalogue theory training dufm"),
    "store": Rule(
        ours="errors atomic file_header printable store_files strict_json catalogue theory metrics",
        heavy="sqlmodel sqlalchemy alembic pyarrow",
    ),
    "figures": Rule(ours="errors strict_json catalogue theory metrics store", heavy="matplotlib sqlalchemy"),
    "report": Rule(ours="errors figures store", heavy="matplotlib sqlalchemy"),
    "sweep": Rule(
        ours="errors atomic outputs store_files strict_json catalogue theory metrics training dufm "
        "search measure e2e store",
        heavy="torch submitit",
    ),
    "cli": Rule(
        ours="errors outputs printable store_files strict_json catalogue objective theory metrics training dufm "
        "search measure e2e store figures report sweep",
        heavy="torch sqlalchemy typer rich",
    ),
    "notebook": Rule(ours="errors catalogue store cli", heavy="sqlalchemy pandas"),
}


def imports(file: Path) -> Iterator[str]:
    """Dotted names that a file imports, at its top, inside functions and for type checking alike."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(part: str) -> list[Path]:
    """The source files of a part."""
    place = ROOT / "nccli" / part
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


@pytest.mark.parametrize("part", [part for part in RULES if (ROOT / "nccli" / part).exists()])
def test_a_part_imports_only_what_its_rule_allows(part: str) -> None:
    rule = RULES[part]
    allowed = {part.removesuffix(".py"), "__version__", *rule.ours.split()}
    for file in files(part):
        for name in imports(file):
            top, _, rest = name.partition(".")
            if top == "nccli":
                assert rest.split(".")[0] in allowed, f"{file.relative_to(ROOT)} imports {name}"
            elif top in HEAVY:
                assert top in rule.heavy.split(), f"{file.relative_to(ROOT)} imports {name}"


def test_every_part_has_a_rule() -> None:
    parts = {
        path.name for path in (ROOT / "nccli").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts <= set(RULES)


def test_nothing_imports_pyplot() -> None:
    for file in (ROOT / "nccli").rglob("*.py"):
        assert not any(name.startswith("matplotlib.pyplot") for name in imports(file)), file


def loaded_by(code: str) -> set[str]:
    """All modules that a fresh interpreter has loaded after some code."""
    code = f"import sys\n{code}\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    played = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr
    return set(played.stderr.split())


def command(*arguments: str) -> str:
    """Code that runs nccli."""
    return f"from nccli.cli.entry import run\nassert run({list(arguments)!r}) == 0"


@pytest.mark.parametrize(
    ("code", "without"),
    [
        ("import nccli", "pandas torch torchvision sqlmodel sqlalchemy alembic matplotlib numpy scipy typer rich"),
        (command("--help"), "torch torchvision sqlmodel sqlalchemy alembic matplotlib numpy scipy"),
        (command("train-dufm", "--help"), "torch torchvision sqlmodel sqlalchemy alembic matplotlib numpy scipy"),
        ("import nccli.theory, nccli.metrics", "torch torchvision sqlmodel sqlalchemy alembic matplotlib typer rich"),
        ("import nccli.store", "torch torchvision matplotlib alembic scipy typer rich"),
        ("import nccli.sweep", "torch torchvision matplotlib alembic scipy typer rich"),
        ("import nccli.figures", "torch torchvision matplotlib.pyplot alembic typer rich"),
        ("import nccli; nccli.frame; nccli.train_dufm", "pandas pyarrow torch torchvision matplotlib alembic"),
        ("import nccli.dufm.train", "torch torchvision matplotlib sqlmodel sqlalchemy alembic typer rich"),
    ],
    ids=lambda text: text.splitlines()[-1].removeprefix("assert "),
)
def test_what_is_not_needed_is_not_loaded(code: str, without: str) -> None:
    assert loaded_by(code) & set(without.split()) == set()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: PyTorch takes the steps")
def test_training_on_the_compiled_kernel_never_loads_torch(tmp_path: Path) -> None:
    """From the start to the results, with a state on disk and a batch that goes on from it."""
    code = f"""
from dataclasses import replace
from pathlib import Path
from nccli.dufm.budget import runs_that_fit
from nccli.dufm.checkpoint import Checkpoint, read_checkpoint
from nccli.dufm.config import DufmConfig
from nccli.dufm.train import resume, train
from nccli.training.memory import free_bytes
from nccli.training.watch import Watch
config = DufmConfig(K=4, L=3, n=2, width=8, wd_h1=5e-2, wd_layers=(5e-2,) * 3, lr=0.2, steps=1000, seed=0)
configs = [config, replace(config, seed=1)]
assert runs_that_fit(config, free_bytes("cpu")) > 1
path = Path({str(tmp_path / "state.npz")!r})
seen = []
watch = Watch(seen.append, lambda: len(seen) > 20)
assert [result.status for result in train(configs, watch=watch, checkpoint=Checkpoint(path))] == ["interrupted"] * 2
results = list(resume(read_checkpoint(path), configs, checkpoint=Checkpoint(path)))
assert all(result.layers and result.torch_version is None for result in results)
"""
    assert "torch" not in loaded_by(code)


def test_commands_that_only_read_never_load_torch(tmp_path: Path) -> None:
    location = str(tmp_path / "runs.db")
    key = save_run(Store.create(location), example_run())
    ends = [save_run(Store.open(location), construction_run(solve_dnc(Problem.uniform(3, 2, 0.01)), d)) for d in (3, 4)]
    place = ("--store", location, "--quiet")
    commands = [
        command("runs", "list", "--store", location),
        command("runs", "show", key, "--store", location),
        command("store", "check", "--store", location),
        command("compare", *place),
        command("compare", "--theory"),
        command("compare", "--path", *ends, "--starts", "2", *place),
        command("plot", "spectra", key, "-o", str(tmp_path / "spectra.svg"), *place),
        command("report", key, *ends, "-o", str(tmp_path / "report.html"), *place),
    ]
    loaded = loaded_by("\n".join(commands))
    assert "nccli.report" in loaded
    assert loaded & {"torch", "torchvision", "matplotlib.pyplot"} == set()


def test_a_tiny_run_on_the_compiled_kernel_never_loads_torch(tmp_path: Path) -> None:
    line = ["train-dufm", "--K", "4", "--n", "1", "--width", "8", "--steps", "1000", "--device", "cpu", "--quiet"]
    assert "torch" not in loaded_by(command(*line, "--store", str(tmp_path / "runs.db")))


def test_a_sweep_leaves_torch_to_what_it_trains() -> None:
    """Planning, claiming, results and rows of an L-DUFM need none; only rows of networks name its version."""
    for file in files("sweep"):
        if file.name != "e2e.py":
            assert not any(name.partition(".")[0] == "torch" for name in imports(file)), file
