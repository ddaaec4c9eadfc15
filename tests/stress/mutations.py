"""Mutations that a test must notice: `python tests/stress/mutations.py [NAME …]`.

Each changes one thing that the program does, in a copy of the repository, and runs the test that is to fail there. A
mutation whose test passes has survived, one whose text is not found is stale: both end with 1. It takes minutes.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
PARTS = ("nccli", "migrations", "tests", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Mutation:
    """A change of the program.

    Attributes:
        file: below `nccli`.
        before, after: what is replaced, once, and by what.
        test: what must fail, as pytest takes it.
    """

    file: str
    before: str
    after: str
    test: str


MUTATIONS = {
    "exponent": Mutation(
        "theory/rivalry.py",
        "return (3 - L) / (2 * (L + 1))",
        "return (4 - L) / (2 * (L + 1))",
        "tests/theory/test_rivalry.py -k exponent",
    ),
    "threshold": Mutation(
        "theory/rivalry.py",
        "return _threshold(replace(problem, K=_LEAST_K))",
        "return problem.K",
        "tests/theory/test_rivalry.py -k threshold",
    ),
    "progress": Mutation(
        "dufm/progress.py",
        "hidden = [stages(L).index(each) for each in hidden_layers(L)]",
        "hidden = slice(None)",
        "tests/dufm/test_progress.py",
    ),
    "longer": Mutation(
        "sweep/ends.py",
        'bool(plain and row["steps"] < longer.most_steps)',
        "bool(plain)",
        "tests/sweep/test_longer.py -k no_beginnings",
    ),
    "bomb": Mutation("store/blocks/packed.py", "if size > most:", "if False:", "tests/store/test_blocks.py -k bomb"),
    "noise": Mutation(
        "dufm/start.py", "noise * np.linalg.norm(exact) /", "noise /", "tests/dufm/test_start.py -k relative"
    ),
    "crop": Mutation(
        "e2e/augmentation.py",
        "(down % (2 * pad + 1))[:, None]",
        "pad",
        "tests/e2e/test_augmentation.py",
    ),
    "flip": Mutation(
        "e2e/augmentation.py",
        "(side % 2 == 0)[:, None]",
        "(side < 0)[:, None]",
        "tests/e2e/test_augmentation.py",
    ),
    "decay is clipped": Mutation(
        "e2e/descent.py",
        "        gradient[:, part].addcmul_(decay * risen if config.wd_rise else decay, self.flat.values[:, part])\n",
        "",
        "tests/e2e/test_descent.py -k clipped",
    ),
    "replays go their own way": Mutation(
        "e2e/captured.py",
        '            raise CannotCaptureError("a replay of its steps goes another way than the steps")',
        "            pass",
        "tests/e2e/test_captured.py -k Remembering",
    ),
    "seed": Mutation(
        "e2e/network.py",
        "torch.manual_seed(config.seed)",
        "torch.manual_seed(config.seed + 1)",
        "tests/e2e/test_initial_weights.py",
    ),
    "unknown is dead, by the worker": Mutation(
        "store/runs/worker.py",
        'if not worker["place"] or worker["place"] != _place():\n        return None',
        'if not worker["place"] or worker["place"] != _place():\n        return False',
        "tests/store/test_claims.py -k process_elsewhere",
    ),
    "unknown is dead, by who looks": Mutation(
        "store/runs/makers.py", "if alive is False]", "if not alive]", "tests/store/test_clocks.py"
    ),
    "late results": Mutation(
        "store/runs/save.py",
        "            require(connection, content.id)\n",
        "            pass\n",
        "tests/store/test_late_results.py",
    ),
    "bad row": Mutation(
        "store/query/unreadable.py",
        "        if fault is not None:\n            found",
        "        if False:\n            found",
        "tests/store/test_unreadable.py -k why",
    ),
    "anything comes in": Mutation(
        "store/runs/sound.py",
        "    if fault is not None:\n        raise ValueError(fault)",
        "    if False:\n        raise ValueError(fault)",
        "tests/store/test_portable.py -k fault",
    ),
    "checksum": Mutation(
        "store/schema/checksum.py", "else stored == checksum(raw)", "else True", "tests/store/test_checksum.py"
    ),
    "foreign kernels": Mutation(
        "dufm/library_folder.py", "if found.st_uid != os.geteuid():", "if False:", "tests/dufm/test_compiler.py"
    ),
    "the store is an output": Mutation(
        "outputs.py",
        "if role is not None and role not in self.replaces:",
        "if False:",
        "tests/test_outputs.py",
    ),
    "heartbeat": Mutation(
        "store/runs/claims.py", "BEAT_SECONDS = 15.0", "BEAT_SECONDS = 150.0", "tests/store/test_heartbeat.py"
    ),
    "floor": Mutation(
        "store/query/ranks.py",
        "return and_(value > rtol * largest, value > floor)",
        "return value > rtol * largest",
        "tests/store/test_groups.py -k rank_zero",
    ),
    "best": Mutation(
        "store/query/comparison.py",
        "        RUN.c.kind != Kind.E2E.value,\n",
        "",
        "tests/store/test_comparison.py -k end_to_end",
    ),
}


def survives(mutation: Mutation, folder: Path) -> str | None:
    """What is wrong with a mutation; None where its test fails as it should.

    Args:
        mutation: to be made.
        folder: a copy of the repository, which is as before afterwards.
    """
    path = folder / "nccli" / mutation.file
    text = path.read_text() if path.exists() else ""
    if text.count(mutation.before) != 1:
        return f"stale: {mutation.file} has its text {text.count(mutation.before)} times"
    path.write_text(text.replace(mutation.before, mutation.after))
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *_words(mutation.test)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    finally:
        path.write_text(text)
    if ended.returncode == 1:
        return None
    return "survived" if ended.returncode == 0 else f"no test ran:\n{ended.stdout}{ended.stderr}"


def _words(test: str) -> list[str]:
    place, _, words = test.partition(" -k ")
    return [place, "-k", words] if words else [place]


def main(names: list[str]) -> int:
    """Try the mutations of these names, or all; 1 where one is not noticed."""
    failed = 0
    with TemporaryDirectory() as place:
        folder = Path(place)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / part)
        for name in names or MUTATIONS:
            fault = survives(MUTATIONS[name], folder)
            failed += fault is not None
            print(f"{name}: {fault or 'noticed'} ({MUTATIONS[name].test})", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
