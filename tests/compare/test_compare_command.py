"""`./doitw compare` as a user meets it: real processes, a real tree."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from compare_project import Compared
from page_reader import Page

SEVEN, EIGHT = "dataset.synth.seed=7", "dataset.synth.seed=8"


def test_root_cause_first(compared: Compared) -> None:
    """The key that differs is named first with old and new value and the stage that reads it, then what differs behind it."""
    lines = compared.compare(SEVEN, EIGHT).stdout.splitlines()
    assert lines[:2] == [f"a  {SEVEN}", f"b  {EIGHT}"]
    assert lines[3] == "Where the difference begins (a -> b)"
    assert lines[4].split() == ["dataset.synth.seed:", "7", "->", "8", "in", "first.txt"]
    assert lines[5] == "  behind them also differ: second.txt, third.txt"


def test_machine_readable(compared: Compared) -> None:
    """`--json` has the configuration, figures with differences, causes, stages and artifacts with sizes."""
    found = compared.data(SEVEN, EIGHT)
    assert found["config"] == [{"key": "dataset.synth.seed", "a": 7, "b": 8}]
    figures = {one["name"]: one for one in found["metrics"]}
    assert (figures["first.seed"]["a"], figures["first.seed"]["b"], figures["first.seed"]["difference"]) == (1, 0, -1)
    assert figures["first.letters"]["verdict"] == "equal"
    assert [one["op"] for one in found["causes"]] == ["first"]
    assert {one["stage"]: one["behind"] for one in found["stages"]} == {"first.txt": [], "second.txt": ["first"], "third.txt": ["second"]}
    assert next((one["kind"], one["state"], one["sizes"]) for one in found["artifacts"]) == ("first.txt", "different", [6, 6])


def test_the_build_before(compared: Compared) -> None:
    """`default~1` is the build before the last of that name, `default` the last."""
    found = compared.data("default~1", "default")
    assert found["config"] == [{"key": "dataset.synth.seed", "a": 7, "b": 8}]
    assert found["a"]["overrides"] == [SEVEN]
    assert {one["name"] for one in found["metrics"]} == {"first.letters", "first.seed"}


def test_equal_experiments(compared: Compared) -> None:
    """Two names of one build are equal in everything; the exit status is 0 all the same."""
    done = compared.compare("default", EIGHT)
    assert done.returncode == 0
    assert "every artifact was made by the same runs" in done.stdout
    assert "Configuration: equal" in done.stdout
    assert "Figures: 0 of 2 differ" in done.stdout
    assert "Artifacts: 3 same" in done.stdout


def test_same_bytes_by_another_run(compared: Compared) -> None:
    """Two runs that made the same bytes are told apart from one run: the cause is named, and nothing behind it differs."""
    assert compared.run("dataset.synth.seed=10").returncode == 0
    said = compared.compare(EIGHT, "dataset.synth.seed=10").stdout
    assert "dataset.synth.seed: 8 -> 10  in first.txt" in said
    assert "behind" not in said
    assert "made by different runs, and the same: first.txt" in said


def test_everything(compared: Compared) -> None:
    """`--all` shows what is equal, too, wherever among the words it stands."""
    said = compared.compare(SEVEN, EIGHT, "--all").stdout
    assert "first.letters" in said
    assert "first.letters" not in compared.compare(SEVEN, EIGHT).stdout


def test_common_words_before_the_command(compared: Compared) -> None:
    """Words before the command hold for both sides, `.` is those alone, and a quoted side may have several."""
    done = compared.run(SEVEN, "compare", ".", f"{EIGHT} name=default")
    assert done.returncode == 0, done.stderr
    assert "dataset.synth.seed: 7 -> 8" in done.stdout


def test_page(compared: Compared, tmp_path: Path) -> None:
    """`--html` writes one balanced page that fetches nothing and says the same."""
    assert compared.compare(SEVEN, EIGHT, "--html", str(tmp_path / "pair.html")).returncode == 0
    page = Page((tmp_path / "pair.html").read_text())
    assert not page.unbalanced
    assert not page.links
    assert "dataset.synth.seed: 7 -> 8" in page.text
    assert "0 of 3 have the same bytes" in page.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("defualt", EIGHT), "nothing that was built is called 'defualt'\n  did you mean: default\n  remedy: there are: default, quick;"),
        ((EIGHT,), "compare takes two experiments, not 1"),
        ((SEVEN, EIGHT, EIGHT), "compare takes two experiments, not 3"),
        (
            ("dataset.synth.seed=99", EIGHT),
            "'dataset.synth.seed=99' is not built: 3 of its 3 stages are missing: first.txt, second.txt, third.txt",
        ),
        (("dataset.synth.sead=9", EIGHT), "did you mean: dataset.synth.seed"),
        (("default~99", EIGHT), "goes back too far"),
        (("default~x", EIGHT), "behind ~ stands how many builds to go back"),
        (("none/3", EIGHT), "there is no sweep 'none'"),
        (("dataset.synth.seed='7", EIGHT), "cannot be read as overrides"),
        (("dataset.synth.seed=7,8", EIGHT), "gives more than one value"),
        (("", ""), "compare takes two experiments, not 0"),
    ],
)
def test_mistakes_are_messages(compared: Compared, words: tuple[str, ...], said: str) -> None:
    """Each mistake ends with status 3, says what is wrong and what to do, and shows no traceback."""
    done = compared.compare(*words)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_not_built_says_how_to_build_it(compared: Compared) -> None:
    """The remedy for a side that is not built is a command that builds it, ready for the shell."""
    done = compared.compare("name='my test' dataset.synth.seed=7", EIGHT)
    assert done.returncode == 3
    missing = compared.compare("verify.max_drop=0.7", EIGHT)
    assert "2 of its 3" not in missing.stderr
    assert "remedy: build it: ./doitw verify.max_drop=0.7" in missing.stderr


def test_null_build_after_a_comparison(compared: Compared) -> None:
    """A comparison changes nothing: the next build has nothing to do."""
    compared.compare(SEVEN, EIGHT)
    assert "up to date" in compared.run(EIGHT).stdout


@pytest.fixture
def own(compared: Compared, tmp_path: Path) -> Compared:
    """Return a copy of the project that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(compared.folder, folder, symlinks=True)
    project = object.__new__(Compared)
    project.folder = folder
    return project


