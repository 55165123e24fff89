"""The bootstrap: it sets up once, says what to do when it cannot, and hands its words on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Stands in for Python: checks how it is called, and keeps a list of the calls.
FAKE = """#!/bin/sh
echo "$@" >>"{calls}"
case "$1 $2" in
"-c "*) exit 0 ;;
"-m venv")
    [ -e "{fail_venv}" ] && {{ echo 'ensurepip is not available'; exit 1; }}
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
    [ "$3" = install ] || exit 9
    [ -e "{fail_pip}" ] && {{ echo 'ERROR: No space left on device'; exit 1; }}
    exit 0 ;;
"-m pytest" | "-m net2bit.graph.front") shift 2; echo "ran: $*" ;;
*) exit 9 ;;
esac
"""


class Checkout:
    """A checkout with a Python that only pretends."""

    def __init__(self, folder: Path) -> None:
        """Copy what doitw reads."""
        self.folder = folder
        for name in ("doitw", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        self.calls, self.fail_venv, self.fail_pip = folder / "calls", folder / "fail_venv", folder / "fail_pip"
        self.python = folder / "fake-python"
        self.python.write_text(FAKE.format(calls=self.calls, fail_venv=self.fail_venv, fail_pip=self.fail_pip), encoding="utf-8")
        self.python.chmod(0o755)

    def run(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run doitw as a user does, with nothing on PATH but the system's tools."""
        known = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "NET2BIT_PYTHON": str(self.python)}
        return subprocess.run([str(self.folder / "doitw"), *words], env=known | environ, capture_output=True, text=True, check=False)

    def installs(self) -> int:
        """Return how often pip was asked to install."""
        return sum(line.startswith("-m pip install") for line in self.calls.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a fresh checkout."""
    return Checkout(tmp_path)


def test_sets_up_once_and_hands_words_on(checkout: Checkout) -> None:
    """The first call installs, every later one only hands its words to doit."""
    first = checkout.run("status", "dpu=b512")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "ran: status dpu=b512\n"
    assert checkout.run().stdout == "ran: \n"
    assert checkout.installs() == 1


def test_other_pins_install_again(checkout: Checkout) -> None:
    """Changed pins install again; a checkout that only got new times does not."""
    checkout.run()
    pins = checkout.folder / "constraints.txt"
    os.utime(pins)
    checkout.run()
    assert checkout.installs() == 1
    pins.write_text(pins.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    os.utime(pins, (2**31, 2**31))
    checkout.run()
    assert checkout.installs() == 2


def test_test_is_pytest(checkout: Checkout) -> None:
    """`./doitw test` runs the suite, `--all` with the slow tests."""
    assert checkout.run("test", "-k", "plan").stdout == "ran: -k plan\n"
    assert checkout.run("test", "--all").stdout == "ran: -m slow or not slow\n"


def test_no_python_says_what_to_install(checkout: Checkout) -> None:
    """Without a usable Python the message names the versions and the remedy."""
    bare = checkout.folder / "bin"
    bare.mkdir()
    for tool in ("sh", "cat", "cksum", "dirname", "find", "mkdir", "rm", "kill"):
        found = shutil.which(tool)
        if found:
            (bare / tool).symlink_to(found)
    failed = checkout.run(PATH=str(bare), NET2BIT_PYTHON="")
    assert failed.returncode == 1
    assert "no Python 3.11, 3.12 or 3.13 found" in failed.stderr
    assert "remedy: install one" in failed.stderr


def test_no_venv_module_names_the_package(checkout: Checkout) -> None:
    """A Python without venv is answered with the package that brings it, and nothing counts as set up."""
    checkout.fail_venv.touch()
    failed = checkout.run()
    assert failed.returncode == 1
    assert "python3-venv" in failed.stderr
    checkout.fail_venv.unlink()
    assert checkout.run().returncode == 0


def test_pip_failure_shows_its_words_and_the_log(checkout: Checkout) -> None:
    """When pip fails its last lines, the log and the remedies are shown; the next call tries again."""
    checkout.fail_pip.touch()
    failed = checkout.run()
    assert failed.returncode == 1
    assert "No space left on device" in failed.stderr
    assert ".net2bit/setup.log" in failed.stderr
    assert "df -h" in failed.stderr
    checkout.fail_pip.unlink()
    assert checkout.run().stdout == "ran: \n"


def test_two_at_once_install_once(checkout: Checkout) -> None:
    """Two first calls at the same time set up once: the second waits for the first."""
    command = [str(checkout.folder / "doitw"), "list"]
    environ = {"PATH": "/usr/bin:/bin", "NET2BIT_PYTHON": str(checkout.python)}
    both = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["ran: list\n", "ran: list\n"]
    assert checkout.installs() == 1


def test_lock_of_a_dead_setup_is_taken_over(checkout: Checkout) -> None:
    """A set-up that was killed leaves a lock that stops nobody."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (checkout.folder / ".net2bit").mkdir()
    (checkout.folder / ".net2bit/setup.lock").write_text(f"{gone.pid}\n", encoding="utf-8")
    assert checkout.run().returncode == 0
