"""A stage: an op placed in a plan, with its paths and its slice of the config."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from net2bit.graph.kind import Op


@dataclass(frozen=True)
class Artifact:
    """A file (or folder) of a plan.

    Attributes:
        kind: The kind's name, or the config key for a file of the user's.
        path: Path relative to the project's root (absolute for a user's own file elsewhere).
        maker: Name of the stage that makes it; empty for a file of the user's.
        tree: Whether it is a folder.
    """

    kind: str
    path: str
    maker: str = ""
    tree: bool = False


@dataclass(frozen=True)
class Stage:
    """An op with everything decided that can be decided before anything runs.

    Attributes:
        name: The task's name: the file name of its first product (`weights.h5`); in a chain of refining ops every link but
            the last is called `<file>@<op>`.
        op: What it does.
        config: The declared slice of the experiment, nested.
        inputs: In the order of `op.needs`, then of `op.files`.
        outputs: In the order of `op.makes`.
        digest: SHA-256 over the op, its slice and the upstream choices; its first 8 digits are in the paths.
        resources: What a run takes: `cores` (at least 1), `memory` in bytes where it is declared, licences by the name of their pool.
        said: Names of those resources that are the user's word (`resources.stages`): nothing measured takes their place.
    """

    name: str
    op: Op
    config: Mapping[str, Any]
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]
    digest: str
    resources: Mapping[str, int] = field(default_factory=lambda: {"cores": 1}, compare=False)
    said: tuple[str, ...] = field(default=(), compare=False)
