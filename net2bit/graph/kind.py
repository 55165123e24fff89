"""Kinds (types of file) and operations (ways to make them): frozen declarations that run nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """A type of file.

    Attributes:
        name: The name that ops, jobs and people use: `weights.h5`, `int.xmodel`.
        title: One line of documentation.
        tree: Whether the artifact is a folder with all that is in it.
        file: Pattern of the file's name where it is not simply `name`: in `{model.name}_int.xmodel`, `{model.name}` is
            replaced by the experiment's value of that key.
    """

    name: str
    title: str
    tree: bool = False
    file: str = ""

    @property
    def pattern(self) -> str:
        """The pattern of the file's name."""
        return self.file or self.name


@dataclass(frozen=True)
class Tool:
    """A program or package whose found version is part of every key of the ops that use it.

    Attributes:
        name: The name shown to people.
        dists: Python distributions, the first one installed counts.
        command: For a program: the words that print its version.
        pattern: A regular expression whose first group is the version in that output.
        remedy: What to do when it is missing.
    """

    name: str
    dists: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    pattern: str = r"(\d+(?:\.\d+)+)"
    remedy: str = ""


@dataclass(frozen=True)
class Op:
    """A way to make files of some kinds from files of others.

    Kinds are given by name, so that no declaration has to import another; the registry checks the names.

    Attributes:
        name: The verb: `train`, `freeze`. Unique within the planned set.
        title: One line of documentation.
        needs: Names of the kinds it takes. An op that needs and makes the same kind is *refining*.
        makes: Names of the kinds it gives; the first names its task.
        run: `"module:function"` of the heavy side, or empty for a source (see `source`).
        reads: Config keys (dotted; a group name takes the whole group) it may see: exactly these are in its key.
        files: Config keys whose value, unless null, is the path of a file or folder outside the build tree: hashed as an input,
            handed over as `job.inputs[<config key>]`.
        source: For an op that runs nothing: the config key that holds the path of its only product, made by the user.
        tools: Tools whose found version counts.
        uses: Files of the project, besides its Python code, that decide the result (templates).
        only: Config key -> values for which the op exists; it is left out otherwise. `None` in place of a tuple means "any but null".
        label: Pattern of its folder's name for people, `{model.architecture}-w{model.width}`; the op's name by default.
        order: For a refining op: its place among the ops that refine the same kind, the lowest first.
        resumes: Whether it keeps checkpoints in its scratch folder, which then outlives a killed run.
        resources: What a run takes: `cores`, `memory` (bytes), and any number of things of which there is a fixed stock, such as
            `vivado` licences. A text names the config key that holds the number. It decides when a stage runs and never its key.
        version: Raised by hand when the result changes and nothing else shows it.
    """

    name: str
    title: str
    makes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    run: str = ""
    reads: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    source: str = ""
    tools: tuple[Tool, ...] = ()
    uses: tuple[str, ...] = ()
    only: Mapping[str, tuple[object, ...] | None] = field(default_factory=dict)
    label: str = ""
    order: int = 0
    resumes: bool = False
    resources: Mapping[str, int | str] = field(default_factory=dict)
    version: int = 1

    @property
    def refining(self) -> bool:
        """Whether the op needs a kind that it also makes."""
        return bool(set(self.needs) & set(self.makes))
