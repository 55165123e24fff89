"""How a stage's fault is told to people: the error it reported, or what its end and its log say."""

from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING, Final

from net2bit import errors
from net2bit.errors import Net2bitError, StageError
from net2bit.graph.stage import Stage

if TYPE_CHECKING:
    from net2bit.graph.child import Outcome

_TAIL: Final = 12  # lines of the log that an error shows
_REACH: Final = 8192  # bytes of the log in which they are looked for


def of(outcome: "Outcome", stage: Stage, log: Path) -> Net2bitError | None:
    """Return the error that a stage's process ended with, None where it ended well."""
    if outcome.error is not None:
        return _reported(outcome.error, stage, log)
    if outcome.finished and outcome.status == 0:
        return None
    return StageError(f"{stage.name} failed: {_end(outcome.status)}{_tail(log)}", where=str(log), remedy=_remedy(outcome, stage))


def _reported(error: Mapping[str, str], stage: Stage, log: Path) -> Net2bitError:
    if "tail" in error:
        text = _indented(error["tail"])
        return StageError(f"{stage.name} failed: {error['what']}{text}", where=str(log), remedy="the log has the whole traceback")
    kind = getattr(errors, error["type"], StageError)
    found: Net2bitError = kind(error["what"], where=error["where"], remedy=error["remedy"], suggestion=error["suggestion"])
    return found


def _tail(log: Path) -> str:
    try:
        lines = log.read_bytes()[-_REACH:].decode(errors="replace").rstrip().splitlines()
    except OSError:
        return ""
    return _indented("\n".join(lines[-_TAIL:]))


def _indented(text: str) -> str:
    return "".join(f"\n  | {line}" for line in text.splitlines())


def _remedy(outcome: "Outcome", stage: Stage) -> str:
    """Return what to do about a process that reported nothing."""
    if outcome.status != -SIGKILL:
        return "the log tells what it did last"
    again = "start again: what it took until then is known now and kept free for it"
    return f"{again}; or say what it takes with ++resources.stages.{stage.op.name}.memory=…, or free memory that other programs hold"


def _end(status: int | None) -> str:
    """Say how a process ended that reported nothing."""
    if status is None:
        return "its supervisor was killed"
    if status == -SIGKILL:
        return "killed (SIGKILL; when nobody did, the machine ran out of memory)"
    return f"ended by signal {-status}" if status < 0 else f"the process left early with status {status}"
