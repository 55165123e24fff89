"""Options of ./doitw: where they may stand, and what is said of those that do not hold."""

import pytest
from small_project import Project

from net2bit import __version__

MISTAKES = [
    (["--dryrun"], "there is no option --dryrun", "did you mean: --dry-run", "run"),
    (["second.txt", "--dry-rnu"], "there is no option --dry-rnu", "did you mean: --dry-run", "run"),
    (["--con", "--f"], "there is no option --f", "did you mean: --file, --failure-verbosity", "run"),
    (["-z"], "there is no option -z", "", "run"),
    (["-n"], "-n needs a value", "", "run"),
    (["-nx"], "-n takes a number, not 'x'", "", "run"),
    (["--process", "two"], "--process takes a number, not 'two'", "", "run"),
    (["--dry-run=1"], "--dry-run takes no value", "", "run"),
    (["cache", "push", "--jsno"], "there is no option --jsno", "did you mean: --json", "cache"),
    (["compare", "a", "b", "--html"], "--html needs a value", "", "compare"),
    (["list", "--quite"], "there is no option --quite", "did you mean: --quiet", "list"),
]


@pytest.mark.parametrize(("words", "told", "meant", "command"), MISTAKES, ids=[" ".join(words) for words, *_ in MISTAKES])
def test_a_mistaken_option_is_told(project: Project, words: list[str], told: str, meant: str, command: str) -> None:
    """One short error with the near miss and where all options are listed, for doit's own commands, too."""
    done = project.run(*words)
    assert (done.returncode, done.stdout) == (3, "")
    lines = done.stderr.splitlines()
    assert lines[0] == f"ERROR: {told}"
    assert lines[1:-1] == ["  where: the command line", *([f"  {meant}"] if meant else [])]
    assert lines[-1] == f"  remedy: ./doitw {command} --help shows all options"


def test_an_option_of_sweeps_leads_to_the_sweep(project: Project) -> None:
    """Who asks ./doitw for a multirun is told the command that makes one."""
    done = project.run("-m", "dpu=b512,b800")
    assert done.returncode == 3
    assert "./doitw sweep -m" in done.stderr


def test_options_stand_anywhere(built: Project) -> None:
    """An option behind a target is one all the same."""
    assert built.run("second.txt", "--dry-run", "dataset.synth.seed=8").stdout.startswith("runs ")
    assert built.run("cache", "keys", "--hash", "second.txt").stdout == built.run("cache", "--hash", "keys", "second.txt").stdout


def test_a_value_may_be_empty(built: Project) -> None:
    """An option with nothing as its value is one that is not given: scripts pass on what they were given."""
    assert built.run("cache", "keys", "--stage=", "--hash").stdout == built.run("cache", "keys", "--hash").stdout != ""


def test_help_of_run(project: Project) -> None:
    """The options that a plain build takes are shown, under the name that the user calls."""
    said = project.run("run", "--help").stdout
    assert "./doitw run [key=value ...]" in said
    assert "--dry-run" in said


def test_version(project: Project) -> None:
    """--version names net2bit first, then doit, and needs no experiment that holds."""
    (project.folder / "dodo.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    done = project.run("--version")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"net2bit {__version__}"
    assert done.stdout.splitlines()[1].startswith("doit ")
