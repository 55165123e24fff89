"""Adapters and generators are found by listing their folders."""

from pathlib import Path
from typing import Any

import pytest

import net2bit.data.generators
from net2bit.data import synthesize
from net2bit.data.listing import load, names
from net2bit.errors import ConfigError
from net2bit.job import Job


def test_lists_what_the_folders_hold() -> None:
    """The adapters and generators that ship are the files of their folders."""
    assert "cityscapes" in names("net2bit.data.adapters")
    assert "synthetic_streets" in names("net2bit.data.generators")


def test_a_new_file_is_a_new_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]) -> None:
    """One file dropped into the folder can be chosen by its name, without any registration."""
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "one_dot.py").write_text("def generate(folder, synth, progress):\n    (folder / 'dot').write_text(str(synth['seed']))\n")
    monkeypatch.setattr(net2bit.data.generators, "__path__", [*net2bit.data.generators.__path__, str(extra)])
    assert "one_dot" in names("net2bit.data.generators")
    config["dataset"]["generator"] = "one_dot"
    synthesize.run(Job(config, {}, {"images": tmp_path / "out"}, tmp_path))
    assert (tmp_path / "out" / "dot").read_text() == "7"


def test_an_unknown_name_suggests_the_near_miss() -> None:
    """A misspelt name is a config error that lists the choices and names the closest."""
    with pytest.raises(ConfigError) as caught:
        load("net2bit.data.adapters", "cityscape", key="dataset.adapter")
    assert caught.value.suggestion == "cityscapes"
    assert caught.value.where == "dataset.adapter"
    assert "net2bit/data/adapters/" in caught.value.remedy
