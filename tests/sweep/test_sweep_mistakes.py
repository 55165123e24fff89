"""Mistakes on the command line of a sweep: said in words, without a traceback, before anything is built."""

import pytest
from sweep_project import WORDS, Project

from net2bit import __version__
from net2bit.sweep.front import main

MISTAKES = [
    (["dpu.sise=1", "train.seed=1,2"], "did you mean: dpu.size=1"),
    (["sweep.nmae=x"], "did you mean: sweep.name=x"),
    (["executor.time=3h", "executor=slurm", "sweep.nmae=x"], "did you mean: sweep.name=x"),
    (["sweep.workers=0"], "sweep.workers: input should be greater than or equal to 1"),
    (["launcher=bogus"], "choose one of: basic, joblib, merged"),
    (["launcher=joblib", "hydra.launcher.n_jobs=0"], "hydra's launcher failed: ValueError: n_jobs == 0"),
    (["executor=bogus"], "choose one of: local, slurm"),
    (["executor.time=3h"], "another choice of executor has it"),
    (["executor=slurm", "executor.stages={train: {time: 2d}}"], "to add one: +executor.stages.<name>=<value>"),
    (["hydra.launcher.other=1"], "to add a key of hydra's: +hydra.launcher.other=1"),
    (["dpu=choice()"], "empty choice is not legal"),
    (["train.epochs=range(5,1)"], "the sweep has no points"),
    (["model.width=interval(0.1,1)"], "cannot be counted"),
    (["train.epochs=range(1,1000)", "train.seed=range(1,1000)"], "998,001 points (999 x 999)"),
    (["sweep.keep_going=true,false"], "belongs to the sweep as a whole"),
    (["launcher=merged,basic"], "belongs to the sweep as a whole"),
    (["train.epochs=range(1,5,0)"], "the values of 'train.epochs' cannot be counted"),
    (["train.epochs=[1,2"], "cannot be read"),
    (["dpu=b512", "b800"], "several values of a key with commas and without spaces"),
    (["=3"], "names no key"),
    (["dpu=\udcff"], "is no UTF-8 text"),
    (["dpu"], "'dpu' gives no value"),
    (["sweep.returns=fsp"], "did you mean: fps"),
    (["sweep.returns=[fps,nonsense]"], "there are accuracy.…, latency, fps"),
    (["sweep.returns=resources.dps"], "did you mean: resources.dsp"),
    (["hydra.sweep.dir=out/mine", "train.seed=1,2"], "did you mean: sweep.name=mine"),
    (["hydra.sweep.dir=${now:%H}"], "remedy: sweep.name=NAME names the folder"),
    (["++hydra.sweep.subdir=x"], "'hydra.sweep.subdir' has no effect"),
    (["hydra.run.dir=x"], "a sweep's results are in sweeps/<name>"),
    (["hydra.mode=RUN"], "for one experiment: ./doitw"),
    (["dpu=b512,", "b800"], "the values of 'dpu' end with a comma"),
    (["dpu=[b512,b800]"], "for a sweep: python sweep.py -m dpu=b512,b800"),
    (["--multi-run"], "did you mean: --multirun"),
    (["--bogus"], "there is no option --bogus"),
    (["--config-name", "other"], "experiments/experiment/"),
    (["hydra.searchpath=[nowhere]"], "nowhere is not a folder"),
]


@pytest.mark.parametrize(("words", "told"), MISTAKES, ids=[" ".join(words)[:40] for words, _ in MISTAKES])
def test_a_mistake_is_told(
    words: list[str], told: str, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 2, the message names the mistake, and no folder is left."""
    monkeypatch.chdir(project.folder)
    assert main(["-m", *WORDS, *words]) == 2
    assert told in capsys.readouterr().err
    assert not [path for path in project.folder.glob("sweeps/*") if path.name != ".lock"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names net2bit first, then hydra, whatever words stand beside it."""
    assert main(["-m", "dpu=b512", "--version"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"net2bit {__version__}"
    assert said[1].startswith("hydra ")


def test_help_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """--help shows the launchers and executors."""
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert "launcher=joblib" in said
    assert "executor=slurm" in said
