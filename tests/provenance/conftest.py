"""The attacked server, and an environment without keys of whoever runs the tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cache"))  # its servers and its project

from provenance_attacks import Scene, scene

from net2bit.cache.settings import AUTH
from net2bit.provenance.keys import VARIABLE


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the keys and passwords of whoever runs the tests out of them."""
    for name in (AUTH, VARIABLE, "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


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
