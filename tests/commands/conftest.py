"""A small project of its own, fresh or built."""

from pathlib import Path

import pytest
from small_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a fresh project."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture
def built(project: Project) -> Project:
    """Return a project whose goals are built."""
    done = project.run()
    assert done.returncode == 0, done.stderr
    return project
