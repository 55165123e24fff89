"""The words of a build in CI: the user's, with those that the action's inputs and the run's rights add."""

from collections.abc import Sequence
from dataclasses import dataclass

from net2bit.ci.event import Rights
from net2bit.errors import ConfigError


@dataclass(frozen=True)
class Remote:
    """The shared cache as the action's inputs name it (keys: one on each line); empty texts leave the experiment's own settings."""

    url: str = ""
    trust: str = ""
    keys: str = ""


def listed(text: str) -> list[str]:
    """Return the words of a text with one word on each line; they are never seen by a shell.

    Raises:
        ConfigError: A word is an option: options are the action's business.
    """
    words = [line.strip() for line in text.splitlines() if line.strip()]
    for word in words:
        if word.startswith("-"):
            raise ConfigError(f"{word!r} is an option, not a word", where="words", remedy="use the inputs of the action: workers, stage, …")
    return words


def completed(words: Sequence[str], size: str, remote: Remote, rights: Rights) -> list[str]:
    """Return *words* with the size of the cache before them and, behind them, the shared cache and what the run may do with it."""
    added = [f"cache.size={_quoted(size)}"] if size else []
    said = {"url": remote.url, "trust": remote.trust}
    behind = [f"cache.remote.{name}={_quoted(value)}" for name, value in said.items() if value]
    if remote.keys:
        behind.append(f"cache.remote.keys=[{','.join(map(_quoted, listed(remote.keys)))}]")
    behind.append(f"cache.remote.mode={'readwrite' if rights.publish else 'read'}")
    return [*added, *words, *behind]


def _quoted(value: str) -> str:
    """Return *value* as hydra reads it back: in quotes, for it may hold any character."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'") if value.endswith("\\") or "'" in value else value
    return f"'{escaped}'"
