"""Building a search's points with a launcher of hydra's: what it is asked for, and how its answers are read."""

from collections.abc import Sequence
from typing import Any, ClassVar

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from net2bit.errors import ConfigError, StageError
from net2bit.sweep.search.builders import Apart
from net2bit.sweep.search.hunt import Result
from net2bit.sweep.search.trials import Trial


class Recorder(Launcher):
    """Remembers what it is asked for, and answers each job with what stands under its last word."""

    answers: ClassVar[dict[str, Any]] = {
        "a=good": {"fps": 3.0},
        "a=bad": StageError("it broke"),
        "a=none": ConfigError("no such DPU"),
        "a=odd": 7,
    }

    def __init__(self) -> None:
        """Nothing was asked for yet."""
        self.asked: list[tuple[int, list[list[str]]]] = []

    def setup(self, **_given: object) -> None:
        """Nothing to do."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Answer."""
        self.asked.append((initial_job_idx, [list(words) for words in job_overrides]))
        found = [self.answers[next(word for word in words if word.startswith("a="))] for words in job_overrides]
        return [
            JobReturn(status=JobStatus.FAILED if isinstance(one, Exception) else JobStatus.COMPLETED, _return_value=one) for one in found
        ]


def _trials(*numbers: int, word: str = "a=good") -> list[Trial]:
    return [Trial(number, (word,), 0) for number in numbers]


def test_jobs_have_the_numbers_of_their_trials() -> None:
    """A launcher counts on from a first number, so points whose numbers have gaps are launched in rows."""
    launcher = Recorder()
    Apart(launcher, ["sweep.name=s"]).build(_trials(4, 5, 7), ())
    words = ["sweep.name=s", "a=good"]
    assert launcher.asked == [(4, [words, words]), (7, [words])]


def test_an_early_look_builds_what_tells_and_no_more() -> None:
    """Before a limit is known to hold, the job's goals are the kinds that tell so."""
    launcher = Recorder()
    Apart(launcher, []).build(_trials(0), ("target.json", "ladder.json"))
    assert launcher.asked == [(0, [["a=good", "flow.goals=[target.json,ladder.json]"]])]


def test_answers_are_read_as_what_they_are() -> None:
    """Metrics are a result; a mistake in the configuration is a refusal, another error a failure, and so is what is no metrics."""
    trials = [Trial(number, (word,), 0) for number, word in enumerate(Recorder.answers)]
    found = Apart(Recorder(), []).build(trials, ())
    assert found[0] == Result("done", {"fps": 3.0})
    assert (found[1].status, found[1].reason) == ("failed", "it broke")
    assert (found[2].status, found[2].reason) == ("refused", "no such DPU")
    assert (found[3].status, found[3].reason) == ("failed", "it returned 7, no metrics")
