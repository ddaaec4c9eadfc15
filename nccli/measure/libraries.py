"""Networks of torchvision, timm and transformers by name, with fresh weights and an output a class; none is fetched."""

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from nccli.errors import InputError
from nccli.measure.factory import call_factory, told

_ALIKE = 3
"""A taste: names that an error proposes."""


def make_network(name: str, shape: Sequence[int], K: int) -> nn.Module:
    """The network that a name stands for.

    Args:
        name: torchvision:NAME, timm:NAME, transformers:CLASS or transformers:FOLDER (one with a config.json), looked
            for in this order; or pkg.module:factory, a function or class that may take the keywords `shape`, `K` and
            `num_classes`.
        shape: of an input, (C, H, W) of images.
        K: classes.

    Raises:
        InputError: no such library here, or none of its networks, or what `call_factory` raises.
    """
    library, colon, which = name.partition(":")
    make = LIBRARIES.get(library) if colon else None
    if make is None:
        return call_factory(name, shape=tuple(shape), K=K, num_classes=K)
    try:
        module = importlib.import_module(library)
    except ImportError as error:
        way_out = f"pip install 'nccli[{library}]', or {library} itself"
        raise InputError(f"'{name}': {library} cannot be imported ({error}): {way_out}") from error
    try:
        return make(module, which, tuple(shape), K)
    except InputError as error:
        raise InputError(f"'{name}': {error}") from error
    except Exception as error:  # whatever a library has against sizes and names
        raise InputError(f"'{name}' fails with {told(error)}") from error


def _torchvision(library: Any, name: str, shape: tuple[int, ...], K: int) -> nn.Module:
    models = importlib.import_module("torchvision.models")
    _require(name, models.list_models(module=models), "a classifier of torchvision.models")
    special: dict[str, Any] = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    size = {"image_size": shape[-1]} if len(shape) == 3 and shape[1] == shape[2] else {}
    return _of_size(models.get_model, size, name, weights=None, num_classes=K, **special)


def _timm(library: Any, name: str, shape: tuple[int, ...], K: int) -> nn.Module:
    if not library.is_model(name.partition(".")[0]):
        _require(name, library.list_models(), "a network of timm")
    given: dict[str, Any] = {"pretrained": False, "num_classes": K}
    if len(shape) == 3:
        given["in_chans"] = shape[0]
    return _of_size(library.create_model, {"img_size": tuple(shape[1:])} if len(shape) == 3 else {}, name, **given)


def _of_size(make: Callable[..., Any], size: dict[str, Any], name: str, **given: Any) -> nn.Module:
    """A network for images of a size, which only those that are made for one take."""
    try:
        made: nn.Module = make(name, **given, **size)
    except TypeError:
        made = make(name, **given)
    return made


def _transformers(library: Any, name: str, shape: tuple[int, ...], K: int) -> nn.Module:
    made: nn.Module
    folder = Path(name)
    if (folder / "config.json").is_file():
        config = library.AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        made = _class(library, (config.architectures or ["none"])[0])(config)
        return made
    kind = _class(library, name)
    wanted = {"num_labels": K} | ({"num_channels": shape[0], "image_size": max(shape[1:])} if len(shape) == 3 else {})
    config = kind.config_class()
    for key, value in wanted.items():
        if hasattr(config, key):
            setattr(config, key, value)
    made = kind(config)
    return made


def _class(library: Any, name: str) -> Any:
    found = getattr(library, name, None) if name.isidentifier() else None
    if not (inspect.isclass(found) and issubclass(found, nn.Module) and getattr(found, "config_class", None)):
        alike = difflib.get_close_matches(name, [each for each in dir(library) if "For" in each], _ALIKE)
        raise InputError(
            f"no class of transformers with a config, and no folder with config.json{_proposed(alike)}; nothing is "
            "fetched from a hub: download it, and name its folder"
        )
    return found


def _require(name: str, known: Iterable[str], what: str) -> None:
    names = list(known)
    if name not in names:
        raise InputError(f"not {what}{_proposed(difflib.get_close_matches(name, names, _ALIKE))}")


def _proposed(alike: Sequence[str]) -> str:
    return f"; near it: {', '.join(alike)}" if alike else ""


LIBRARIES: dict[str, Callable[[Any, str, tuple[int, ...], int], nn.Module]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "transformers": _transformers,
}
"""By the name before the colon."""
