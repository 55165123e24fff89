"""Options of the commands: taken wherever they stand, and a mistake in one told in a line, where doit prints all that it knows."""

import getopt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from doit.cmd_base import Command
from doit.cmdparse import CmdOption, CmdParse, CmdParseError

from net2bit.errors import ConfigError, near

_SWEEPS: Final = frozenset({"-m", "--multirun"})


class Options(CmdParse):  # type: ignore[misc]  # doit has no types
    """The options of one command."""

    def __init__(self, command: str, options: Sequence[CmdOption]) -> None:
        """Take the command's name and its options."""
        super().__init__(options)
        self._command = command

    def parse_only(self, in_args: Sequence[str], params: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
        """Return the values of the options among *in_args*, beside *params*, and the other words.

        Raises:
            CmdParseError: There is no such option, or its value does not fit.
        """
        try:
            given, rest = getopt.gnu_getopt(list(in_args), self.get_short(), self.get_long())
        except getopt.GetoptError as error:
            raise CmdParseError(str(self._refusal(_spelled(error.opt, in_args)))) from error
        found: tuple[dict[str, Any], list[str]] = super().parse_only([word for one in given for word in self._checked(*one)], params)
        return found[0], rest

    def _checked(self, name: str, value: str) -> Sequence[str]:
        """Return an option and its value, which may be empty; alone where it takes none.

        Raises:
            CmdParseError: It takes another type of value.
        """
        option, _ = self.get_option(name)
        if option.type is int and not value.isdecimal():
            raise CmdParseError(str(self._error(f"{name} takes a number, not {value!r}")))
        return (name,) if option.type is bool else (name, value)

    def _refusal(self, name: str) -> ConfigError:
        """Return the error for the option *name*, which getopt did not take."""
        option, _ = self.get_option(name)
        if option is not None:
            return self._error(f"{name} takes no value" if option.type is bool else f"{name} needs a value")
        if name in _SWEEPS:
            return self._error(f"{name} is an option of sweeps", remedy="many experiments at once: ./doitw sweep -m key=a,b")
        return self._error(f"there is no option {name}", suggestion=self._meant(name))

    def _meant(self, name: str) -> str:
        known = [f"--{long.rstrip('=')}" for long in self.get_long()]
        return ", ".join(option for option in known if option.startswith(name)) or near(name, known)

    def _error(self, what: str, *, suggestion: str = "", remedy: str = "") -> ConfigError:
        remedy = remedy or f"./doitw {self._command} --help shows all options"
        return ConfigError(what, where="the command line", suggestion=suggestion, remedy=remedy)


def _spelled(option: str, words: Sequence[str]) -> str:
    """Return an option of which getopt tells the bare name."""
    return f"--{option}" if len(option) > 1 or f"--{option}" in words else f"-{option}"


class Worded(Command):  # type: ignore[misc]  # doit has no types
    """A command whose options are `Options`."""

    @cached_property
    def cmdparser(self) -> Options:
        """Its options, with the defaults that the configuration gives them."""
        found = Options(self.name, self.get_options())
        found.overwrite_defaults(self.config_vals)
        return found


def worded(command: type[Any]) -> type[Any]:
    """Return doit's *command* with `Options`."""
    return type(command.__name__, (Worded, command), {"__doc__": command.__doc__})
