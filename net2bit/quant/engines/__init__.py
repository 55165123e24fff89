"""Ways to compute an integer graph, one file each, all equal bit for bit to `reference`.

An engine file defines `create() -> Engine`. It is found by listing this folder and imported when it is asked for, so that a heavy
package which one engine needs costs nobody else.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from net2bit.errors import QuantError, near
from net2bit.quant.arith import Codes
from net2bit.quant.kernels_steps import Step

Handle = Any
"""An int8 map in the form that an engine keeps it in between steps."""

Kernel = Callable[[Sequence[Handle]], Handle]
"""A step made ready: inputs in order -> output. It must not change its inputs."""


class Engine(Protocol):
    """Computes steps on maps in a form of its own."""

    def compile(self, step: Step) -> Kernel:
        """Make *step* ready to run many times, its weights packed.

        Raises:
            QuantError: The engine cannot compute it exactly.
        """
        ...

    def load(self, codes: Codes) -> Handle:
        """Take in a map of int8 codes (NHWC, or any other shape)."""
        ...

    def store(self, handle: Handle) -> Codes:
        """Give out a map as int8 codes, contiguous; the caller may keep it."""
        ...


def available() -> list[str]:
    """Return the names of the engines."""
    return sorted(module.name for module in iter_modules(__path__))


def create(name: str) -> Engine:
    """Return the engine called *name*.

    Raises:
        QuantError: There is none of that name.
        ToolError: It cannot run here: a package, an instruction set or its own self-test is missing or fails.
    """
    if name not in available():
        raise QuantError(
            f"there is no engine '{name}'", remedy=f"choose one of {', '.join(available())}", suggestion=near(name, available())
        )
    return cast("Engine", import_module(f"{__name__}.{name}").create())
