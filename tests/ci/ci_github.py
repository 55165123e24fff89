"""A stand-in for GitHub: its caches, artifacts, variables and the order of steps; the shell steps themselves are run for real."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ci_expression import filled, wanted

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / ".github/actions/net2bit/action.yml"
REPOSITORY = "owner/project"


@dataclass(frozen=True)
class Trigger:
    """What starts a run: a push to a branch, or a pull request from `head` into `base`."""

    name: str = "push"
    branch: str = "main"
    base: str = ""
    head: str = REPOSITORY
    actor: str = "someone"

    @property
    def ref(self) -> str:
        """The ref that caches belong to."""
        return "refs/pull/7/merge" if self.base else f"refs/heads/{self.branch}"

    def event(self) -> dict[str, Any]:
        """Return what GitHub writes into the event file."""
        own: dict[str, Any] = {"repository": {"full_name": REPOSITORY, "default_branch": "main"}}
        return own | ({"pull_request": {"head": {"ref": self.branch, "repo": {"full_name": self.head}}}} if self.base else {})


@dataclass
class Job:
    """How a run ended: outputs of the action, all that was printed, the summary, the names of the steps that were run."""

    outputs: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    summary: str = ""
    good: bool = True
    steps: list[str] = field(default_factory=list)


class GitHub:
    """One repository on GitHub. Cache entries never change, and a run sees those of its own ref, its base and the default branch."""

    def __init__(self, folder: Path) -> None:
        """Keep caches and artifacts in *folder*."""
        self.folder = folder
        self.entries: list[tuple[str, str, str]] = []  # ref, key, path: oldest first
        self.artifacts: list[list[str]] = []
        self.runs = 0
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to(sys.executable)

    def clone(self) -> Path:
        """Return a fresh clone of the project, at the place of the one before; its environment has everybody's packages."""
        clone = self.folder / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - git made the checkout
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "bench/")):
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, clone / name)
        _environment(clone)
        return clone

    def saved(self, word: str) -> list[str]:
        """Return the keys of the cache entries that hold *word*."""
        return [key for _, key, _ in self.entries if word in key]

    def run(self, clone: Path, trigger: Trigger, inputs: Mapping[str, str], secrets: Mapping[str, str] | None = None) -> Job:
        """Run the action in *clone*."""
        self.runs += 1
        return Run(self, clone, trigger, inputs, secrets or {}).go()


