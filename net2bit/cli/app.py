"""`net2bit COMMAND …`: the list of commands, and what becomes of an error."""

import sys
from errno import EPIPE
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from net2bit import __version__
from net2bit.cli import execute, hardware, look, make
from net2bit.errors import Net2bitError

FAILED = 1
"""Exit status of a command that could not do its work; a mistake in the words themselves is 2."""


class Commands(TyperGroup):
    """Shows the project's errors as a message and an exit status; anything else is a fault of the program, and is not hidden."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Net2bitError as error:
            typer.echo(f"ERROR: {error}", err=True)
        except OSError as error:
            if error.errno in {None, EPIPE}:  # a reader that went away is typer's affair
                raise
            remedy = "see that the path is right, that you may read and write there, and that there is room"
            typer.echo(f"ERROR: {error.strerror}\n  where: {error.filename or 'standard output'}\n  remedy: {remedy}", err=True)
        raise typer.Exit(FAILED)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Networks for AMD's DPU (DPUCZDX8G) without any vendor tool: describe the hardware, quantize, compile, look at machine code, "
    "execute it bit for bit, and predict its latency.",
)

for command in (
    hardware.dcf,
    hardware.arch,
    make.quantize,
    make.compile_model,
    look.inspect,
    look.disasm,
    look.check,
    execute.run,
    look.latency,
):
    app.command(command.__name__.removesuffix("_model"))(command)


def _version(value: bool) -> None:  # noqa: FBT001 - typer hands it over so
    if value:
        typer.echo(f"net2bit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")] = False,
) -> None:
    """Take the options that stand before a command."""
    del version


def main() -> None:
    """Run the command line."""
    sys.exit(app())
