"""Servers that the tests of the shared cache talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cache_servers import SECRET, Nginx, nginx

from net2bit.cache.settings import AUTH


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Nginx]:
    """Run nginx as the how-to page says; nobody is logged in."""
    with nginx(tmp_path / "nginx") as server:
        yield server


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log in to the servers."""
    monkeypatch.setenv(AUTH, SECRET)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the variables of whoever runs the tests out of them."""
    for name in (AUTH, "NET2BIT_SIGNING_KEY", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
