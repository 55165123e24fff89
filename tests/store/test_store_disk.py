"""A full disk, a read-only tree and other refusals of the disk: a clear error, nothing half-written, and right again afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_project import Project, first, second

from net2bit.errors import StoreError
from net2bit.graph.cache import CacheSettings

HEAVY = """
def run(job):
    with job.outputs["mid.txt"].open("wb") as file:
        for _ in range(64):
            file.write(bytes(65536))
            file.flush()
"""


@contextmanager
def _mounted(folder: Path, *how: str) -> Iterator[None]:
    done = subprocess.run(["mount", *how, str(folder)], capture_output=True, text=True, check=False)  # noqa: S607 - the system's own
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Project]:
    """A project on a real file system of 2 MB, where a stage that writes 4 MB meets ENOSPC."""
    root = tmp_path / "small"
    root.mkdir()
    with _mounted(root, "-t", "tmpfs", "-o", "size=2m", "none"):
        yield Project(root).make()


def test_disk_full_in_the_stage(small: Project) -> None:
    """A stage that fills the disk fails with a clear error; its half product and its folder are gone, earlier results stay."""
    small.build(first(), second())
    small.module("first", HEAVY)
    with pytest.raises(StoreError, match="the disk is full") as caught:
        small.build(first())
    assert "make room" in caught.value.remedy
    assert small.path("mid.txt").read_text() == "one\ntwo\n", "the earlier product is untouched"
    assert small.leftovers() == []
    small.module("first", "def run(job):\n    job.outputs['mid.txt'].write_text('small')\n")
    assert small.how(first()) == ["ran"]


def test_disk_full_everywhere(small: Project) -> None:
    """With no byte left at all even the start is refused clearly, and what is up to date is still known to be so."""
    small.build(first())
    with (small.root / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    assert small.how(first()) == ["fresh"]
    with pytest.raises(StoreError, match="full"):
        small.build(second())
    assert not small.path("final.txt").exists()
    (small.root / "ballast").unlink()
    assert small.how(first(), second()) == ["fresh", "ran"]


def test_disk_full_in_the_cache_is_no_error(project: Project, tmp_path: Path) -> None:
    """A cache that has no room is a notice: the build goes on without it."""
    cache = tmp_path / "cache"
    cache.mkdir()
    project.module("first", HEAVY)
    with _mounted(cache, "-t", "tmpfs", "-o", "size=1m", "none"):
        full = Project(project.root, CacheSettings(dir=cache), project.notices)
        assert full.how(first()) == ["ran"]
        assert any("No space left" in notice for notice in full.notices)
        assert not list(cache.glob("cas/*/*"))
    assert project.path("mid.txt").stat().st_size == 64 * 65536


def test_cache_on_another_file_system(project: Project, tmp_path: Path) -> None:
    """Where hard links are impossible, the cache copies: it restores, read-only, from another file system."""
    cache = tmp_path / "cache"
    cache.mkdir()
    with _mounted(cache, "-t", "tmpfs", "none"):
        elsewhere = Project(project.root, CacheSettings(dir=cache))
        elsewhere.build(first(), second("A"))
        elsewhere.build(second("B"))
        assert elsewhere.how(second("A")) == ["restored"]
        assert elsewhere.path("final.txt").stat().st_mode & 0o777 == 0o444
        assert elsewhere.path("final.txt").stat().st_nlink == 1


def test_read_only_mount(project: Project) -> None:
    """In a read-only tree what is up to date is found to be so, and a build is refused with a clear error."""
    project.build(first())
    with _mounted(project.root, "--bind", str(project.root)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(project.root)], check=True)  # noqa: S607
        assert project.how(first()) == ["fresh"]
        assert project.reasons(second()) == ["never built"]
        with pytest.raises(StoreError, match=r"Read-only|cannot") as caught:
            project.build(second())
        assert str(project.root) in caught.value.where
        assert "writ" in caught.value.remedy
    assert project.how(first(), second()) == ["fresh", "ran"]


def test_folder_without_permission(project: Project) -> None:
    """Another user's tree is like a read-only one: a clear error and no traceback (run as `nobody` when the tests run as root)."""
    project.build(first())
    if os.getuid() == 0:
        for path in (project.root, *project.root.rglob("*")):
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
        for parent in list(project.root.parents)[:-2]:
            parent.chmod(parent.stat().st_mode | 0o111)
    else:
        for path in (project.root, project.root / "build", project.root / ".net2bit"):
            path.chmod(0o555)
    script = (
        "import json, os, shutil, sys\nfrom pathlib import Path\nimport store_project\nimport net2bit.graph.child, net2bit.graph.syntax\n"
        "from net2bit.errors import StoreError\nif os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "project = store_project.Project(Path(sys.argv[1]))\n"
        "assert project.how(store_project.first()) == ['fresh']\n"
        "try:\n    project.how(store_project.second())\nexcept StoreError as fault:\n    print(fault)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script, str(project.root)], env=environment, capture_output=True, text=True, check=False)
    assert "writ" in done.stdout, done
    assert done.returncode == 0, done


def test_target_is_a_folder(project: Project) -> None:
    """A folder that lies where a file belongs is moved out of the way, not built into."""
    project.path("mid.txt").mkdir(parents=True)
    (project.path("mid.txt") / "x").touch()
    assert project.how(first()) == ["ran"]
    assert project.path("mid.txt").read_text() == "one\ntwo\n"


def test_a_file_in_a_folders_place_is_a_clear_error(project: Project) -> None:
    """A file where the build needs a folder is named in the error."""
    project.path("mid.txt").parent.parent.mkdir()
    project.path("mid.txt").parent.write_text("in the way")
    with pytest.raises(StoreError, match="the disk failed") as caught:
        project.build(first())
    assert "mid.txt" in caught.value.where
    assert project.leftovers() == []
