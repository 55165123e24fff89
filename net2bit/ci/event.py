"""What started a run, and what it may do: the rule that keeps a stranger's pull request from writing what others build on.

GitHub has the same rules (a fork's token reads, its caches are its own, it gets no secrets); these hold where a workflow is set up in
another way, and say in the summary which of them applied.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OWN: Final = frozenset({"push", "schedule", "workflow_dispatch", "merge_group"})
"""Events that only people who may write to the repository can cause."""

_ROBOT: Final = "dependabot[bot]"


@dataclass(frozen=True)
class Event:
    """What GitHub says about the run.

    Attributes:
        name: Of the event: `push`, `pull_request`, …
        repository: `owner/name` of the repository that runs it.
        head: `owner/name` of the repository that the code comes from; empty where GitHub does not say.
        ref: Full name of what was pushed: `refs/heads/main`.
        base: Name of the branch that a pull request goes into; empty for other events.
        guarded: Whether that ref is protected, or the default branch.
        actor: Who caused it.
    """

    name: str
    repository: str
    head: str
    ref: str
    base: str
    guarded: bool
    actor: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Event":
        """Return the event that GitHub's variables and its event file tell of; what they do not tell counts as a stranger's."""
        payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
        ref = environ.get("GITHUB_REF", "")
        default = f"refs/heads/{_at(payload, 'repository', 'default_branch')}"
        repository = environ.get("GITHUB_REPOSITORY", "")
        name = environ.get("GITHUB_EVENT_NAME", "")
        return cls(
            name,
            repository,
            repository if name in OWN else _at(payload, "pull_request", "head", "repo", "full_name"),
            ref,
            environ.get("GITHUB_BASE_REF", ""),
            environ.get("GITHUB_REF_PROTECTED") == "true" or ref == default,
            environ.get("GITHUB_ACTOR", ""),
        )


@dataclass(frozen=True)
class Rights:
    """What a run may do.

    Attributes:
        save: Keep its results in GitHub's cache, where later runs of the same branch find them.
        publish: Write to the shared cache, and sign what it writes.
        why: The rule, for people.
    """

    save: bool
    publish: bool
    why: str


def rights(event: Event) -> Rights:
    """Return what *event* may do: only a push to a guarded branch writes for everybody."""
    if event.name in OWN and event.guarded:
        return Rights(save=True, publish=True, why="a run of a protected branch reads and writes the caches")
    if event.name in OWN:
        return Rights(
            save=True, publish=False, why="a run of an unprotected branch keeps its results for its own branch, and publishes nothing"
        )
    if event.name != "pull_request":
        return Rights(save=False, publish=False, why="this event may carry a stranger's code: the caches are only read")
    if event.repository and event.head == event.repository and event.actor != _ROBOT:
        return Rights(save=True, publish=False, why="a pull request keeps its results for itself, and publishes nothing")
    return Rights(save=False, publish=False, why="a pull request from a fork only reads the caches")


def _payload(path: str) -> Mapping[str, Any]:
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _at(payload: Mapping[str, Any], *names: str) -> str:
    found: Any = payload
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
