"""What is compiled is ours and right, or PyTorch takes the steps; either way the user is told once."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from nccli.dufm import compiler, native, remarks
from nccli.dufm.compiler import take_remarks, vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.library_folder import LibraryFolder
from nccli.dufm.native import build
from nccli.dufm.shape import Shape
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.training.watch import Watch
from tests.cli.command import Nccli
from tests.long_cases import every

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
NOBODY = 65534
BASE = DufmConfig(K=3, L=3, n=2, width=6, wd_h1=2e-2, wd_layers=(2e-2,) * 3, lr=0.3, steps=50, seed=1, dtype="float64")
SHAPE = Shape.of(BASE, vector_bytes())
EVIL = "void nccli_steps(long count, const double *pace, double *P) { for (int i = 0; i < 20; i++) P[i] = 0; }"


def forget() -> None:
    """As in a new process."""
    for cached in (compiler._cache, compiler.own_folder, compiler._compiler, remarks._remarks, native.build):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where kernels are kept in this test."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "nccli"
    monkeypatch.undo()
    forget()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A folder with the kernel of `BASE`, and the loss that it ends with."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("compiled")
        patch.setenv("NCCLI_CACHE", str(folder))
        found, said = trained()
    assert said == []
    return folder / "nccli", found


@pytest.fixture
def first(cache: Path, compiled: tuple[Path, float]) -> float:
    """The loss of `BASE`, whose kernel is kept."""
    shutil.copytree(compiled[0], cache)
    return compiled[1]


def kernel(cache: Path) -> Path:
    """The only one that is kept."""
    (found,) = cache.iterdir()
    return found


def trained(config: DufmConfig = BASE) -> tuple[float, list[str]]:
    """The loss that a new process ends with by compiled steps, and what it notes."""
    forget()
    said: list[str] = []
    (result,) = train([config], watch=Watch(on_note=said.append))
    assert result.torch_version is None, "PyTorch took the steps"
    return result.loss, said


def library(source: str, path: Path) -> bytes:
    """A library of somebody else's, under the name that nccli would give it."""
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-xc", "-", "-o", str(path)], input=source.encode(), check=True, umask=0o077
    )
    return path.read_bytes()


def plant(source: str, at: Path) -> Path:
    """Put a library in the place of a kernel, with a name that is right for its content."""
    content = library(source, at.with_name("evil.so"))
    at.with_name("evil.so").unlink()
    key = at.name.partition("-")[0]
    at.unlink()
    LibraryFolder(at.parent).keep(key, content)
    return kernel(at.parent)