def test_plain_doit_says_to_use_doitw(own: Compared) -> None:
    """Under plain doit, which swallows key=value words before any command sees them, the message says what to do."""
    (own.folder / "doit.cfg").write_text("[COMMAND]\ncompare = net2bit.sweep.command:Compare\n")
    command = [sys.executable, "-m", "doit", "compare", SEVEN, EIGHT]
    done = subprocess.run(command, cwd=own.folder, env=own.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "doit takes key=value words for its own: use ./doitw" in done.stderr


def test_code_that_changed_is_the_cause(own: Compared) -> None:
    """After an edit of a stage's code, the build before is still known by its records, and the code is named as the cause."""
    code = own.folder / "chain.py"
    code.write_text(code.read_text().replace(".upper()", ".title()"))
    assert own.run(EIGHT).returncode == 0
    found = own.data("default~1", "default")
    assert not found["config"]
    assert [one["stage"] for one in found["causes"] if "code changed: chain.py" in one["reasons"]]
    assert {one["kind"]: one["state"] for one in found["artifacts"]}["second.txt"] == "different"


def test_records_that_are_gone(own: Compared) -> None:
    """An earlier build whose records were removed is a message that says to build again."""
    shutil.rmtree(own.folder / "build")
    for path in (own.folder / ".net2bit").glob("store.db*"):
        path.unlink()
    done = own.compare("default~1", "default")
    assert done.returncode == 3
    assert "the records no longer know 3 stages of default~1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_memory_is_no_memory(own: Compared) -> None:
    """A damaged file of earlier builds is as good as none, and the next whole build writes it again."""
    path = own.folder / ".net2bit" / "experiments" / "default.json"
    path.write_text("{")
    assert own.run("-a", EIGHT).returncode == 0
    assert own.compare("default", EIGHT).returncode == 0
    assert "one build is known" in own.compare("default~1", EIGHT).stderr


POINT = '{"label": "a", "number": 0, "status": "done", "config": {"dpu": 3}}'


@pytest.mark.parametrize("text", ["{", "[]", '{"points": [7]}', f'{{"points": [{POINT}], "configs": {{"dpu": []}}}}'])
def test_a_damaged_sweep_is_a_message(own: Compared, text: str) -> None:
    """A points.json that is not what a sweep writes, wherever it is damaged, is told with its path and the remedy."""
    folder = own.folder / "sweeps" / "x"
    folder.mkdir(parents=True)
    (folder / "points.json").write_text(text)
    done = own.compare("x/a", "x/0")
    assert done.returncode == 3
    assert "it is not what a sweep writes" in done.stderr
    assert "  where: sweeps/x/points.json\n  remedy: run the sweep again\n" in done.stderr
