"""What a Python file says, apart from how it looks: its digest without comments, docstrings and layout, and what it imports."""

import ast
import hashlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from net2bit.errors import StoreError

_PARSING: Final = threading.Lock()
"""Two threads that make syntax trees at once can fail with a SystemError up to Python 3.12 (python/cpython#106905)."""


def read(path: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Return (digest, imported modules) of a Python file; *name* is its path relative to the root of its package.

    Imports count wherever they stand, also within functions. Every parent package of an imported module counts too, since
    importing a module runs them.

    Raises:
        StoreError: It is not Python.
    """
    try:
        content = Path(path).read_bytes()
        with _PARSING:
            tree = ast.parse(content, path)
    except (SyntaxError, ValueError) as fault:
        raise StoreError(f"not valid Python: {fault}", where=path) from fault
    imports = sorted(_with_parents(_imports(tree, _package(name))))
    _drop_docstrings(tree)
    text = f"{sys.version_info[:2]}\n{ast.dump(tree)}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), tuple(imports)


def _package(name: str) -> list[str]:
    return name.split("/")[:-1]


def _with_parents(modules: Iterator[str]) -> set[str]:
    found: set[str] = set()
    for module in modules:
        parts = module.split(".")
        found.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return found


def _imports(tree: ast.Module, package: list[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package)
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _from(node: ast.ImportFrom, package: list[str]) -> Iterator[str]:
    above = package[: len(package) - node.level + 1] if node.level else []
    module = ".".join([*above, *([node.module] if node.module else [])])
    if module:
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names if alias.name != "*")


def _called(node: ast.Call) -> Iterator[str]:
    """Find `import_module("a.b")` with a plain string."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in {"import_module", "__import__"} and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
            yield first.value


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
