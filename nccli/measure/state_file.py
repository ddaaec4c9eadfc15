"""The weights of somebody's network from a checkpoint: found among what else it holds, and by the names that fit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nccli.errors import InputError
from nccli.measure.parameter_names import Renamed, fitting_names
from nccli.measure.tensor_file import read_safetensors, read_torch_file, require_plain

_NESTED = ("state_dict", "model_state_dict", "model", "net", "network", "module")
"""Where training loops keep the network, the most usual first (Lightning, PyTorch's own tutorial, timm, Fairseq)."""

_DEEP = 2
"""A bound: checkpoints nest the network no deeper, and optimisers nest their state below that."""

_SHOWN = 8
"""A taste: keys that an error lists."""


@dataclass(frozen=True, eq=False)
class _State:
    """Tensors by name, and the keys under which they stood."""

    keys: tuple[str, ...]
    tensors: Mapping[str, Tensor]

    @property
    def place(self) -> str:
        return ".".join(self.keys)


def load_weights(model: nn.Module, path: Path) -> list[str]:
    """Load a .safetensors file or a torch file, every parameter of it.

    The network may stand under a key of its own, beside an optimiser or a number of epochs, and its names may have a
    prefix, or lack one, that wrappers put before them (DataParallel, torch.compile, Lightning).

    Returns:
        What was done: which key was taken, which prefix, what was left out.

    Raises:
        InputError: the file is missing, damaged, or of another network.
    """
    if not path.is_file():
        raise InputError(f"--weights {path}: no such file")
    found: Any = read_safetensors(path) if path.suffix == ".safetensors" else read_torch_file(path, "weights file")
    states = sorted(_states(found), key=_order)
    if not states:
        raise InputError(f"--weights {path}: no state dictionary of tensors; {_what_it_has(found)}")
    own = model.state_dict()
    tied = _tied(own)
    fits = [(state, fitting_names(state.tensors, own, tied)) for state in states]
    whole = [(state, renamed) for state, renamed in fits if not renamed.misfit]
    state, renamed = whole[0] if whole else max(fits, key=lambda each: len(each[1].names))
    if renamed.misfit:
        raise InputError(f"--weights {path} does not fit the model: {renamed.misfit}{_elsewhere(states, state)}")
    for name in renamed.names:
        require_plain(state.tensors[name], f"--weights {path}: '{name}'")
    model.load_state_dict({own_name: state.tensors[name] for name, own_name in renamed.names.items()}, strict=False)
    return _told(state, renamed, [other.place for other, _ in whole[1:]])


def _states(found: Any, keys: tuple[str, ...] = ()) -> Iterator[_State]:
    """State dictionaries of a file: the file itself, or what stands under its keys."""
    if not isinstance(found, Mapping):
        return
    tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    if tensors and all(isinstance(name, str) for name in found):
        yield _State(keys, tensors)
    if len(keys) < _DEEP:
        for name, value in found.items():
            if isinstance(name, str):
                yield from _states(value, (*keys, name))


def _order(state: _State) -> tuple[int, int]:
    known = _NESTED.index(state.keys[-1]) if state.keys and state.keys[-1] in _NESTED else len(_NESTED)
    return len(state.keys) and known + 1, len(state.keys)


def _tied(own: Mapping[str, Tensor]) -> dict[str, tuple[str, ...]]:
    """Names of parameters that are one, by each of them: files keep one."""
    places: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for name, tensor in own.items():
        places.setdefault((tensor.data_ptr(), tuple(tensor.shape)), []).append(name)
    return {name: tuple(names) for names in places.values() for name in names if len(names) > 1}


def _told(state: _State, renamed: Renamed, others: list[str]) -> list[str]:
    said = [f"the network under '{state.place}' is taken"] if state.keys else []
    if said and others:
        said[0] += f"; it fits under {_listed(others)} too"
    if renamed.removed:
        said.append(f"prefix '{renamed.removed}' taken off")
    if renamed.added:
        said.append(f"prefix '{renamed.added}' put before all names")
    if renamed.left_out:
        said.append(f"left out what is not under the prefix: {_listed(renamed.left_out)}")
    return said


def _elsewhere(states: list[_State], taken: _State) -> str:
    others = [state.place for state in states if state is not taken and state.keys]
    return f"; looked under {_listed([*others, taken.place])} too" if others and taken.keys else ""


def _what_it_has(found: Any) -> str:
    if not isinstance(found, Mapping):
        return f"it holds {type(found).__name__}: save model.state_dict()"
    return f"it has the keys {_listed([str(key) for key in found]) or 'none'}: save model.state_dict()"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
