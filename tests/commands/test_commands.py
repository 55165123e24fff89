"""The commands as a user meets them: real processes in a real tree."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from processes import ROOT
from small_project import Project

from net2bit.errors import StoreError
from net2bit.graph.commands import clean


def test_build_then_nothing(built: Project) -> None:
    """A second build does nothing and names every stage as up to date."""
    again = built.run()
    assert again.stdout.splitlines() == ["-- first.txt", "-- second.txt", "-- third.txt", "3 up to date"]


def test_why_names_the_config_key_first(built: Project) -> None:
    """`why` names the one configuration key that changed, old and new, then the chain it dirties."""
    said = built.run("why", "third.txt", "dataset.synth.seed=8").stdout.splitlines()
    assert said[0].startswith("first.txt: dataset.synth.seed: ")
    assert said[0].endswith("-> 8")
    assert said[1].strip() == "first.txt → second.txt → third.txt"


def test_why_of_something_up_to_date(built: Project) -> None:
    """`why` says so when there is no reason."""
    assert built.run("why", "second.txt").stdout == "second.txt is up to date\n"


def test_why_explains_a_damaged_target(built: Project) -> None:
    """A target edited by hand is named as damaged, and rebuilt to what it was."""
    target = built.file("second.txt")
    before = target.read_text(encoding="utf-8")
    target.chmod(0o644)
    target.write_text("edited", encoding="utf-8")
    assert "is not what was built" in built.run("why", "second.txt").stdout
    assert built.run().returncode == 0
    assert target.read_text(encoding="utf-8") == before


def test_status_is_transitive(built: Project) -> None:
    """`status` shows that stages behind a stale one may follow, where doit's own would call them up to date."""
    said = built.run("status", "dataset.synth.seed=8").stdout.splitlines()
    assert [line.split()[0] for line in said[:3]] == ["runs", "follows", "follows"]
    assert said[-1].startswith("0 of 3 stages")


def test_dry_run_runs_nothing(built: Project) -> None:
    """`--dry-run` names what would run with a predicted time, and leaves the tree alone."""
    said = built.run("--dry-run", "dataset.synth.seed=8").stdout
    assert re.search(r"runs +first\.txt +dataset\.synth\.seed: .*-> 8 .*about", said)
    assert len(list(built.folder.glob("build/first.txt/*"))) == 1
    assert built.run("--dry-run").stdout == "nothing to do: 3 stages are up to date\n"


def test_clean_then_the_cache_restores(built: Project) -> None:
    """After `clean` nothing of the experiment lies in build/ or dist/, and the next build runs no stage."""
    built.run("clean")
    assert not list(built.folder.glob("build/*.txt"))
    assert not list(built.folder.glob("dist/*"))
    again = built.run()
    assert "3 from cache" in again.stdout


def test_clean_dry_run_removes_nothing(built: Project) -> None:
    """`clean --dry-run` only says what it would do."""
    said = built.run("clean", "--dry-run", "third.txt").stdout
    assert said.startswith("would remove build/third.txt/")
    assert built.file("third.txt").exists()


def test_clean_says_removed_of_what_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that the disk keeps is not called removed."""

    def refused(path: Path, top: Path) -> None:
        raise StoreError("cannot remove it", where=f"{path} below {top}")

    monkeypatch.setattr(clean, "remove", refused)
    (tmp_path / "kept").touch()
    out = io.StringIO()
    command: Any = SimpleNamespace(store=SimpleNamespace(root=tmp_path), refuse_running=lambda _: None, outstream=out, dry=False)
    command.chosen = lambda _: [tmp_path / "kept"]
    with pytest.raises(StoreError):
        clean.Clean.answer(command, [])
    assert not out.getvalue()


def test_failure_shows_message_and_no_traceback(project: Project) -> None:
    """A failing stage shows what, where and the remedy; what was finished before stays finished."""
    failed = project.run("verify.max_drop=0.5")
    assert failed.returncode == 1
    assert "third.txt failed: the drop is too large" in failed.stderr
    assert "where: layer conv2d_3" in failed.stderr
    assert "remedy: calibrate with more images" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "2 up to date" in project.run("verify.max_drop=0.5").stdout


def test_targets_by_any_name(project: Project) -> None:
    """A target may be named by its op as well as by its file; a near miss is suggested."""
    assert project.run("second").returncode == 0
    assert project.file("second.txt").exists()
    missed = project.run("thrid.txt")
    assert missed.returncode == 3
    assert "did you mean: third.txt" in missed.stderr


def test_always_runs_again(built: Project) -> None:
    """`-a` runs what is up to date."""
    assert "ran" in built.run("-a", "first.txt").stdout


@pytest.mark.parametrize("command", ["status", "why", "doctor", "list"])
def test_commands_do_not_fail_on_a_closed_pipe(built: Project, command: str) -> None:
    """`doit status | head` ends quietly."""
    done = built.run(command)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_doctor_names_a_missing_tool(project: Project) -> None:
    """`doctor` names a tool that the plan needs and the machine lacks, who needs it, and the remedy; it exits with 1."""
    path = project.folder / "tasks/toolchains/chain.py"
    text = path.read_text(encoding="utf-8").replace("import Kind, Op", "import Kind, Op, Tool")
    text = text.replace(
        'run="chain:second"', 'run="chain:second", tools=(Tool("no-such-vivado", command=("no-such-vivado",), remedy="install it"),)'
    )
    path.write_text(text, encoding="utf-8")
    said = project.run("doctor")
    assert said.returncode == 1
    assert re.search(r"!! +no-such-vivado +missing; needed by second\n +install it", said.stdout)


def test_help_shows_the_commands(project: Project) -> None:
    """`doit help` lists net2bit's commands beside doit's."""
    said = project.run("help").stdout
    for command in ("why", "status", "doctor", "clean"):
        assert re.search(rf"\b{command}\b", said)


def test_misspelt_command_is_suggested(project: Project) -> None:
    """A word that is neither target nor command is answered with the command that was meant."""
    assert "did you mean: the command status" in project.run("statu").stderr


def test_misspelt_value_is_suggested(project: Project) -> None:
    """A value that is none of a listed set is answered with the nearest of them."""
    assert "did you mean: dpu.size=b2304" in project.run("dpu.size=B2304").stderr


def test_plain_doit_knows_the_commands(built: Project) -> None:
    """Plain `doit` in the project's folder has the same commands, through its own plug-ins."""
    shutil.copy(ROOT / "pyproject.toml", built.folder)
    for words, said in ((["why", "third.txt"], "third.txt is up to date"), (["--dry-run"], "nothing to do"), (["status"], "3 of 3 stages")):
        command = [sys.executable, "-m", "doit", *words]
        done = subprocess.run(command, cwd=built.folder, env=built.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
