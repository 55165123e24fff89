"""The errors a user can meet: each says what is wrong, where, what to do, and the near miss.

Both sides of the process boundary use this module, so it imports the standard library only.
"""

import difflib
from collections.abc import Iterable


class Net2bitError(Exception):
    """A mistake or a fault that the user can mend; shown without a traceback.

    Attributes:
        what: The fault in one sentence.
        where: The file, config key, layer or stage it was found in; may be empty.
        remedy: What to do about it; may be empty.
        suggestion: The near miss ("did you mean"); may be empty.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", suggestion: str = "") -> None:
        """Keep the four parts apart, so that a terminal, a log and a report can lay them out."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.suggestion = suggestion

    def __str__(self) -> str:
        """Return the parts as lines, the empty ones left out."""
        named = (("where", self.where), ("did you mean", self.suggestion), ("remedy", self.remedy))
        return "\n".join([self.what, *(f"  {name}: {text}" for name, text in named if text)])

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross a process boundary whole."""
        return _rebuild, (type(self), self.as_dict())

    def as_dict(self) -> dict[str, str]:
        """Return the four parts under their names, ready for JSON."""
        return {"what": self.what, "where": self.where, "remedy": self.remedy, "suggestion": self.suggestion}


def _rebuild(kind: type[Net2bitError], parts: dict[str, str]) -> Net2bitError:
    return kind(parts.pop("what"), **parts)


class ConfigError(Net2bitError):
    """The experiment's configuration does not hold."""


class PlanError(Net2bitError):
    """No plan, or more than one, makes what was asked for."""


class StoreError(Net2bitError):
    """The build tree or its records cannot be used."""


class StageError(Net2bitError):
    """A stage ran and failed."""


class DataError(Net2bitError):
    """A data set, an image or a label is not what it should be."""


class ModelError(Net2bitError):
    """A network, its weights or one of its files is not what it should be."""


class QuantError(Net2bitError):
    """A network cannot be quantized, or not for this target."""


class ProgramError(Net2bitError):
    """Machine code cannot be read, breaks a rule of the hardware, or cannot be made for this target."""


class ToolError(Net2bitError):
    """An external program or package is missing, too old, or failed."""


def near(name: str, known: Iterable[str]) -> str:
    """Return the known name closest to *name*, or an empty string where none is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
