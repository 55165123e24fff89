"""The attacked server, and an environment without keys of whoever runs the tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("cache", "commands")]  # their servers and projects

from provenance_attacks import Scene, scene  # noqa: E402 - found by the line above
from small_project import Project  # noqa: E402 - likewise

from net2bit.cache.settings import AUTH  # noqa: E402 - likewise
from net2bit.provenance.keys import VARIABLE, generate  # noqa: E402 - likewise


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the keys and passwords of whoever runs the tests out of them."""
    for name in (AUTH, VARIABLE, "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def signed_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a project that was built and signed, and its key pair."""
    top = tmp_path_factory.mktemp("signed")
    (top / "project").mkdir()
    generate(top / "ci.key")
    done = Project(top / "project").run(**{VARIABLE: str(top / "ci.key")})
    assert done.returncode == 0, done.stderr
    return top


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Run a web server whose cache another machine has filled with signed results."""
    with scene(tmp_path_factory.mktemp("scene")) as found:
        yield found


@pytest.fixture
def attacked(filled: Scene, tmp_path: Path) -> Iterator[Scene]:
    """Return the server with its files as the other machine left them; what a test does to them is undone."""
    filled.victims = tmp_path
    yield filled
    filled.undo()