def _environment(clone: Path) -> None:
    venv = clone / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(sys.executable)
    (venv / "lib").symlink_to(Path(sys.prefix) / "lib")
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", venv)
    pins = b"".join((clone / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    ready = subprocess.run(["cksum"], input=pins, capture_output=True, check=True).stdout  # noqa: S607 - what doitw itself calls
    (venv / ".net2bit-ready").write_bytes(ready)


class Run:
    """One run of the action's steps."""

    def __init__(self, github: GitHub, clone: Path, trigger: Trigger, inputs: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self.github, self.clone, self.trigger, self.secrets = github, clone, trigger, secrets
        self.action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
        unknown = inputs.keys() - self.action["inputs"].keys()
        assert not unknown, f"the action has no input {unknown}"
        given = {name: str(inputs.get(name, one["default"])) for name, one in self.action["inputs"].items()}
        self.contexts: dict[str, Any] = {"inputs": given, "steps": {}}
        self.folder = github.folder / f"run-{github.runs}"
        self.folder.mkdir()
        (self.folder / "event.json").write_text(json.dumps(trigger.event()), encoding="utf-8")
        self.job = Job()

    def go(self) -> Job:
        """Run all steps whose condition holds; returns how it ended."""
        for number, step in enumerate(self.action["runs"]["steps"]):
            name = step.get("id", f"step-{number}")
            if not wanted(step.get("if"), self.contexts, success=self.job.good):
                self.contexts["steps"][name] = {"outcome": "skipped", "outputs": {}}
                continue
            good, outputs = self._shell(name, step) if "run" in step else self._uses(step)
            self.job.steps.append(step["name"])
            self.job.good &= good
            self.contexts["steps"][name] = {"outcome": "success" if good else "failure", "outputs": outputs}
        self.job.outputs = {name: filled(one["value"], self.contexts) for name, one in self.action["outputs"].items()}
        page = self.folder / "summary"
        self.job.summary = page.read_text(encoding="utf-8") if page.exists() else ""
        return self.job

    @property
    def environ(self) -> dict[str, str]:
        """What GitHub sets for every step, and nothing of this process but the way to the system's programs."""
        trigger = self.trigger
        github = {
            "ACTIONS": "true",
            "ACTION_PATH": str(ACTION.parent),
            "ACTOR": trigger.actor,
            "BASE_REF": trigger.base,
            "EVENT_NAME": trigger.name,
            "EVENT_PATH": str(self.folder / "event.json"),
            "HEAD_REF": trigger.branch if trigger.base else "",
            "REF": trigger.ref,
            "REF_PROTECTED": "false",
            "REPOSITORY": REPOSITORY,
            "RUN_ATTEMPT": "1",
            "RUN_ID": str(self.github.runs),
            "SHA": f"{self.github.runs:040x}",
            "STEP_SUMMARY": str(self.folder / "summary"),
        }
        path = f"{self.github.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        own = {
            "CI": "true",
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "PATH": path,
            "HOME": str(self.folder),
            "PYTHONPATH": str(self.clone),
        }
        return {f"GITHUB_{name}": value for name, value in github.items()} | own | dict(self.secrets)

    def _shell(self, name: str, step: Mapping[str, Any]) -> tuple[bool, dict[str, str]]:
        assert "${{" not in step["run"], "what is filled into a script is run by it"
        out = self.folder / f"output-{name}"
        out.touch()
        env = {key: filled(value, self.contexts) for key, value in step.get("env", {}).items()}
        folder = self.clone / filled(step["working-directory"], self.contexts)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environ | env | {"GITHUB_OUTPUT": str(out)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.job.printed += done.stdout
        return done.returncode == 0, outputs_of(out.read_text(encoding="utf-8"))

    def _uses(self, step: Mapping[str, Any]) -> tuple[bool, dict[str, str]]:
        given = {key: filled(value, self.contexts) for key, value in step.get("with", {}).items()}
        action = step["uses"].partition("@")[0]
        known: Mapping[str, Callable[[dict[str, str]], dict[str, str]]] = {
            "actions/setup-python": lambda _: {"python-version": "3"},
            "actions/cache/restore": self._restore,
            "actions/cache/save": self._save,
            "actions/upload-artifact": self._upload,
        }
        return True, known[action](given)

    def _restore(self, given: dict[str, str]) -> dict[str, str]:
        seen = {self.trigger.ref, f"refs/heads/{self.trigger.base}", "refs/heads/main"}
        wishes = [(given["key"], True)] + [(line, False) for line in given.get("restore-keys", "").splitlines() if line]
        for wish, whole in wishes:
            for number, (ref, key, path) in reversed(list(enumerate(self.github.entries))):
                if ref in seen and path == given["path"] and (key == wish if whole else key.startswith(wish)):
                    shutil.rmtree(self.clone / path, ignore_errors=True)
                    shutil.copytree(self.github.folder / f"entry-{number}", self.clone / path, symlinks=True)
                    return {"cache-hit": str(whole).lower(), "cache-matched-key": key}
        return {"cache-hit": ""}

    def _save(self, given: dict[str, str]) -> dict[str, str]:
        assert "," not in given["key"], "GitHub refuses such keys"
        assert len(given["key"]) <= 512, "GitHub refuses such keys"
        if (self.trigger.ref, given["key"], given["path"]) not in self.github.entries:
            shutil.copytree(self.clone / given["path"], self.github.folder / f"entry-{len(self.github.entries)}", symlinks=True)
            self.github.entries.append((self.trigger.ref, given["key"], given["path"]))
        return {}

    def _upload(self, given: dict[str, str]) -> dict[str, str]:
        patterns = [line.strip().removeprefix("./") for line in given["path"].splitlines() if line.strip()]
        found = [
            str(path.relative_to(self.clone))
            for pattern in patterns
            for path in self.clone.glob(f"{pattern}**/*" if pattern.endswith("/") else pattern)
        ]
        self.github.artifacts.append(found)
        return {"artifact-url": f"https://github.com/{REPOSITORY}/artifacts/{len(self.github.artifacts)}"} if found else {}


def outputs_of(text: str) -> dict[str, str]:
    """Return what a GITHUB_OUTPUT file says: `name=value` lines, and `name<<END` blocks."""
    found, lines = dict[str, str](), iter(text.splitlines())
    for line in lines:
        name, sign, end = line.partition("<<")
        if sign and "=" not in name:
            block = []
            while (row := next(lines)) != end:
                block.append(row)
            found[name] = "\n".join(block)
        else:
            found[line.partition("=")[0]] = line.partition("=")[2]
    return found
