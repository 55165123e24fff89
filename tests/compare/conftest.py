"""The small project of the command tests, built in two configurations."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "commands"))  # its project is this one's, too

from compare_project import Compared


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Return a project in which the seeds 7 and 8 were built, in this order; tests only look at it."""
    folder = tmp_path_factory.mktemp("compared") / "project"
    folder.mkdir()
    project = Compared(folder)
    for seed in (7, 8):
        done = project.run(f"dataset.synth.seed={seed}")
        assert done.returncode == 0, done.stderr
    return project
