"""Commands that make networks: quantize a frozen graph, compile a quantized one."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from net2bit.cli import words

Effort = Annotated[
    Literal["trivial", "fast", "search"],
    typer.Option(help="How schedules are found: `trivial`, `fast` (by estimate) or `search` (times the candidates)."),
]


def quantize(
    frozen: Annotated[Path, typer.Argument(metavar="FROZEN.pb", help="A frozen TensorFlow graph, cut before the softmax.")],
    calibration: Annotated[
        Path, typer.Option(metavar="FOLDER|FILE.npy", help="Folder of PNG or JPEG pictures; or network inputs, float32 [N, H, W, C].")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", callback=words.place, metavar="INT.xmodel", help="The quantized network to write.")
    ],
    method: Annotated[
        Literal["min_error", "min_diffs", "non_overflow"], typer.Option(help="How fix positions are chosen.", metavar="METHOD")
    ] = "min_error",
    scaling: Annotated[
        Literal["tf", "unit", "raw"], typer.Option(help="From bytes to inputs: `tf` (x/127.5 - 1), `unit` (x/255) or `raw` (x).")
    ] = "tf",
    images: Annotated[int, typer.Option(help="Pictures to use at most, the first by name.", min=1)] = 64,
    name: Annotated[str | None, typer.Option(help="Name of the network; that of the output file by default.")] = None,
    json: words.Json = False,
) -> None:
    """Quantize a frozen graph to int8.

    With power-of-two steps, as the DPU computes. The pictures are scaled to the network's input size; the fix position of every tensor is
    chosen from what flows through the float network, and moved where the DPU's shifters do not reach.

    \b
    Examples:
        net2bit quantize frozen.pb --calibration images/ -o unet_int.xmodel
        net2bit quantize frozen.pb --calibration inputs.npy --method min_diffs -o unet_int.xmodel
    """
    from net2bit.cli import calibration as calibrating

    found = calibrating.quantized(frozen, calibration, output, calibrating.Choice(method, scaling, images, name))
    if json:
        words.document(found)
        return
    words.facts([("network", found["name"]), ("pictures", found["images"]), ("tensors", found["tensors"])])
    for move in found["moves"]:
        typer.echo(f"  moved: {move}")
    typer.echo(f"wrote {output}")


def compile_model(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL.xmodel", help="A quantized network; of a compiled one, its graph is compiled again.")
    ],
    target: Annotated[str, typer.Option(metavar="TARGET", help="Target name, fingerprint, arch.json, dpu.dcf or .hwh of the hardware.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", callback=words.place, metavar="OUT.xmodel", help="The compiled network to write.")
    ],
    effort: Effort = "fast",
    max_subgraphs: Annotated[
        int | None, typer.Option(help="Fail where the network falls into more parts on the DPU than this.", min=1)
    ] = None,
    side_files: Annotated[bool, typer.Option("--side-files", help="Write meta.json, md5sum.txt and <net>_kernel.info beside it.")] = False,
    json: words.Json = False,
) -> None:
    """Compile a network to machine code of a DPU.

    Of any DPUCZDX8G with the instruction set ISA1 (DPU IP 4.x). What the DPU cannot compute stays on the processor, with the reason.

    \b
    Examples:
        net2bit compile unet_int.xmodel --target DPUCZDX8G_ISA1_B4096 -o unet.xmodel
        net2bit compile unet_int.xmodel --target arch.json --max-subgraphs 1 -o unet.xmodel
        net2bit compile vendors_b4096.xmodel --target DPUCZDX8G_ISA1_B1152 -o for_b1152.xmodel
    """
    from net2bit.cli import compiling

    found = compiling.compiled(model, target, output, compiling.Choice(effort, max_subgraphs, side_files))
    if json:
        words.document(found)
        return
    rows = [(name, found[name]) for name in ("target", "fingerprint", "subgraphs", "instructions")]
    words.facts([*rows, *((name, words.size(found[name])) for name in ("code", "parameters"))])
    for op in found["cpu_ops"]:
        remedy = f" ({op['remedy']})" if op["remedy"] else ""
        typer.echo(f"  on the processor: {op['type']} {op['name']}: {op['reason']}{remedy}")
    words.notes(found["notes"])
    typer.echo(f"wrote {', '.join(found['files'])}")
