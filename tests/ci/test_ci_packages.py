"""What the gate installs: only what is missing, only by those who may, and nothing that a release does not have keeps the rest out."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ci_github import ROOT

# Stand in for the system's programs, and keep a list of the calls.
FAKES = {
    "id": "echo {user}",
    "dpkg-query": 'case "$*" in *nginx | *ccache) ;; *) echo installed ;; esac',
    "apt-cache": 'case "$2" in ccache) ;; *) echo "$2 | 1.0" ;; esac',
    "apt-get": "",
    "npm": "",
    "tee": "cat >/dev/null",
    "chmod": "",
    "rm": "",
    "touch": "",
    "sudo": "exit 1",
}


def packages(folder: Path, user: int, **environ: str) -> "tuple[subprocess.CompletedProcess[str], list[str]]":
    """Run .ci/packages on a machine without nginx and ccache, whose release does not have ccache; returns also the calls."""
    for name, text in FAKES.items():
        fake = folder / name
        fake.write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/calls"\n{text.format(user=user)}\n', encoding="utf-8")
        fake.chmod(0o755)
    path = f"{folder}{os.pathsep}/usr/bin:/bin"
    command = [shutil.which("bash") or "bash", str(ROOT / ".ci/packages")]
    done = subprocess.run(command, env={"PATH": path, **environ}, capture_output=True, text=True, check=False)
    calls = (folder / "calls").read_text(encoding="utf-8").splitlines()
    return done, [call for call in calls if call.startswith(("apt-get", "sudo"))]


@pytest.fixture(autouse=True)
def _debian() -> None:
    if not Path("/etc/os-release").exists():
        pytest.skip("no /etc/os-release: no Debian or Ubuntu")


def test_root_gets_what_is_missing(tmp_path: Path) -> None:
    """Root installs the package that is missing, without a question, and is told of the one that the release does not have."""
    done, calls = packages(tmp_path, 0)
    assert done.returncode == 0, done.stderr
    assert calls == ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends nginx"]
    assert "not in this release: ccache" in done.stdout


@pytest.mark.parametrize("environ", [{}, {"CI": "true"}])
def test_others_get_a_line(environ: dict[str, str], tmp_path: Path) -> None:
    """Who may not install is told what is missing, and the gate goes on; sudo is asked in CI alone."""
    done, calls = packages(tmp_path, 1000, **environ)
    assert done.returncode == 0, done.stderr
    assert "not installed, and may not: nginx ccache" in done.stdout
    assert calls == (["sudo -n true"] if environ else [])
