"""One place decides where a command writes for a person, asked before any work and again before a file is replaced."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nccli.errors import InputError
from nccli.outputs import Output
from nccli.store import Store, copy_file, save_run
from nccli.store_files import Role, role_of
from tests.store.example_runs import example_run

PACKAGE = Path(__file__).parents[1] / "nccli"

WRITING = """
    write_text write_bytes tofile touch mkdir makedirs mkstemp mkdtemp fdopen NamedTemporaryFile to_csv copyfile copy2
    copytree move rename symlink_to hardlink_to link symlink truncate backup
"""
INTO = "save savez savez_compressed savetxt savefig dump imsave"
"""Functions of other packages that write into a file, or into one that they make if they are given a name."""

WRITERS = {
    "atomic.py": "fdopen mkstemp open replace",
    "outputs.py": "mkdir",
    "cli/entry.py": "open",  # streams that were closed, of /dev/null
    "cli/reference.py": "write_text",  # for developers
    "dufm/compiler.py": "write_text",  # sources and compiled code in folders of its own
    "dufm/library_folder.py": "fdopen mkdir mkdtemp replace",
    "e2e/torchvision_sets.py": "open",  # /dev/null
    "measure/tensor_file.py": "save",  # into memory
    "store/connection/backup.py": "backup mkstemp replace write_bytes",  # asks the one place
    "sweep/cluster/folder.py": "hardlink_to mkdir open symlink_to write_text",  # below a folder of its own by the store
    "store/repair.py": "link rename replace",  # the store itself, under lock
}
"""The files of nccli that make or replace files, and how. All others write into what these opened for them."""


def writes(call: ast.Call) -> str | None:
    """The name of what a call does, if it makes or replaces a file."""
    owner, name = getattr(call.func, "value", None), getattr(call.func, "attr", getattr(call.func, "id", ""))
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    words = [part.value if isinstance(part, ast.Constant) else getattr(part, "id", None) for part in given]
    if name == "open":
        modes = [word for word in words if isinstance(word, str) and set(word) <= set("rwxabt+")]
        return name if "mode" in words or any(set(mode) & set("wxa+") for mode in modes) else None
    if name == "replace":  # of a path: str.replace takes two, dataclasses.replace names what changes
        return name if len(given) == 1 else None
    if name in INTO.split() and isinstance(owner, ast.Name) and owner.id in ("np", "torch", "figure"):
        return None if {"file", "out"} & set(words) else name
    return name if name in WRITING.split() and owner is not None else None


def test_the_one_place_is_the_one_place() -> None:
    found: dict[str, set[str]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and (name := writes(node)) is not None:
                found.setdefault(str(file.relative_to(PACKAGE)), set()).add(name)
    assert found == {file: set(names.split()) for file, names in WRITERS.items()}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "runs.db"
    save_run(Store.create(str(path)), example_run())
    return path


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_file_that_becomes_the_store_meanwhile_is_not_replaced(
    store: Path, link: Callable[[Path, Path], None]
) -> None:
    before, output = store.read_bytes(), Output("-o", store.with_name("out.jsonl"), store)
    output.require()
    with pytest.raises(InputError, match=r"out\.jsonl' is the store itself"), output.open():
        link(output.path, store)
    with pytest.raises(InputError, match="the store itself"):
        output.write(b"x")
    assert store.read_bytes() == before
    assert sorted(path.name for path in store.parent.iterdir()) == ["out.jsonl", "runs.db"]


def test_a_copy_is_moved_to_no_place_that_has_become_another_store(store: Path) -> None:
    def permit(path: Path) -> None:
        assert path == store.with_name("copy.db")
        raise InputError("not there")

    with pytest.raises(InputError, match="not there"):
        copy_file(store, store.with_name("copy.db"), permit)
    assert list(store.parent.iterdir()) == [store]


def test_an_output_goes_with_a_job_as_plain_data(store: Path) -> None:
    output = Output("--export", store.with_name("net.pt"), store, inputs=(store.with_name("images.npz"),))
    assert Output.from_dict(json.loads(json.dumps(output.as_dict()))) == output


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("runs.db", Role.STORE),
        ("../{}/runs.db", Role.STORE),
        ("runs.db-wal", Role.JOURNAL),
        ("runs.db-SHM", Role.JOURNAL),
        ("runs.db-backup-1", Role.BACKUP),
        (".runs.db-checkpoint-1.npz.abc", Role.CHECKPOINT),
        ("runs.db-rescue-1.db", Role.RESCUE),
        ("runs.db-before-upgrade-from-0001", Role.BACKUP),
        ("runs.dbx", None),
        ("runs-wal", None),
        ("-wal", None),
        ("others.db-wal", None),
        ("wal", None),
    ],
)
def test_what_belongs_to_a_store_shows_in_its_name(store: Path, name: str, role: Role | None) -> None:
    assert role_of(store.parent / name.format(store.parent.name), store) == role


def test_of_a_store_on_a_server_states_of_training_lie_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert role_of(Path("nccli-checkpoint-0123456789ab.npz"), None) is Role.CHECKPOINT
    assert role_of(Path("nccli"), None) is None
