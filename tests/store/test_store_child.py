"""A stage's own process: what it sees, what it may do, how its faults reach people."""

import re
from typing import Any

import pytest
from store_project import Project, first, second

from net2bit import errors
from net2bit.errors import DataError, StageError, StoreError
from net2bit.graph import child


def _run(project: Project, body: str, head: str = "") -> list[dict[str, Any]]:
    """Run a stage with this body; returns its events."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    project.module("first", f"{head}\ndef run(job):\n{lines}")
    events: list[dict[str, Any]] = []
    project.build(first(), watch=events.append)
    return events


def test_events_arrive_in_order(project: Project) -> None:
    """Progress, metrics and the lines of the log reach the watcher."""
    events = _run(
        project,
        "for i in range(3):\n    job.progress(i, 3, 'work')\njob.metric('dice', 0.9)\nprint('hello')\njob.outputs['mid.txt'].touch()",
    )
    assert [event["done"] for event in events if event["event"] == "progress"] == [0, 1, 2]
    assert {"event": "metric", "name": "dice", "value": 0.9} in events
    assert {"event": "log", "line": "hello"} in events


def test_environment_is_clean(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage sees the allow-list and the fixed variables, nothing else of the caller's; so these cannot change its bytes."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("XILINXD_LICENSE_FILE", "27000@server")
    _run(project, "job.outputs['mid.txt'].write_text(' '.join(f'{k}={v}' for k, v in sorted(os.environ.items())))", "import os")
    seen = dict(item.split("=", 1) for item in project.path("mid.txt").read_text().split(" "))
    assert not {"OMP_NUM_THREADS", "SECRET_TOKEN", "LANG"} & set(seen)
    assert seen["XILINXD_LICENSE_FILE"] == "27000@server"
    assert seen["LC_ALL"] == "C.UTF-8"
    assert seen["PYTHONHASHSEED"] == "0"
    assert seen["TZ"] == "UTC"


def test_current_folder_and_temporary_files_are_private(project: Project) -> None:
    """What a tool drops into its current folder or TMPDIR is gone afterwards; standard input is empty."""
    body = (
        "open('vivado.jou', 'w').close()\ntempfile.mkstemp()\nassert sys.stdin.read() == ''\n"
        "job.outputs['mid.txt'].write_text(os.getcwd() + ' ' + tempfile.gettempdir())"
    )
    _run(project, body, "import os, sys, tempfile")
    folder = project.path("mid.txt").read_text().split()[0]
    assert folder.startswith(str(project.root / "build/.work"))
    assert project.leftovers() == []


def test_users_mistake_keeps_its_class_and_parts(project: Project) -> None:
    """A net2bit error raised in a stage reaches the caller as the same error, whole."""
    with pytest.raises(DataError) as caught:
        _run(
            project,
            "raise DataError('bad image', where='a.png', remedy='replace it', suggestion='b.png')",
            "from net2bit.errors import DataError",
        )
    assert caught.value.as_dict() == {"what": "bad image", "where": "a.png", "remedy": "replace it", "suggestion": "b.png"}


def test_bug_in_a_stage_shows_last_lines_and_log(project: Project) -> None:
    """Any other exception becomes a stage error with the end of its traceback; the whole one is in the log that it names."""
    with pytest.raises(StageError, match=r"mid\.txt failed: ZeroDivisionError") as caught:
        _run(project, "print('before')\n1 / 0")
    assert "first.py" in caught.value.what
    log = (project.root / caught.value.where).read_text()
    assert "before" in log
    assert "Traceback" in log


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "did not make mid.txt"),
        ("job.outputs['mid.txt'].mkdir()", "something else than a file"),
        ("job.outputs['mid.txt'].symlink_to('/etc/passwd')", "something else than a file"),
        ("job.outputs['mid.txt'].touch()\n(job.outputs['mid.txt'].parent / 'extra.txt').touch()", "does not declare: extra.txt"),
        ("import sys\nsys.exit(3)", "left early with status 3"),
        ("import sys\nsys.exit(0)", "left early with status 0"),
        ("import os\nos._exit(0)", "left early with status 0"),
        ("import os, signal\nprint('last words')\nos.kill(os.getpid(), signal.SIGSEGV)", r"(?s)ended by signal 11.*last words"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "out of memory"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import nothing_like_this", "ModuleNotFoundError"),
    ],
)
def test_what_does_not_keep_the_contract_fails(project: Project, body: str, message: str) -> None:
    """A stage that does not make exactly what it declares, or leaves without a word, fails; nothing is put into place."""
    with pytest.raises(StageError, match=message):
        _run(project, body)
    assert not project.path("mid.txt").exists()
    assert project.leftovers() == []
    assert not project.reasons(first())[0].startswith("interrupted"), "it ended, if badly"


def test_link_in_a_tree_is_refused(project: Project) -> None:
    """A product is whole: a folder with a symbolic link in it depends on what the link points to."""
    project.module(
        "second",
        "def run(job):\n    job.outputs['final.txt'].touch()\n    job.outputs['pages'].mkdir()\n"
        "    (job.outputs['pages'] / 'l').symlink_to('/etc')\n",
    )
    with pytest.raises(StageError, match="symbolic link"):
        project.build(first(), second())


def test_two_edits_within_a_second(project: Project) -> None:
    """Code edited twice within a second, to the same length, runs as it stands; Python's bytecode cache would run the first edit."""
    for number in range(3):
        _run(project, f"job.outputs['mid.txt'].write_text('{number}')")
        assert project.path("mid.txt").read_text() == str(number)


