"""The composite action, its shell steps run for real against a stand-in for GitHub's caches."""

import re
from pathlib import Path

import pytest
from ci_github import GitHub, Trigger

pytestmark = pytest.mark.timeout(1800)  # each run starts Python a dozen times, on a machine that may be busy
HARDWARE = {"words": "flow=hardware"}
PULL = Trigger("pull_request", "topic", base="main")
FORK = Trigger("pull_request", "topic", base="main", head="stranger/project")


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    """Return a repository without any run."""
    return GitHub(tmp_path / "github")


def stages(summary: str) -> dict[str, str]:
    """Return stage -> what the summary says of it."""
    return {name.replace("\\", ""): how for name, how in re.findall(r"^\| ([^|]+) \| ([a-z* ]+) \|", summary, re.MULTILINE) if how != "---"}


def test_second_run_in_a_fresh_clone_runs_no_stage(github: GitHub) -> None:
    """What one run has built, another one takes back before it builds anything, and keeps no second copy."""
    first = github.run(github.clone(), Trigger(), HARDWARE)
    assert first.good, first.printed
    assert first.outputs["changed"] == "true"
    assert stages(first.summary) == {"target.json": "ran", "arch.json": "ran"}
    assert len(github.saved("results")) == 1
    second = github.run(github.clone(), Trigger(), HARDWARE)
    assert second.good, second.printed
    assert second.outputs["changed"] == "false"
    assert stages(second.summary) == {"target.json": "from cache", "arch.json": "from cache"}
    assert len(github.saved("results")) == 1
    assert len(github.saved("environment")) == 1


def test_fork_reads_and_writes_nothing(github: GitHub) -> None:
    """A fork's pull request takes results back, and leaves no entry: not its results, not its figures, not its environment."""
    github.run(github.clone(), Trigger(), HARDWARE)
    before = list(github.entries)
    clone = github.clone()
    other = github.run(clone, FORK, {"words": "flow=hardware\ndpu=b512"})
    assert other.good, other.printed
    assert other.outputs["changed"] == "true"
    assert github.entries == before
    assert "fork" in other.summary


SHOW = """#!/bin/sh
case "$*" in *--version*) exit 0 ;; esac
printf '%s\n' "$@"
env
"""


@pytest.mark.parametrize(("trigger", "key", "auth"), [(Trigger(), True, True), (PULL, False, True), (FORK, False, False)])
def test_secrets_go_where_they_may(github: GitHub, trigger: Trigger, *, key: bool, auth: bool) -> None:
    """The signing key is there for a protected branch alone, a secret of any kind never for a stranger's code; the cache is read only."""
    clone = github.clone()
    (clone / "doitw").write_text(SHOW, encoding="utf-8")
    job = github.run(clone, trigger, HARDWARE, {"NET2BIT_SIGNING_KEY": "the key", "NET2BIT_CACHE_AUTH": "me:word"})
    assert ("NET2BIT_SIGNING_KEY=the key" in job.printed) is key
    assert ("NET2BIT_CACHE_AUTH=me:word" in job.printed) is auth
    assert f"cache.remote.mode={'readwrite' if key else 'read'}\n" in job.printed


def test_summary_compares_with_the_base_branch(github: GitHub) -> None:
    """A pull request shows which figures it changes, in which direction; its own results stay out of the base's figures."""
    first = github.run(github.clone(), Trigger(), HARDWARE)
    assert "No figures of main to compare with yet" in first.summary
    for _ in range(2):  # the second time its own figures of the first time are there, and are not the base
        clone = github.clone()
        config = clone / "experiments/config.yaml"
        config.write_text(config.read_text(encoding="utf-8").replace("dpu: b2304", "dpu: b512"), encoding="utf-8")
        pull = github.run(clone, PULL, HARDWARE)
        assert pull.good, pull.printed
        assert "### Against main (000000000)" in pull.summary
        rows = [line for line in pull.summary.splitlines() if "peak of the DPU" in line or "DSP slices" in line]
        assert any(line.startswith("| 🔴 | peak of the DPU") for line in rows), rows
        assert any(line.startswith("| 🟢 | DSP slices") for line in rows), rows


