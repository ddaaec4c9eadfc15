"""The fused kernel's arithmetic, bounds and barriers, on the CPU: the threads of a block are fibers in random order."""

import ctypes
import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from nccli.catalogue.options import ActivationName
from nccli.dufm import compiler, remarks
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.fused import FusedSteps, is_fused, launch, steps
from nccli.dufm.fused.cut import Cut
from nccli.dufm.fused.fused_shape import FusedShape
from nccli.dufm.fused.machine_code import machine_code
from nccli.dufm.fused.steps import is_sound, slices
from nccli.dufm.library_folder import LibraryFolder
from nccli.dufm.measurement import measure
from nccli.dufm.placement import take_notes
from tests.long_cases import every

H100_BLOCK, H100_MULTIPROCESSOR = 232448, 233472
"""Bytes of shared memory."""

EMULATION = Path(__file__).parent / "emulation"
SHAPES = [
    (10, 3, 1, 20, "relu"),  # narrow
    (7, 3, 1, 30, "linear"),  # padding of width, classes and rows
    (5, 4, 3, 22, "relu-last"),  # several tiles of rows
    (10, 3, 1, 40, "relu"),  # one tile, unrolled
    (13, 2, 2, 36, "relu"),  # wide, several tiles
]

emulated = pytest.mark.skipif(
    platform.machine() != "x86_64" or shutil.which("g++") is None, reason="the emulation needs g++ on x86-64"
)


class Emulated:
    """`kernel.cu` as a library for the CPU, that launches so many blocks one after the other."""

    def __init__(self, shape: FusedShape, folder: Path, slots: int = 2) -> None:
        self.slots, self._turn = slots, 0
        defines = [f"-D{name}={value}" for name, value in shape.defines(H100_MULTIPROCESSOR).items()]
        options = ["-std=c++17", "-O1", "-mfma", "-mavx2", "-fPIC", "-shared", "-w", "-DEMULATED", *defines]
        folders = [f"-I{EMULATION}", f"-I{files('nccli.dufm.fused')}"]
        made = folder / "emulated.so"
        subprocess.run(["g++", *options, *folders, str(EMULATION / "emulate.cpp"), "-o", str(made)], check=True)
        self._library = ctypes.CDLL(str(made))
        assert self._library.emulated_state() == shape.size
        assert self._library.emulated_shared() == shape.shared

    def launch(self, blocks: int, arguments: Sequence[torch.Tensor | int | None]) -> None:
        state, coefficients, pace, runs, count, slice_, _ = arguments
        self._turn += 1
        pointers = [
            ctypes.c_void_p(t.data_ptr()) if isinstance(t, torch.Tensor) else None for t in (state, coefficients, pace)
        ]
        self._library.emulated_launch(*pointers, runs, count, slice_, blocks, self._turn)


def runs_of(K: int, L: int, n: int, width: int, activation: str, **changes: object) -> list[DufmConfig]:
    """Three runs whose weight decays and learning rates differ."""
    rng = np.random.default_rng(5)
    made = []
    for seed in range(3):
        wd = rng.uniform(1e-3, 2e-2, L + 1)
        config = DufmConfig(K, L, n, width, wd[0], tuple(wd[1:]), lr=0.3 + 0.1 * seed, steps=40, seed=seed)
        made.append(replace(config, activation=activation, **changes))  # type: ignore[arg-type]
    return made


def distance(one: Batch, other: Batch) -> float:
    """Relative, of the parameter that is farthest off."""
    pairs = zip(one.parameters.all, other.parameters.all, strict=True)
    return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)


def exact(batch: Batch, steps: int) -> Batch:
    """So many steps in float64."""
    there = batch.double()
    paces = batch.configs[0].paces(0, steps)
    Engine.of(there).advance(steps, None if paces is None else paces.tolist())
    return there


@emulated
@pytest.mark.parametrize(("K", "L", "n", "width", "activation"), every(2, SHAPES))
def test_its_steps_are_those_of_the_gradient(
    K: int, L: int, n: int, width: int, activation: str, tmp_path: Path
) -> None:
    batch = Batch.start(runs_of(K, L, n, width, activation, schedule="cosine"))
    shape = FusedShape.of(batch.configs[0], batch.rows)
    kernel = Emulated(shape, tmp_path)
    assert is_sound(shape, kernel, "cpu")
    expected = exact(batch, 10)
    ours = FusedSteps(batch, shape, kernel, "cpu")
    ours.advance(0, 7)
    ours.advance(7, 3)
    ours.sync()
    assert distance(batch, expected) < 2e-6
    padding = torch.ones_like(ours._state)
    for view in shape.views(padding).stored:
        view.zero_()
    assert not (ours._state * padding).any()
    found, wanted = ours.measure(), measure(batch)
    assert found.fit == pytest.approx(wanted.fit)
    assert found.grad_norm == pytest.approx(wanted.grad_norm)


@emulated
def test_a_run_has_the_same_bits_in_any_company_and_in_any_slices(tmp_path: Path) -> None:
    configs = runs_of(4, 3, 2, 12, "relu")
    whole, alone = Batch.start(configs), Batch.start(configs[1:2])
    shape = FusedShape.of(configs[0], whole.rows)
    kernel = Emulated(shape, tmp_path)
    one, other = FusedSteps(whole, shape, kernel, "cpu"), FusedSteps(alone, shape, kernel, "cpu")
    one.advance(0, 6)
    for first in range(6):
        other.advance(first, 1)
    one.sync()
    other.sync()
    for together, by_itself in zip(
        whole.parameters.each(lambda a: a).runs([1]).stored, alone.parameters.stored, strict=True
    ):
        np.testing.assert_array_equal(together, by_itself)


