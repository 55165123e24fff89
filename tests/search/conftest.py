"""Projects for the tests of searches."""

from pathlib import Path

import pytest
from search_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project in which nothing is built."""
    return Project(tmp_path)
