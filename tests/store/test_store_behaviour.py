"""What is rebuilt and what is not, situation by situation: the table on which build tools differ, as law."""

import os
import time
from pathlib import Path

import pytest
from store_project import Project, first, second, stage

from net2bit.errors import StageError
from net2bit.graph.kind import Op, Tool
from net2bit.graph.reasons import CodeChanged, ConfigChanged, InputMissing, NeverBuilt, OpChanged, TargetDamaged, TargetMissing, ToolChanged


def test_nothing_changed_nothing_runs(project: Project) -> None:
    """The second build of an unchanged tree runs nothing."""
    assert project.how(first(), second()) == ["ran", "ran"]
    assert project.how(first(), second()) == ["fresh", "fresh"]


def test_touch_only(project: Project) -> None:
    """A source whose time changed and whose content did not makes nothing stale."""
    project.build(first(), second())
    os.utime(project.path("src.txt"))
    assert project.how(first(), second()) == ["fresh", "fresh"]


def test_a_touched_file_is_hashed_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a touch the new stat is remembered: the next checks read no content (doit hashes it for ever)."""
    project.build(first(), second())
    os.utime(project.path("src.txt"), (1, 1))
    time.sleep(0.05)
    assert project.how(first()) == ["fresh"]
    monkeypatch.setattr("net2bit.graph.fingerprint.sha256", lambda _path: pytest.fail("a file was read"))
    assert project.how(first(), second()) == ["fresh", "fresh"]


def test_comment_change_is_cut_off_early(project: Project) -> None:
    """A change that leaves the middle file as it was runs the first stage and not the second."""
    project.build(first(), second())
    project.path("src.txt").write_text("# another comment\none\ntwo\n")
    assert project.how(first(), second()) == ["ran", "fresh"]


def test_content_change_runs_everything_behind(project: Project) -> None:
    """A change of content runs what depends on it."""
    project.build(first(), second())
    project.path("src.txt").write_text("three\n")
    assert project.how(first(), second()) == ["ran", "ran"]
    assert project.path("final.txt").read_text() == "three\nA\n"


def test_config_there_and_back_is_restored(cached: Project) -> None:
    """A -> B -> A in one place: going back takes the earlier result and runs nothing."""
    cached.build(first(), second("A"))
    assert cached.how(first(), second("B")) == ["fresh", "ran"]
    assert cached.how(first(), second("A")) == ["fresh", "restored"]
    assert cached.path("final.txt").read_text() == "one\ntwo\nA\n"
    assert cached.how(first(), second("A")) == ["fresh", "fresh"]


def test_config_reason_names_key_and_values(project: Project) -> None:
    """The reason of a changed configuration is its key, the old and the new value."""
    project.build(first(), second("A"))
    with project.store() as store:
        assert store.check(second("B")).reasons == (ConfigChanged("second.word", "A", "B"),)
    assert project.reasons(second("B")) == ["second.word: A -> B"]


@pytest.mark.parametrize(("field", "value"), [("name", "other"), ("run", "stagelib.second:same"), ("version", 2)])
def test_changed_command(project: Project, field: str, value: object) -> None:
    """Another command, function or version of the op is another stage, and the reason says which."""
    project.module("second", (project.root / "stagelib/second.py").read_text() + "\nsame = run\n")
    project.build(first(), second())
    changed = second()
    new = stage(Op(**(vars(changed.op) | {field: value})), config=changed.config, trees=["pages"])
    with project.store() as store:
        reasons = store.check(new).reasons
    assert [reason.field for reason in reasons if isinstance(reason, OpChanged)] == [field]
    assert project.how(new) == ["ran"]


def _program(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    fresh = folder / "synth.new"
    fresh.write_text(f"#!/bin/sh\necho 'synth v{version} (build 77)'\n")
    fresh.chmod(0o755)
    fresh.rename(folder / "synth")


def test_changed_tool_version(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program on PATH that was replaced by another version makes its stages stale, and going back makes them fresh."""
    tool = Tool("synth", command=("synth", "-V"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    _program(tmp_path / "bin", "2020.1")
    project.build(first(tools=(tool,)))
    assert project.how(first(tools=(tool,))) == ["fresh"]
    _program(tmp_path / "bin", "2022.1")
    with project.store() as store:
        assert store.check(first(tools=(tool,))).reasons == (ToolChanged("synth", "2020.1", "2022.1"),)
    assert project.how(first(tools=(tool,))) == ["ran"]


def test_changed_stage_code(project: Project) -> None:
    """A change in a module that the stage imports makes it stale and is named; the other stage stays fresh."""
    project.build(first(), second())
    project.module("words", "def clean(text):\n    return text.upper()\n")
    with project.store() as store:
        assert store.check(first()).reasons == (CodeChanged(("stagelib/words.py",)),)
        assert store.check(second()).fresh
    assert project.how(first(), second()) == ["ran", "ran"]


def test_comment_in_stage_code(project: Project) -> None:
    """A comment, a docstring or a reformatted line in a stage's code does not retrain a network."""
    project.build(first(), second())
    project.module(
        "words", '"""Words."""\n# why\n' + (project.root / "stagelib/words.py").read_text().replace("    return", "\n    return ")
    )
    assert project.how(first(), second()) == ["fresh", "fresh"]


@pytest.mark.parametrize("damage", ["corrupt", "truncate", "empty"])
@pytest.mark.parametrize("name", ["mid.txt", "final.txt"])
def test_damaged_target_is_made_again(project: Project, damage: str, name: str) -> None:
    """A corrupted, truncated or emptied target is noticed and made again, and what lies behind it is not."""
    project.build(first(), second())
    good = project.path(name).read_bytes()
    bad = {"corrupt": b"X" + good[1:], "truncate": good[:-1], "empty": b""}[damage]
    project.path(name).chmod(0o644)
    project.path(name).write_bytes(bad)
    maker = {"mid.txt": first(), "final.txt": second()}[name]
    with project.store() as store:
        assert store.check(maker).reasons == (TargetDamaged(f"build/{name}/{name}"),)
    expected = {"mid.txt": ["ran", "fresh"], "final.txt": ["fresh", "ran"]}[name]
    assert project.how(first(), second()) == expected
    assert project.path(name).read_bytes() == good


def test_damaged_target_is_restored(cached: Project) -> None:
    """With a cache, a damaged target comes from there; the damage of a hard link (same inode) is not handed on."""
    cached.build(first(), second())
    cached.path("final.txt").chmod(0o644)
    cached.path("final.txt").unlink()
    cached.path("final.txt").write_text("mine")
    assert cached.how(first(), second()) == ["fresh", "restored"]
    assert cached.path("final.txt").read_text() == "one\ntwo\nA\n"


def test_missing_middle_target(project: Project) -> None:
    """A missing middle file is made again although the final one is there; the final one stays fresh."""
    project.build(first(), second())
    project.path("mid.txt").unlink()
    with project.store() as store:
        assert store.check(first()).reasons == (TargetMissing("build/mid.txt/mid.txt"),)
        assert store.check(second()).reasons == (InputMissing("build/mid.txt/mid.txt"),)
    assert project.how(first(), second()) == ["ran", "fresh"]


def test_tree_is_watched_as_a_whole(project: Project) -> None:
    """A file added to, changed in or taken from a folder that is one product makes that product damaged."""
    project.build(first(), second())
    page = project.path("pages") / "all" / "0.txt"
    for spoil in (page.unlink, lambda: (page.parent / "new.txt").write_text("x"), lambda: page.with_name("1.txt").unlink()):
        spoil()
        assert project.reasons(second()) == ["build/pages/pages is not what was built (damaged, edited, or of another build)"]
        assert project.how(first(), second()) == ["fresh", "ran"]
        assert sorted(path.name for path in page.parent.iterdir()) == ["0.txt", "1.txt", "2.txt"]


def test_same_mtime_other_content(project: Project) -> None:
    """A file with an old time and new content (rsync -t, tar -x) is seen, also when its size is the same."""
    project.build(first(), second())
    source = project.path("src.txt")
    before = source.stat()
    source.write_text("# a comment\none\nTWO\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.stat().st_size == before.st_size
    assert project.how(first(), second()) == ["ran", "ran"]


def test_edit_while_running(project: Project) -> None:
    """An input edited while its stage runs: that result is thrown away and the stage runs again with what lies there now."""
    events: list[str] = []

    def edit(event: dict[str, object]) -> None:
        events.append(str(event["event"]))
        if event["event"] == "progress" and events.count("progress") == 1:
            project.path("src.txt").write_text("edited\n")

    assert project.build(first(), watch=edit)[0].how == "ran"
    assert events.count("start") == 2
    assert "again" in events
    assert project.path("mid.txt").read_text() == "edited\n"
    assert project.how(first()) == ["fresh"]


def test_edit_of_code_while_running(project: Project) -> None:
    """The stage's code edited while it runs counts like an input: nobody knows which of the two ran."""
    events: list[str] = []

    def edit(event: dict[str, object]) -> None:
        events.append(str(event["event"]))
        if event["event"] == "progress" and events.count("progress") == 1:
            project.module("words", "def clean(text):\n    return text.upper()\n")

    project.build(first(), watch=edit)
    assert events.count("start") == 2
    assert project.path("mid.txt").read_text() == "# A COMMENT\nONE\nTWO\n"


def test_edit_in_every_run_gives_up(project: Project) -> None:
    """An input that changes in every run ends in a clear error and leaves no target, not in an endless loop."""
    numbers = iter(range(100))

    def edit(event: dict[str, object]) -> None:
        if event["event"] == "progress":
            project.path("src.txt").write_text(f"edit {next(numbers)}\n")

    with pytest.raises(StageError, match="edited while it runs"):
        project.build(first(), watch=edit)
    assert not project.path("mid.txt").exists()
    assert project.leftovers() == []


def test_touch_while_running_is_no_edit(project: Project) -> None:
    """An input that is only touched while its stage runs costs a hash and no second run."""
    events: list[str] = []

    def touch(event: dict[str, object]) -> None:
        events.append(str(event["event"]))
        if event["event"] == "progress":
            os.utime(project.path("src.txt"), (5, 5))

    project.build(first(), watch=touch)
    assert events.count("start") == 1


def test_never_built(project: Project) -> None:
    """Before the first build the reason is that there was none."""
    with project.store() as store:
        assert store.check(first()).reasons == (NeverBuilt(),)


def test_unrelated_files_do_not_matter(project: Project) -> None:
    """A module that the stage does not import, or a file it does not declare, makes nothing stale (law 2)."""
    project.build(first(), second())
    project.module("other", "x = 1\n")
    (project.root / "notes.txt").write_text("x")
    assert project.how(first(), second()) == ["fresh", "fresh"]


def test_force_runs_in_any_case(cached: Project) -> None:
    """A forced stage runs although it is up to date and in the cache."""
    cached.build(first())
    assert cached.build(first(), force=True)[0].how == "ran"


def test_missing_input_is_an_error_that_names_it(project: Project) -> None:
    """Building a stage whose input is not there names the file and its maker, without running anything."""
    with pytest.raises(StageError, match=r"needs mid.txt, which is not there"):
        project.build(second())


def test_targets_are_read_only(project: Project) -> None:
    """Products are sealed: an editor or a tool that writes in place is refused (for everyone but root)."""
    project.build(first(), second())
    for name in ("mid.txt", "final.txt", "pages/all/0.txt"):
        path = project.root / "build" / name.split("/")[0] / name
        assert path.stat().st_mode & 0o777 == 0o444


def test_two_clean_builds_give_the_same_bytes(project: Project, tmp_path: Path) -> None:
    """Law 1 at the store's level: digests in the records of two clean trees are the same."""
    other = Project(tmp_path / "other")
    other.root.mkdir()
    other.make()
    digests = []
    for one in (project, other):
        one.build(first(), second())
        with one.store() as store:
            manifest = store.manifest(second())
        assert manifest
        digests.append({kind: out["digest"] for kind, out in manifest["outputs"].items()})
        assert [built.key for built in one.build(first(), second())] == [built.key for built in project.build(first(), second())]
    assert digests[0] == digests[1]