EVIL = ["$(touch stolen)`touch stolen`", "x'; touch stolen; '\" && touch stolen #\nEOF\ntouch stolen"]


@pytest.mark.parametrize("text", EVIL)
def test_names_and_words_are_never_run(github: GitHub, text: str) -> None:
    """A branch or a word that looks like a command is a name: nothing of it is run, and what is wrong with it is said."""
    trigger = Trigger("pull_request", text, base=text, actor=text)
    job = github.run(github.clone(), trigger, {"words": f"flow=hardware\nname={text}", "stage": text, "report": text, "keys": text})
    assert not job.good
    assert "Summary" in job.steps
    assert "Traceback" not in job.printed + job.summary
    assert not list(github.folder.rglob("stolen"))


def test_finished_stages_of_a_failed_run_are_kept(github: GitHub) -> None:
    """A build that fails keeps what it has finished, shows its error in the summary, and gives no figures to compare with."""
    clone = github.clone()
    stage = clone / "net2bit/dpu/target/stage.py"
    stage.write_text(stage.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")
    failed = github.run(clone, Trigger(), HARDWARE)
    assert not failed.good
    assert stages(failed.summary)["arch.json"] == "ran"
    assert stages(failed.summary)["target.json"] == "**failed**"
    assert "no such luck" in failed.summary
    assert "::error title=target.json failed" in failed.printed
    assert github.saved("results")
    assert not github.saved("figures")


BROKEN = """

def run(job):
    from net2bit.errors import StageError
    raise StageError("no such luck")
"""


def test_configuration_that_does_not_hold_is_in_the_summary(github: GitHub) -> None:
    """Where the words are wrong nothing is built, and the summary shows the message, not a traceback."""
    job = github.run(github.clone(), Trigger(), {"words": "flow=hardware\ndpu.sise=b512"})
    assert not job.good
    assert "there is no key 'dpu.sise'" in job.printed
    assert "there is no key 'dpu.sise'" in job.summary
    assert "Traceback" not in job.printed + job.summary
    assert not github.saved("results")


def test_report_and_logs_are_kept_with_the_run(github: GitHub) -> None:
    """The artifact holds what dist shows and the logs, and its address is in the summary and in the outputs."""
    job = github.run(github.clone(), Trigger(), HARDWARE)
    (kept,) = github.artifacts
    assert any(name.startswith("dist/") for name in kept)
    assert any(name.startswith(".net2bit/logs/") for name in kept)
    assert job.outputs["report"] in job.summary


def test_shared_cache_is_written_by_guarded_branches_alone(github: GitHub, tmp_path: Path) -> None:
    """A push to the main branch fills the shared cache; a pull request takes from it, also without GitHub's cache, and adds nothing."""
    shared = {"remote": f"file://{tmp_path}/shared cache", "trust": "off"}
    main = github.run(github.clone(), Trigger(), HARDWARE | shared)
    assert main.good, main.printed
    before = sorted((tmp_path / "shared cache").rglob("*"))
    assert any("ac" in path.parts for path in before)
    elsewhere = GitHub(tmp_path / "elsewhere")
    pull = elsewhere.run(elsewhere.clone(), PULL, HARDWARE | shared)
    assert pull.outputs["changed"] == "false", pull.printed
    other = elsewhere.run(elsewhere.clone(), PULL, shared | {"words": "flow=hardware\ndpu=b512"})
    assert other.outputs["changed"] == "true", other.printed
    assert sorted((tmp_path / "shared cache").rglob("*")) == before


@pytest.mark.slow
def test_whole_flow_is_taken_back(github: GitHub) -> None:
    """The quick experiment, from images to report: a fresh clone runs nothing, and says how much time that saved."""
    words = {"words": "experiment=quick"}
    assert github.run(github.clone(), Trigger(), words).good
    second = github.run(github.clone(), Trigger(), words)
    assert second.outputs["changed"] == "false"
    assert set(stages(second.summary).values()) == {"from cache"}
    assert re.search(r"from cache, .* saved", second.summary)
    assert "No figure differs" in second.summary
