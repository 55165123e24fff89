"""What can be made: the declarations found by listing the folders `stages/` and `toolchains/`."""

import importlib
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from net2bit.errors import PlanError, near
from net2bit.graph.kind import Kind, Op

ENV = "NET2BIT_TASKS"
"""Environment variable: more folders like `tasks/`, separated as in PATH, for stages and toolchains kept elsewhere, with their code."""

SHARED = ""
"""Stands for the toolchain of the ops that all toolchains have."""


@dataclass
class Registry:
    """All declarations.

    Attributes:
        kinds: Kind name -> kind.
        chains: Toolchain name -> the ops only it provides; under SHARED the ops of all.
        titles: Toolchain name -> one line of documentation.
        files: What a file declares (`kind x`, `toolchain x`, `op x`, `op toolchain:x`) -> the file.
    """

    kinds: dict[str, Kind] = field(default_factory=dict)
    chains: dict[str, tuple[Op, ...]] = field(default_factory=lambda: {SHARED: ()})
    titles: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def toolchains(self) -> Mapping[str, tuple[Op, ...]]:
        """Toolchain name -> the ops only it provides."""
        return {name: ops for name, ops in self.chains.items() if name != SHARED}

    def ops(self, toolchain: str) -> tuple[Op, ...]:
        """Return the ops of *toolchain*, the shared ones first.

        Raises:
            PlanError: No toolchain has that name.
        """
        known = self.toolchains
        if toolchain not in known:
            raise PlanError(
                f"there is no toolchain {toolchain!r}",
                where="toolchain.name",
                suggestion=near(toolchain, known),
                remedy=f"choose one of: {', '.join(sorted(known))}",
            )
        return self.chains[SHARED] + known[toolchain]

    def file_of(self, op: str, toolchain: str = SHARED) -> str:
        """Return the file that declares *op*, shared or of *toolchain*; empty where there is none."""
        return self.files.get(_op_key(op, SHARED)) or self.files.get(_op_key(op, toolchain), "")

    def add(self, module: ModuleType) -> None:
        """Take in the KINDS and OPS of *module*; one in a folder `toolchains` declares the toolchain of its name.

        Raises:
            PlanError: Something in it is declared already.
        """
        *_, folder, name = module.__name__.split(".")
        chain = name if folder == "toolchains" else SHARED
        file = module.__file__ or module.__name__
        if chain:
            self._claim(f"toolchain {chain}", file)
            self.titles[chain] = getattr(module, "TITLE", "")
        for kind in getattr(module, "KINDS", ()):
            self._claim(f"kind {kind.name}", file)
            self.kinds[kind.name] = kind
        for op in module.OPS:
            self._claim(_op_key(op.name, chain), file)
        self.chains[chain] = (*self.chains.get(chain, ()), *module.OPS)

    def check(self) -> None:
        """Check what no single file can know.

        Raises:
            PlanError: An op of a toolchain has the name of a shared op, or an op names a kind that no file declares.
        """
        shared = {op.name for op in self.chains[SHARED]}
        for chain, ops in self.chains.items():
            for op in ops:
                if chain and op.name in shared:
                    files = f"{self.file_of(op.name)} and {self.files[_op_key(op.name, chain)]}"
                    raise PlanError(f"op {op.name} of toolchain {chain} is also a shared op", where=files, remedy="rename one of them")
                self._check_kinds(op, self.file_of(op.name, chain))

    def _check_kinds(self, op: Op, file: str) -> None:
        for kind in (*op.needs, *op.makes):
            if kind not in self.kinds:
                raise PlanError(
                    f"op {op.name} names the kind {kind!r}, which no file declares",
                    where=file,
                    suggestion=near(kind, self.kinds),
                    remedy="declare it in the KINDS of a file in tasks/stages",
                )

    def _claim(self, name: str, file: str) -> None:
        if name in self.files:
            raise PlanError(f"{name} is declared twice", where=f"{self.files[name]} and {file}", remedy="rename one of them, or remove it")
        self.files[name] = file


def load(home: Path) -> Registry:
    """Return the declarations in `home/tasks` and in the folders that NET2BIT_TASKS names.

    Raises:
        PlanError: A declaration is made twice, or names something that does not exist.
    """
    folders = [home / "tasks", *users_folders()]
    return collect(module for folder in folders for module in _modules(folder, own=folder == folders[0]))


def users_folders() -> list[Path]:
    """Return the folders that NET2BIT_TASKS names."""
    return [Path(text).expanduser() for text in os.environ.get(ENV, "").split(os.pathsep) if text]


def collect(modules: Iterable[ModuleType]) -> Registry:
    """Return the checked registry of the declarations in *modules*.

    Raises:
        PlanError: As for `load`.
    """
    registry = Registry()
    for module in modules:
        registry.add(module)
    registry.check()
    return registry


def _op_key(op: str, chain: str) -> str:
    return f"op {chain}:{op}" if chain else f"op {op}"


def _modules(folder: Path, *, own: bool) -> Iterator[ModuleType]:
    """Import the files of *folder*, by name where it is the project's own package, else by path."""
    if not folder.is_dir():
        raise PlanError("this folder of stages and toolchains does not exist", where=str(folder), remedy=f"correct {ENV}")
    for part in ("stages", "toolchains"):
        names = sorted(os.listdir(folder / part)) if (folder / part).is_dir() else []
        for stem in (name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")):
            yield importlib.import_module(f"tasks.{part}.{stem}") if own else _by_path(folder / part / f"{stem}.py")


def _by_path(path: Path) -> ModuleType:
    name = f"{path.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PlanError("this file cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
