"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from net2bit.graph import signals

# A busy machine is no fault: how long an example takes says nothing about the law under test. Nor is the gate a lottery: the examples
# are the same each time, and `NET2BIT_EXPLORE=1` looks for new ones.
settings.register_profile(
    "net2bit",
    deadline=None,
    derandomize=not os.environ.get("NET2BIT_EXPLORE"),
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("net2bit")

# The suite is the same in GitHub Actions as elsewhere; what differs there has tests of its own.
for name in [name for name in os.environ if name.startswith("GITHUB_")]:
    del os.environ[name]

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of real files from public sources; a test that needs one is skipped where the folder is absent."""
    folder = Path(os.environ.get("NET2BIT_REFERENCE", _ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip(f"the reference files are not at {folder} (set NET2BIT_REFERENCE)")
    return folder


@pytest.fixture(autouse=True)
def _no_stop() -> Iterator[None]:
    """Leave no request to stop behind for the next test."""
    yield
    signals.reset()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Ask every test for the sentence that says what it protects.

    Raises:
        UsageError: It has none.
    """
    if isinstance(item, pytest.Function) and not (item.obj.__doc__ or "").strip():
        raise pytest.UsageError(f"{item.nodeid} does not say what it protects: give it a docstring of one sentence")