def rewrite(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Another file in its place: this process has the old one in its memory."""

    def rewritten(path: Path) -> None:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(change(content))

    return rewritten


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere.so")
    path.symlink_to(path.parent.parent / "elsewhere.so")


SPOILED: dict[str, Callable[[Path], object]] = {
    "altered": rewrite(lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]),
    "truncated": rewrite(lambda content: content[:-1]),
    "empty": rewrite(lambda content: b""),
    "no library": rewrite(lambda content: b"no library"),
    "open to others": lambda path: path.chmod(0o666),
    "a FIFO": fifo,
    "a link": link,
    "without the function": lambda path: plant("void other(void) {}", path),
    "a function that does nothing": lambda path: plant("void nccli_steps(void) {}", path),
    "a function that does something else": lambda path: plant(EVIL, path),
}


@pytest.mark.parametrize("how", every(3, SPOILED))
def test_a_spoiled_kernel_is_built_again_with_the_same_result(cache: Path, first: float, how: str) -> None:
    content = kernel(cache).read_bytes()
    SPOILED[how](kernel(cache))
    assert trained() == (first, [])
    assert kernel(cache).read_bytes() == content


@as_root
def test_a_kernel_of_another_user_is_not_loaded(cache: Path, first: float) -> None:
    evil = plant(EVIL, kernel(cache))
    os.chown(evil, NOBODY, NOBODY)
    assert trained() == (first, [])


@pytest.mark.parametrize("how", [pytest.param("another user's", marks=as_root), "open to a group", "open to all"])
def test_a_folder_that_is_not_ours_alone_is_not_used(cache: Path, first: float, how: str) -> None:
    evil = plant(EVIL, kernel(cache))
    if how == "another user's":
        os.chown(cache, NOBODY, NOBODY)
    cache.chmod({"open to a group": 0o770, "open to all": 0o1777}.get(how, 0o755))
    found, (said,) = trained()
    assert found == first
    assert str(cache) in said
    assert list(cache.iterdir()) == [evil]


def occupied(folder: Path) -> None:
    folder.parent.write_text("")


def dangling(folder: Path) -> None:
    folder.parent.symlink_to(folder.parent.parent / "nowhere")


def dangling_inside(folder: Path) -> None:
    folder.parent.mkdir()
    folder.symlink_to(folder.parent / "nowhere")


def fifo_inside(folder: Path) -> None:
    folder.parent.mkdir()
    os.mkfifo(folder)


@pytest.mark.parametrize("spoil", [occupied, dangling, dangling_inside, fifo_inside], ids=lambda spoil: spoil.__name__)
def test_without_a_folder_kernels_are_compiled_for_one_command(cache: Path, spoil: Callable[[Path], None]) -> None:
    spoil(cache)
    _, (said,) = trained()
    assert "NCCLI_CACHE" in said


def test_a_full_disk_does_not_matter(first: float, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(cache).unlink()
    keep = LibraryFolder.keep

    def full(folder: LibraryFolder, key: str, content: bytes) -> None:
        if folder is compiler._cache():
            raise OSError(28, "No space left on device")
        keep(folder, key, content)

    monkeypatch.setattr(LibraryFolder, "keep", full)
    found, (said,) = trained()
    assert found == first
    assert "No space left" in said


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_whatever_the_umask_a_kernel_is_kept_and_found(cache: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made = trained()
        kept = kernel(cache).stat().st_mtime_ns
        assert trained() == made == (made[0], [])
    finally:
        os.umask(before)
    assert kernel(cache).stat().st_mtime_ns == kept


def test_a_folder_is_held_whatever_others_do_to_its_path(tmp_path: Path) -> None:
    folder = LibraryFolder(tmp_path / "ours")
    folder.keep("key", library("int one(void) { return 1; }", tmp_path / "one.so"))
    (tmp_path / "ours").rename(tmp_path / "moved")
    theirs = LibraryFolder(tmp_path / "ours")
    theirs.keep("key", library("int one(void) { return 2; }", tmp_path / "two.so"))
    found = folder.load("key", lambda each: hasattr(each, "one"))
    assert found is not None
    assert found.one() == 1


def fake(folder: Path, body: str, version: str = "echo fake 1.0") -> str:
    """A compiler that writes to $out."""
    path = folder / "fake-cc"
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then {version}; exit 0; fi\n'
        f'while [ "$1" != -o ]; do shift; done\nout=$2\n{body}\n'
    )
    path.chmod(0o755)
    return str(path)


def making(source: str) -> str:
    return f"""echo '{source}' | gcc -shared -fPIC -xc - -o "$out\""""


LYING = {
    "nothing": "true",
    "an error": "echo no; exit 1",
    "no library": 'echo no library > "$out"',
    "half a library": making("int x = 1; void nccli_steps(void) {}") + ' && truncate -s 4200 "$out"',
    "a FIFO": 'mkfifo "$out"',
    "a folder": 'mkdir "$out"',
    "a link": 'ln -s /dev/zero "$out"',
    "without the function": making("void other(void) {}"),
    "a library that crashes": making("#include <stdlib.h>\n__attribute__((constructor)) void x(void) { abort(); }"),
    "a function that does nothing": making("void nccli_steps(void) {}"),
    "a function that does something else": making(EVIL),
}


@pytest.mark.parametrize("what", LYING)
def test_a_compiler_that_lies_is_told_once_and_pytorch_takes_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("CC", fake(tmp_path, LYING[what]))
    said: list[str] = []
    for width in (5, 6):
        (result,) = train([replace(BASE, width=width)], watch=Watch(on_note=said.append))
        assert result.torch_version is not None
    assert len(said) == 1
    assert "fake-cc" in said[0]


HANGING = {
    "asked for its version": ("true", "sleep 60"),
    "compiling": ("sleep 60", "echo 1"),
    "busy": ("while :; do :; done", "echo 1"),
    "talking": ("while :; do echo 0123456789; done", "echo 1"),
    "reading": ("cat; sleep 60", "echo 1"),
    "deaf": ("trap '' TERM INT HUP; sleep 60", "echo 1"),
    "in a loop of its library": (
        making("__attribute__((constructor)) void x(void) { for (volatile int i = 0;; i = 1); }"),
        "echo 1",
    ),
}


@pytest.mark.parametrize("where", HANGING)
def test_a_compiler_that_hangs_is_killed_and_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("NCCLI_COMPILER_SECONDS", "0.4")
    compile_, version = HANGING[where]
    monkeypatch.setenv("CC", fake(tmp_path, f"echo $$ > {tmp_path}/group\n{compile_}", version))
    began = time.monotonic()
    assert [build(Shape.of(replace(BASE, width=width), vector_bytes())) for width in (5, 6, 7)] == [None] * 3
    assert time.monotonic() - began < 3
    (said,) = take_remarks()
    assert "0.4 s" in said
    group = (tmp_path / "group").read_text() if (tmp_path / "group").exists() else ""
    if group:  # not where it was killed before it could say so
        assert not still_runs(int(group))


def still_runs(group: int) -> bool:
    """Whether there is a process of this group that is more than a zombie."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            found += [state] if int(its_group) == group else []
    return bool(set(found) - {"Z"})


def test_a_compiler_that_leaves_a_process_behind_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", fake(tmp_path, "sleep 20 &", "sleep 20 & echo 1"))
    began = time.monotonic()
    assert build(SHAPE) is None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("command", "told"), [("", False), ("  ", False), ("/nonexistent/cc", False), ("false", True)])
def test_a_compiler_that_is_not_there_is_not_missed(command: str, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", command)
    assert build(SHAPE) is None
    assert bool(take_remarks()) == told


def test_the_time_to_compile_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("x", "", "0", "-1", "nan"):
        monkeypatch.setenv("NCCLI_COMPILER_SECONDS", text)
        with pytest.raises(InputError, match="NCCLI_COMPILER_SECONDS"):
            build(SHAPE)
    assert compiler._SECONDS < 4, "with the start of a command no more than 5"


def test_a_command_that_cannot_compile_says_so_in_one_note(tmp_path: Path) -> None:
    nccli = Nccli(tmp_path)
    line = "train-dufm --K 3 --L 3 --n 2 --width 6,7 --wd 2e-2 --steps 50 --format jsonl --device cpu"
    plain = nccli(f"{line} --force", CC="")
    broken = nccli(f"{line} --force", CC='gcc "x')
    assert [record["loss"] for record in broken.records] == [record["loss"] for record in plain.records]
    (said,) = [text for text in broken.err.splitlines() if "CC=" in text]
    assert said.startswith("note: PyTorch takes the steps")
    assert "CC=" not in plain.err
    assert "CC=" not in nccli(f"{line} --force --quiet", CC='gcc "x').err
    assert nccli(f"{line} --force --dry-run", CC='gcc "x').err.count("CC=") == 1
