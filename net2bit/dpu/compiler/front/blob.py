"""The parameter blob (REG_0): weights and biases, raw int8."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.compiler.layers import Parameter

ALIGNMENT = 4096
"""Where a tensor may start: as the vendor's compiler 3.x has it; a page holds no two tensors, and bursts start at page borders."""


class Blob:
    """Collects parameters; equal keys share one place."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[bytes] = []
        self._size = 0
        self._known: dict[str, Parameter] = {}

    def add(self, key: str, values: NDArray[Any]) -> Parameter:
        """Append *values* (int8, in memory order) unless the key is known, and return where they lie."""
        if key not in self._known:
            gap = -self._size % ALIGNMENT
            content = np.ascontiguousarray(values, np.int8).tobytes()
            self._known[key] = Parameter(key, self._size + gap, tuple(values.shape))
            self._parts += [bytes(gap), content]
            self._size += gap + len(content)
        return self._known[key]

    def offset(self, key: str) -> int | None:
        """Return where the parameter of that key lies, None where it is not here."""
        return self._known[key].offset if key in self._known else None

    def content(self) -> bytes:
        """Return the blob, padded to whole 16 bytes."""
        joined = b"".join(self._parts)
        return joined + bytes(-len(joined) % 16)
