"""Declarations are found by listing folders, and checked against each other."""

from pathlib import Path

import pytest
from declared import PROJECT, declarations, module, op

from net2bit.errors import PlanError
from net2bit.graph.kind import Kind
from net2bit.graph.registry import collect, load


def test_every_file_of_the_project_is_found() -> None:
    """The registry holds the ops of each file of tasks/stages and each toolchain of tasks/toolchains."""
    known = declarations()
    stems = {path.stem for path in (PROJECT / "tasks" / "toolchains").glob("[!_]*.py")}
    assert set(known.toolchains) == stems
    files = {Path(file).stem for name, file in known.files.items() if name.startswith(("op ", "kind "))}
    assert files >= {path.stem for path in (PROJECT / "tasks" / "stages").glob("[!_]*.py")}


def test_every_op_and_kind_says_what_it_is() -> None:
    """Titles are what `doit list` shows, so each kind and op has one, without a full stop."""
    known = declarations()
    titles = [kind.title for kind in known.kinds.values()] + [item.title for ops in known.chains.values() for item in ops]
    assert all(title and not title.endswith(".") for title in titles)
    assert all(known.titles.values())


def test_an_op_that_runs_names_a_function() -> None:
    """Every op either names `module:function` or is the user's own file."""
    for ops in declarations().chains.values():
        for item in ops:
            assert bool(item.source) != bool(item.run.partition(":")[2])


def test_a_kind_declared_twice_names_both_files() -> None:
    """Two files that introduce one kind are an error naming both."""
    kind = Kind("a", "A")
    with pytest.raises(PlanError, match="kind a is declared twice") as caught:
        collect([module("stages.one", (), [kind]), module("stages.two", (), [kind])])
    assert caught.value.where == "stages/one.py and stages/two.py"


def test_an_op_declared_twice_names_both_files() -> None:
    """Two shared ops of one name are an error naming both files."""
    kind = Kind("a", "A")
    with pytest.raises(PlanError, match="op make is declared twice") as caught:
        collect([module("stages.one", [op("make", "a")], [kind]), module("stages.two", [op("make", "a")])])
    assert caught.value.where == "stages/one.py and stages/two.py"


def test_a_toolchain_cannot_hide_a_shared_op() -> None:
    """An op of a toolchain with the name of a shared one is an error naming both files."""
    kind = Kind("a", "A")
    with pytest.raises(PlanError, match="op make of toolchain mine is also a shared op") as caught:
        collect([module("stages.one", [op("make", "a")], [kind]), module("toolchains.mine", [op("make", "a")])])
    assert caught.value.where == "stages/one.py and toolchains/mine.py"


def test_two_toolchains_may_have_ops_of_one_name() -> None:
    """Each toolchain has its own quantizer, and may call it so."""
    parts = [
        module("stages.one", (), [Kind("a", "A")]),
        module("toolchains.x", [op("make", "a")]),
        module("toolchains.y", [op("make", "a")]),
    ]
    known = collect(parts)
    assert known.file_of("make", "x") == "toolchains/x.py"
    assert known.file_of("make", "y") == "toolchains/y.py"
    assert [item.name for item in known.ops("x")] == ["make"]


def test_an_unknown_kind_gets_a_suggestion() -> None:
    """An op that names a kind which no file declares is an error with the nearest one."""
    with pytest.raises(PlanError, match=r"op make names the kind 'weight\.h5'") as caught:
        collect([module("stages.one", [op("make", "a", "weight.h5")], [Kind("a", "A"), Kind("weights.h5", "W")])])
    assert (caught.value.where, caught.value.suggestion) == ("stages/one.py", "weights.h5")


def test_a_users_folder_is_listed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages and toolchains in the folders of NET2BIT_TASKS are there beside the project's."""
    for part, text in {"stages/extra.py": "", "toolchains/mine.py": 'TITLE = "Mine"\n'}.items():
        (tmp_path / part).parent.mkdir()
        (tmp_path / part).write_text(f"{text}OPS = ()\n")
    monkeypatch.setenv("NET2BIT_TASKS", str(tmp_path))
    known = load(PROJECT)
    assert set(known.toolchains) == {"open", "mine"}
    assert known.titles["mine"] == "Mine"


def test_a_users_folder_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt folder is an error that names the variable."""
    monkeypatch.setenv("NET2BIT_TASKS", str(tmp_path / "nowhere"))
    with pytest.raises(PlanError) as caught:
        load(PROJECT)
    assert caught.value.remedy == "correct NET2BIT_TASKS"
