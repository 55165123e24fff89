"""What a run's caches are called in GitHub's cache.

GitHub's entries never change once written, so each run writes one of its own and reads the newest that begins as it wishes. Results lie
under the stage keys, known before anything is built: an entry under the same keys holds everything, one under other keys still holds the
stages that both share (the local cache checks every one).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from net2bit.ci.event import Event


@dataclass(frozen=True)
class Names:
    """Names of one run's cache entries.

    Attributes:
        results: Under which the results of this run are kept.
        near: Beginnings of the names of entries that help, the best first.
        figures: Under which the figures of this run are kept.
        base: Beginnings of the names of the figures to compare with, the best first.
        against: The branch to compare with, for people.
    """

    results: str
    near: tuple[str, ...]
    figures: str
    base: tuple[str, ...]
    against: str


def names(event: Event, environ: Mapping[str, str], stage: str, keys: str, words: Sequence[str]) -> Names:
    """Return the names for a run.

    Args:
        event: What started it.
        environ: GitHub's variables.
        stage: The stages that decide the name, as the user says it; empty for all.
        keys: Digest over their keys.
        words: What is built; figures of other words are no base to compare with.
    """
    run = f"{environ.get('GITHUB_RUN_ID', '0')}-{environ.get('GITHUB_RUN_ATTEMPT', '0')}"
    system = f"{environ.get('RUNNER_OS', 'any')}-{environ.get('RUNNER_ARCH', 'any')}".lower()
    results = f"net2bit-results-{system}-{_short(stage)}"
    figures = f"net2bit-figures-{_short(*words)}"
    branch = event.base or event.ref.removeprefix("refs/heads/")
    own = _short(event.ref.removeprefix("refs/heads/"))
    return Names(
        f"{results}-{keys}-{run}",
        (f"{results}-{keys}-", f"{results}-"),
        f"{figures}-{own}-{run}",
        (f"{figures}-{_short(branch)}-",),
        branch,
    )


def _short(*texts: str) -> str:
    """Return a digest: names of branches and words may hold anything, names of caches may not."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
