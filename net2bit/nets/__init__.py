"""Networks as framework-neutral layer lists; `describe` turns the `model` group of an experiment into one."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from net2bit.errors import ModelError, near
from net2bit.nets import architectures
from net2bit.nets.network import Builder, Network

__all__ = ["Architecture", "Network", "architecture", "describe", "names"]

_TWO = 2


class Architecture(Protocol):
    """What a file in `net2bit/nets/architectures` provides."""

    TITLE: str
    DIVISOR: int

    def build(self, net: Builder, classes: int, width: float) -> None:
        """Add all layers behind the builder's input."""


def names() -> list[str]:
    """Return the architectures found, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(architectures.__path__))


def architecture(name: str) -> Architecture:
    """Return the architecture called *name*.

    Raises:
        ModelError: There is no such file.
    """
    if name not in names():
        raise ModelError(
            f"no architecture is called '{name}'",
            where="model.architecture",
            suggestion=near(name, names()),
            remedy=f"use one of {', '.join(names())}, or add net2bit/nets/architectures/{name}.py",
        )
    return cast("Architecture", importlib.import_module(f"{architectures.__name__}.{name}"))


def describe(model: Mapping[str, Any], classes: Sequence[str]) -> Network:
    """Return the layer list of an experiment's `model` group (`architecture`, `width`, `input_size` as height and width).

    Raises:
        ModelError: Unknown architecture, a size or width it cannot have, or fewer than two classes.
    """
    found = architecture(model["architecture"])
    height, width = (int(side) for side in model["input_size"])
    _check_size(height, width, found.DIVISOR)
    if len(classes) < _TWO:
        raise ModelError(f"{len(classes)} class is not enough to tell anything apart", where="dataset.classes", remedy="name at least two")
    net = Builder((height, width))
    found.build(net, len(classes), float(model["width"]))
    return net.network(model["architecture"])


def _check_size(height: int, width: int, divisor: int) -> None:
    if min(height, width) >= divisor and not height % divisor and not width % divisor:
        return
    close = "x".join(str(max(divisor, round(side / divisor) * divisor)) for side in (height, width))
    raise ModelError(
        f"an input of {height}x{width} (height x width) does not fit: both must be multiples of {divisor}",
        where="model.input_size",
        suggestion=close,
        remedy=f"use {close}, or any other multiples of {divisor}",
    )
