"""A store that speaks the JSON API of Google Cloud Storage: a plain process on a free port, ended with the test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cache_servers import free_port, program, running


@dataclass
class Buckets:
    """A store with one bucket, `bucket`.

    Attributes:
        url: Where it listens.
        log: What it has written, a line for each request.
    """

    url: str
    log: Path

    def asked(self, method: str) -> list[str]:
        """Return the paths of all requests so far."""
        lines = self.log.read_text().splitlines()
        return [line.split(" ")[1] for line in lines if line.startswith(f'"{method} ')]


def environment(url: str) -> dict[str, str]:
    """Return what makes Google's libraries talk to *url*, and to nobody about credentials."""
    nobody = {"CLOUDSDK_CONFIG": "/nonexistent", "GOOGLE_APPLICATION_CREDENTIALS": "", "NO_GCE_CHECK": "true"}
    return {"STORAGE_EMULATOR_HOST": url, **nobody}


@contextmanager
def buckets(top: Path) -> Iterator[Buckets]:
    """Run the store, its files in *top*; the test is skipped where it or its client is not installed."""
    pytest.importorskip("gcsfs")
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--default-bucket", "bucket"]
    command = [program("gcp-storage-emulator"), "-d", str(top / "gs"), "start", *where]
    log = top / "gs.log"
    with running(command, port, log, os.environ | {"PYTHONUNBUFFERED": "1"}):
        yield Buckets(f"http://127.0.0.1:{port}", log)
