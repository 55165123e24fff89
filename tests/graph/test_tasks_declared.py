"""The project's declarations against the code they name: what a declaration leaves out, a stage key cannot hold."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from declared import PROJECT, declarations

from net2bit.graph.code import Code
from net2bit.graph.kind import Op
from net2bit.graph.records import Records

OPS = {f"{chain}:{op.name}".lstrip(":"): op for chain, ops in declarations().chains.items() for op in ops if op.run}
DISTRIBUTIONS = packages_distributions()


def test_kinds_are_made_by_someone() -> None:
    """No kind is declared that no op makes."""
    made = {kind for ops in declarations().chains.values() for op in ops for kind in op.makes}
    assert made == set(declarations().kinds)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_what_an_op_runs_is_there(op: Op) -> None:
    """`run` names a function of one argument, the job. It is read, not imported: frameworks take seconds."""
    module, _, name = op.run.partition(":")
    tree = ast.parse((PROJECT / f"{module.replace('.', '/')}.py").read_bytes())
    found = [item for item in tree.body if isinstance(item, ast.FunctionDef) and item.name == name]
    assert [len(item.args.args) for item in found] == [1]


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_packages_that_a_stage_imports_are_declared(op: Op, tmp_path: Path) -> None:
    """Every package outside the standard library that a stage's code imports is among its tools, so that its version counts.

    A namespace such as `google` is of several distributions, where they are installed; one of them has to be declared.
    """
    code = Code(PROJECT, Records(tmp_path / "records.db", pytest.fail))
    files = [PROJECT / file for file in code.digest(op.run).files if file.endswith(".py")]
    packages = {name for file in files for name in _imports(file)} - set(sys.stdlib_module_names) - {"net2bit"}
    declared = {name for tool in op.tools for name in tool.dists}
    assert [package for package in packages if not declared & {name.replace("_", "-").lower() for name in DISTRIBUTIONS[package]}] == []


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_every_op_says_how_much_memory_it_takes(op: Op) -> None:
    """From its first run on, a build with many workers knows what fits, and a cluster what to keep free."""
    memory = op.resources["memory"]
    assert isinstance(memory, int)
    assert 10**7 < memory < 10**10


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.uses], ids=lambda op: op.name)
def test_templates_are_declared_whole(op: Op) -> None:
    """An op that uses a folder of templates names every file in it."""
    folders = {(PROJECT / file).parent for file in op.uses}
    assert {PROJECT / file for file in op.uses} == {file for folder in folders for file in folder.iterdir()}


def _imports(file: Path) -> Iterator[str]:
    """Yield the top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]
