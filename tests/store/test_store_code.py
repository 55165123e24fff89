"""The digest of a stage's code: what is in it, and what is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_project import Project, first, op, stage

from net2bit.errors import StoreError
from net2bit.graph.code import Code
from net2bit.graph.records import Records
from net2bit.graph.syntax import read

LOOKS_OTHER = [
    "# a comment\nx = 1\n",
    "x = 1  # a comment\n",
    "\n\nx = 1\n\n",
    '"""A docstring."""\nx = 1\n',
    "x = (\n    1\n)\n",
]
IS_OTHER = ["x = 2\n", "y = 1\n", "x = 1\ny = 1\n", "x = '1'\n", ""]


def _digest(tmp_path: Path, text: str, name: str = "pack/mod.py") -> str:
    path = tmp_path / "text.py"
    path.write_text(text)
    return read(str(path), name)[0]


@pytest.mark.parametrize("text", LOOKS_OTHER)
def test_looks_do_not_count(tmp_path: Path, text: str) -> None:
    """Comments, docstrings, blank lines and layout are not in the digest."""
    assert _digest(tmp_path, text) == _digest(tmp_path, "x = 1\n")


@pytest.mark.parametrize("text", IS_OTHER)
def test_meaning_counts(tmp_path: Path, text: str) -> None:
    """Everything else is."""
    assert _digest(tmp_path, text) != _digest(tmp_path, "x = 1\n")


@given(st.integers(), st.integers())
def test_constants_count(tmp_path_factory: pytest.TempPathFactory, one: int, other: int) -> None:
    """Law: two modules that differ in one constant have different digests exactly when the constants differ."""
    folder = tmp_path_factory.mktemp("code")
    same = _digest(folder, f"def f():\n    return {one}\n") == _digest(folder, f"def f():\n    return {other}\n")
    assert same == (one == other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b", {"a", "a.b"}),
        ("from a import b", {"a", "a.b"}),
        ("from . import b", {"pack", "pack.b"}),
        ("from .b import c", {"pack", "pack.b", "pack.b.c"}),
        ("from ..b import *", {"b"}),
        ("def f():\n    import late", {"late"}),
        ("import importlib\nimportlib.import_module('by.name')", {"importlib", "by", "by.name"}),
        ("import_module(f'by.{name}')", set()),
    ],
)
def test_imports_are_read(tmp_path: Path, text: str, found: set[str]) -> None:
    """Imports count wherever they stand and however they are written, as far as they can be read."""
    path = tmp_path / "text.py"
    path.write_text(text)
    assert set(read(str(path), "pack/mod.py")[1]) == found


def test_not_python_is_an_error(tmp_path: Path) -> None:
    """A module with a syntax error is named."""
    path = tmp_path / "bad.py"
    path.write_text("def (")
    with pytest.raises(StoreError, match="not valid Python"):
        read(str(path), "bad.py")


@pytest.fixture
def code(project: Project) -> Code:
    """The code of the test project."""
    return Code(project.root, Records(project.root / ".net2bit/store.db"))


def test_closure_is_the_projects_own(code: Code) -> None:
    """A stage's code is its module and what it imports of the project: no standard library, no installed package."""
    assert set(code.digest("stagelib.first:run").files) == {"stagelib/__init__.py", "stagelib/first.py", "stagelib/words.py"}


def test_real_stages_do_not_hang_on_errors_module(code: Code) -> None:
    """A new error class must not retrain a network: the modules that carry words and faults are left out."""
    files = code.digest("net2bit.report.gate:run").files
    assert "net2bit/report/gate.py" in files
    assert not {"net2bit/errors.py", "net2bit/__init__.py", "net2bit/run.py"} & set(files)
    assert not any(name.startswith(("net2bit/graph", "tasks", ".venv")) for name in files)


def test_a_module_that_is_not_there(code: Code) -> None:
    """An op that names a module which does not exist is a clear error."""
    with pytest.raises(StoreError, match=r"no module stagelib\.nothing"):
        code.digest("stagelib.nothing:run")


def test_used_files_count(project: Project) -> None:
    """A template that an op uses is part of its code; `{…}` in its path is filled from the configuration."""
    (project.root / "templates").mkdir()
    for name in ("a", "b"):
        (project.root / f"templates/{name}.tcl").write_text(name)
    made = op("first", "stagelib.first:run", ["mid.txt"], ["src.txt"], uses=("templates/{model.name}.tcl",))
    one = stage(made, config={"model": {"name": "a"}})
    project.build(one)
    (project.root / "templates/b.tcl").write_text("other")
    assert project.how(one) == ["fresh"]
    (project.root / "templates/a.tcl").write_text("other")
    assert project.reasons(one) == ["code changed: templates/a.tcl"]


@pytest.mark.parametrize(("path", "message"), [("nothing.tcl", "not there"), ("{model.nam}.tcl", "does not read")])
def test_used_files_that_are_not_there(project: Project, path: str, message: str) -> None:
    """A missing template, and a key in its path that the op does not read, are clear errors."""
    made = op("first", "stagelib.first:run", ["mid.txt"], ["src.txt"], uses=(path,))
    with pytest.raises(StoreError, match=message):
        project.reasons(stage(made, config={"model": {"name": "a"}}))


CHOOSER = """
from importlib import import_module

def run(job):
    net = import_module(f"stagelib.nets.{job.config['model']}")
    job.outputs["mid.txt"].write_text(net.NAME)
"""


def test_code_found_by_the_run(cached: Project) -> None:
    """A module imported by a computed name counts for the stage that imported it, and for no other."""
    for name in ("__init__", "unet", "vgg", "common"):
        cached.module(f"nets/{name}", f"NAME = {name!r}\n")
    cached.module("nets/unet", "from stagelib.nets import common\nNAME = 'unet'\n")
    cached.module("first", CHOOSER)
    unet, vgg = (stage(op("first", "stagelib.first:run", ["mid.txt"], ["src.txt"]), config={"model": name}) for name in ("unet", "vgg"))
    cached.build(unet)
    assert cached.how(unet) == ["fresh"]
    cached.module("nets/vgg", "NAME = 'other'\n")
    cached.module("nets/new", "NAME = 'new'\n")
    assert cached.how(unet) == ["fresh"]
    cached.module("nets/common", "x = 2\n")
    assert cached.reasons(unet) == ["code changed: stagelib/nets/common.py"]
    assert cached.how(unet) == ["ran"]
    cached.module("nets/common", "NAME = 'common'\n")
    assert cached.how(unet) == ["fresh"], "both runs gave the same bytes, so either record holds"
    cached.module("nets/unet", "NAME = 'wide'\n")
    assert cached.how(unet) == ["ran"]
    cached.module("nets/unet", "from stagelib.nets import common\nNAME = 'unet'\n")
    assert cached.how(unet) == ["restored"], "the cache tells results by the code that only a run finds"
    assert cached.how(vgg) == ["ran"]
    assert cached.path("mid.txt").read_text() == "other"


def test_code_is_parsed_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that nobody touched is not parsed again by later processes."""
    import time  # noqa: PLC0415 - next to its only use

    time.sleep(0.05)
    project.reasons(first())
    monkeypatch.setattr("net2bit.graph.syntax.read", lambda *_: pytest.fail("parsed again"))
    project.reasons(first())
