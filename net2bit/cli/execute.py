"""The command that runs a compiled model."""

from typing import Annotated, Literal

import typer

from net2bit.cli import words


def run(
    model: words.Model,
    given: Annotated[
        list[str], typer.Option("--input", metavar="[NAME=]FILE.npy", help="An input: int8 codes or float numbers; once for each input.")
    ],
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            metavar="[NAME=]FILE.npy",
            help="Where an output goes, of the model or of a DPU subgraph; a folder takes all of the model's.",
        ),
    ] = None,
    engine: Annotated[
        Literal["simulator", "integer"], typer.Option(help="`simulator` executes the machine code, `integer` the graph.")
    ] = "simulator",
    strict: Annotated[
        bool, typer.Option("--strict", help="Also refuse what hardware would not forgive: unordered hazards, reads of nothing.")
    ] = False,
    json: words.Json = False,
) -> None:
    """Execute a compiled model bit for bit.

    Instruction by instruction, as the DPU does, with what the processor does behind it.

    Each input is a .npy array of the input's shape, [N, H, W, C] for maps, with any number N in front, the same for all inputs. An array
    of int8 holds codes; one of floats is quantized at the input's fix position: x * 2^fix_point, rounded, limited to int8. Other types
    are refused. `net2bit inspect` names the inputs with their shapes and fix positions.

    An output is what the model ends in: int8 codes, which stand for code * 2^-fix_point, where the DPU gave it last, float32 where an op
    of the processor made floats of them. What is printed says which, --json the fix position too.

    A quantized model that is not compiled runs with --engine integer.

    \b
    Examples:
        net2bit run mnist.xmodel --input digits.npy --output scores.npy
        net2bit run unet.xmodel --input input_1=codes.npy --output results/ --engine integer
        net2bit run mnist.xmodel --input digits.npy --output quant_dense_1_download_0=codes.npy
        net2bit run unet.xmodel --input x.npy --strict --json
    """
    from net2bit.cli.running import execute

    found = execute(model, given, output or [], engine, strict=strict)
    if json:
        words.document(found)
        return
    for one in found["outputs"]:
        shape = " x ".join(map(str, one["shape"]))
        typer.echo(
            f"{one['name']}: {one['dtype']} {shape}, {one['min']:g} to {one['max']:g}" + (f" -> {one['file']}" if one["file"] else "")
        )
