"""What travels to a node: the stage as a ticket, the job's script, the words for sbatch."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from processes import ROOT
from slurm_graph import Graph, settings

from net2bit.errors import StoreError
from net2bit.graph import config, registry
from net2bit.graph.kind import Op, Tool
from net2bit.graph.plan import plan
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store
from net2bit.slurm import script
from net2bit.slurm.settings import Settings
from net2bit.slurm.ticket import Ticket


def _stage(**resources: int) -> Stage:
    tool = Tool("gcc", ("a", "b"), ("gcc", "--version"), remedy="install it")
    op = Op(
        "train",
        "Train it",
        ("w", "log"),
        ("data",),
        "a:b",
        ("x.y",),
        ("x.file",),
        "",
        (tool,),
        ("t/{x.y}.j2",),
        {"x": (1, None), "z": None},
    )
    inputs = (Artifact("data", "build/data", "d", tree=True), Artifact("x.file", "/home/file"))
    outputs = (Artifact("w", "build/w/w", "w"), Artifact("log", "build/w/log", "w", tree=True))
    return Stage("w", op, {"x": {"y": [1, 2.5, "é"], "file": None}}, inputs, outputs, "ab" * 32, {"cores": 2, **resources})


def _travelled(stage: Stage, folder: Path) -> Stage:
    path = folder / "ticket.json"
    path.write_text(Ticket(folder, stage, {"enabled": False}, 2.0).text())
    found = Ticket.read(path)
    assert (found.root, dict(found.cache), found.grace) == (folder, {"enabled": False}, 2.0)
    return found.stage


def test_a_stage_arrives_whole(tmp_path: Path) -> None:
    """Every field of a stage and of its op comes through, types and all."""
    assert _travelled(_stage(tool=1), tmp_path) == _stage(tool=1)
    assert _travelled(_stage(tool=1), tmp_path).resources == {"cores": 2, "tool": 1}


def test_stages_of_the_project_keep_their_keys(tmp_path: Path) -> None:
    """Law: a node finds the stage key that the front end would, for every stage of the default experiment."""
    experiment = config.load(config.origin(ROOT, ()), tmp_path / "config")
    stages = plan(experiment, registry.load(ROOT), root=ROOT).stages
    with Store(tmp_path) as store:
        for stage in stages:
            digests = ["0" * 64] * len(stage.inputs)
            assert store.keys.base(_travelled(stage, tmp_path), digests) == store.keys.base(stage, digests)


@pytest.mark.parametrize("text", ["", "{", '{"format": "net2bit.ticket/0"}'])
def test_a_ticket_that_is_none(tmp_path: Path, text: str) -> None:
    """A torn ticket, or one of another net2bit, is an error for people that names the file."""
    (tmp_path / "ticket.json").write_text(text)
    with pytest.raises(StoreError, match=r"ticket\.json"):
        Ticket.read(tmp_path / "ticket.json")


def _words(stage: Stage, after: tuple[str, ...] = (), behind: str = "", **other: Any) -> list[str]:
    return script.words("name", stage, Path("/p/.net2bit/slurm/a/b"), Settings.of(settings(**other)), after, behind)


def test_words_for_sbatch() -> None:
    """A job asks for the stage's cores and memory, for its own files, and to be put back when its node fails."""
    words = _words(_stage(memory=3 * 2**30 + 1))
    assert words[-1] == "/p/.net2bit/slurm/a/b/job.sh"
    assert {"--cpus-per-task=2", "--mem=3073M", "--ntasks=1", "--job-name=name", "--requeue", "--chdir=/p/.net2bit/slurm/a/b"} < set(words)
    assert not any(word.startswith(("--partition", "--time", "--licenses", "--dependency", "--account")) for word in words)


def test_words_of_the_settings() -> None:
    """Settings become options; those of the operation come before those of all jobs, and further options last."""
    special = {"train": {"partition": "gpu", "options": ["--gres=gpu:1"]}}
    words = _words(_stage(tool=2, other=1), partition="cpu", account="me", time="2h", memory="1GB", options=["--nice=5"], stages=special)
    assert {"--partition=gpu", "--account=me", "--time=120", "--mem=954M", "--licenses=tool:2,other:1"} < set(words)
    assert words[-3:-1] == ["--nice=5", "--gres=gpu:1"]
    assert "--licenses=t@server:2" in _words(_stage(tool=2, other=1), licences={"tool": "t@server", "other": None})


def test_words_of_dependencies() -> None:
    """A job waits for those it needs to end well, and for the one whose place it takes to end at all."""
    assert "--dependency=afterok:3:4,afterany:1" in _words(_stage(), ("3", "4"), "1")
    assert "--kill-on-invalid-dep=yes" in _words(_stage(), ("3",))


def test_a_path_with_all_kinds_of_signs(tmp_path: Path) -> None:
    """Blanks and quotes in paths, and the lines of `setup`, survive the shell; percent signs survive sbatch."""
    folder = tmp_path / "it's a %j tree"
    folder.mkdir()
    python = folder / "python"
    python.write_text('#!/bin/sh\necho "$SAID $NET2BIT_SHARED $@"\n')
    python.chmod(0o755)
    given = Settings.of(settings(python=str(python), setup=["SAID='well done'", "export SAID"]))
    text = script.script(_stage(), folder, given, shared=True)
    said = subprocess.run(["/bin/sh"], input=text, capture_output=True, text=True, check=True).stdout
    assert said == "well done 1 -P -m net2bit.slurm.node ticket.json\n"
    assert f"--output={str(folder).replace('%', '%%')}/log.txt" in script.words("w", _stage(), folder, given)


def test_the_ticket_is_plain_json(tmp_path: Path, graph: Graph) -> None:
    """A person can read what a job is about to do."""
    stage = graph.add("base").nodes["base"].stage
    found = json.loads(Ticket(tmp_path, stage, {}, 1.0).text())
    assert (found["stage"]["name"], found["stage"]["op"]["run"]) == ("base", "steplib.step:run")