def test_missing_function_is_an_error(project: Project) -> None:
    """An op that names a function which the module does not have is told so."""
    project.module("first", "x = 1\n")
    with pytest.raises(StageError, match="no attribute 'run'"):
        project.build(first())


def test_full_disk_under_another_name(project: Project) -> None:
    """A library that reports a full disk in words only (HDF5 does) is understood."""
    words = "raise OSError(\"Can't write data (file write failed: errno = 28, error message = 'No space left on device')\")"
    with pytest.raises(StoreError, match="the disk is full"):
        _run(project, words)


def test_times_are_split(project: Project) -> None:
    """Starting the process and importing is told apart from the stage's own work, so that overhead can be measured."""
    project.module("first", "import time\ntime.sleep(0.3)\n\ndef run(job):\n    time.sleep(0.2)\n    job.outputs['mid.txt'].touch()\n")
    (built,) = project.build(first())
    assert 0.3 < built.started < built.seconds
    assert built.own >= 0.2
    assert built.seconds >= built.started + built.own


def test_peak_memory_is_of_all_processes(project: Project) -> None:
    """The memory of a stage is the sum over its processes at one time."""
    body = (
        "waste = bytearray(60_000_000)\ncode = 'x = bytearray(60_000_000); import time; time.sleep(2)'\n"
        "subprocess.run([sys.executable, '-c', code], check=True)\njob.outputs['mid.txt'].touch()"
    )
    project.module("first", "import subprocess, sys\n\ndef run(job):\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    (built,) = project.build(first())
    assert built.peak > 120_000_000


def test_inputs_are_absolute_and_config_is_the_slice(project: Project) -> None:
    """A job has exactly its slice of the configuration and absolute paths."""
    project.module(
        "second",
        "def run(job):\n    assert job.config == {'second': {'word': 'A'}}\n    assert all(p.is_absolute() for p in job.inputs.values())\n"
        "    assert job.scratch.is_dir()\n    job.outputs['pages'].mkdir()\n    job.outputs['final.txt'].touch()\n",
    )
    assert project.how(first(), second()) == ["ran", "ran"]


def test_every_error_class_crosses(project: Project) -> None:
    """Each class of errors a stage may raise is known on the other side."""
    for name in ("ConfigError", "ModelError", "QuantError", "ToolError"):
        with pytest.raises(getattr(errors, name)):
            _run(project, f"raise errors.{name}('x')", "from net2bit import errors")


def test_log_is_named_in_the_start_event(project: Project) -> None:
    """The watcher learns the log's path at the start, so that it can be followed."""
    (start,) = [event for event in _run(project, "job.outputs['mid.txt'].touch()") if event["event"] == "start"]
    assert re.fullmatch(r".*/\.net2bit/logs/mid\.txt-[0-9a-f]{8}\.log", start["log"])


def test_environment_has_no_path_unless_asked() -> None:
    """The environment of a version question has no PYTHONPATH."""
    assert "PYTHONPATH" not in child.environment()
    assert child.environment(["/a", "/b"])["PYTHONPATH"] == "/a:/b"