@emulated
def test_collapsed_runs_go_on_as_their_class_means(tmp_path: Path) -> None:
    batch = Batch.start(runs_of(4, 3, 5, 12, "relu")).collapsed()
    shape = FusedShape.of(batch.configs[0], batch.rows)
    expected = exact(batch, 8)
    ours = FusedSteps(batch, shape, Emulated(shape, tmp_path), "cpu")
    ours.advance(0, 8)
    ours.sync()
    assert distance(batch, expected) < 2e-6


@emulated
def test_a_kernel_that_takes_another_step_is_not_sound(tmp_path: Path) -> None:
    shape = FusedShape.of(runs_of(4, 3, 1, 12, "relu")[0], 4)
    kernel = Emulated(shape, tmp_path)

    class Lying(Emulated):
        def __init__(self) -> None:
            self.slots = 2

        def launch(self, blocks: int, arguments: Sequence[torch.Tensor | int | None]) -> None:
            state, coefficients, *others = arguments
            assert isinstance(coefficients, torch.Tensor)
            kernel.launch(blocks, (state, 1.1 * coefficients, *others))

    assert is_sound(shape, kernel, "cpu")
    assert not is_sound(shape, Lying(), "cpu")


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"activation": "linear"}, True),
        ({"schedule": "cosine"}, True),
        ({"dtype": "float64"}, False),
        ({"optimizer": "heavy-ball", "momentum": 0.9}, False),
        ({"activation": "relu-eps", "epsilon": 0.1}, False),
        ({"n": 50}, False),
        ({"width": 512}, False),
    ],
)
def test_what_it_takes(changes: dict[str, object], taken: bool) -> None:
    (config, *_) = runs_of(10, 4, 1, 64, ActivationName.RELU.value)
    config = replace(config, **changes)  # type: ignore[arg-type]
    assert is_fused(config, config.n * config.K, H100_BLOCK) is taken


def test_the_work_of_a_shape_is_cut_as_it_was_measured_to_be_quickest() -> None:
    """Warps, parts and columns of the best variants in the table of measurements."""
    cuts = [Cut.of(rows, width, K) for rows, width, K in ((10, 64, 10), (10, 20, 10), (50, 30, 10), (45, 64, 45))]
    assert [(c.warps, c.forward, c.backward) for c in cuts] == [
        (4, (4, 2), (4, 2)),
        (5, (8, 1), (8, 1)),
        (2, (4, 2), (4, 2)),
        (8, (4, 4), (8, 2)),
    ]


def test_slices_leave_few_blocks_idle_at_the_end() -> None:
    assert slices(100, 396, 10_000) == 1
    parts = slices(900, 396, 10_000)
    assert -(-900 * parts // 396) / (900 * parts / 396) < 1.02
    assert slices(900, 396, 100) == 1


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forget() -> None:
        for cached in (compiler._cache, compiler.own_folder, machine_code):
            cached.cache_clear()

    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path))
    forget()
    return forget


def test_machine_code_is_made_without_a_gpu_and_kept(
    tmp_path: Path, empty_cache: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC comes with PyTorch for CUDA")
    shape = FusedShape.of(runs_of(10, 4, 1, 20, "relu")[0], 10)
    code = machine_code(shape, "sm_90", H100_MULTIPROCESSOR)
    assert code.startswith(b"\x7fELF")
    (kept,) = (tmp_path / "nccli").glob("*.cubin")
    assert kept.stat().st_mode & 0o077 == 0
    empty_cache()
    with monkeypatch.context() as patched:
        patched.setattr(nvrtc, "nvrtcCompileProgram", lambda *_: pytest.fail("compiled again"))
        assert machine_code(shape, "sm_90", H100_MULTIPROCESSOR) == code
    empty_cache()
    kept.write_bytes(code[:-1] + b"?")  # whoever could do that could do anything, but a disk may fail
    assert machine_code(shape, "sm_90", H100_MULTIPROCESSOR) == code


def test_what_the_compiler_says_is_one_line(empty_cache: Callable[[], None]) -> None:
    pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC comes with PyTorch for CUDA")
    shape = FusedShape.of(runs_of(10, 4, 1, 20, "relu")[0], 10)
    with pytest.raises(OSError, match=r"^NVRTC says .*gpu-architecture") as told:
        machine_code(shape, "sm_nothing", H100_MULTIPROCESSOR)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (ImportError("No module named 'cuda'", name="cuda"), "cuda is not installed"),
        (OSError("the CUDA driver says CUDA_ERROR_OUT_OF_MEMORY"), "CUDA_ERROR_OUT_OF_MEMORY"),
    ],
)
def test_where_it_cannot_be_had_one_note_says_so(
    problem: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(shape: FusedShape) -> None:
        raise problem

    monkeypatch.setattr(launch, "Kernel", refuse)
    for cached in (steps._kernel, remarks._remarks):
        cached.cache_clear()
    shape = FusedShape.of(runs_of(10, 4, 1, 20, "relu")[0], 10)
    try:
        assert steps._kernel(shape) is None
        (note,) = take_notes("cuda")
        assert told in note
        assert take_notes("cuda") == []
    finally:
        for cached in (steps._kernel, remarks._remarks):
            cached.cache_clear()


def test_machine_code_that_cannot_be_kept_serves_all_the_same(
    empty_cache: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC comes with PyTorch for CUDA")

    def full(folder: LibraryFolder, key: str, content: bytes, ending: str) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(LibraryFolder, "keep", full)
    shape = FusedShape.of(runs_of(10, 4, 1, 20, "relu")[0], 10)
    assert machine_code(shape, "sm_90", H100_MULTIPROCESSOR).startswith(b"\x7fELF")
    remarks._remarks.cache_clear()
