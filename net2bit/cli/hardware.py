"""Commands about the hardware: its dcf, and what a description says."""

from pathlib import Path
from typing import Annotated

import typer

from net2bit.cli import words


def dcf(
    design: Annotated[Path, typer.Argument(metavar="DESIGN.hwh", help="The hardware hand-off file of a design with a DPU.")],
    output: Annotated[Path, typer.Option("-o", "--output", callback=words.place, metavar="DPU.dcf", help="The file to write.")],
    json: words.Json = False,
) -> None:
    """Make the dcf of a hardware design.

    The DPU configuration file of Vitis AI up to 1.2, byte for byte as the vendor's dlet writes it.

    \b
    Examples:
        net2bit dcf design_1.hwh -o dpu.dcf
    """
    from net2bit.cli import targets

    found = targets.write_dcf(design, output)
    if json:
        words.document(found)
        return
    typer.echo(f"wrote {output}: {found['bytes']} bytes, {found['cores']} x {found['arch']}")


def arch(
    thing: Annotated[
        str, typer.Argument(metavar="THING", help="A .hwh, .dcf, arch.json or .xmodel file, a target name, or a fingerprint.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", callback=words.place, metavar="ARCH.json", help="Write it for the compiler.")
    ] = None,
    json: words.Json = False,
) -> None:
    """Say which DPU something stands for.

    A hardware design, a dcf, an arch.json, a compiled model, a target name, a size, or a fingerprint. Of a hardware design all is known,
    the resources that it takes too; of the others what a compiled network depends on. Notes say where care is needed.

    \b
    Examples:
        net2bit arch design_1.hwh -o arch.json
        net2bit arch DPUCZDX8G_ISA1_B4096
        net2bit arch 0x101000016010405 --json
        net2bit arch dpu.dcf
    """
    from net2bit.cli import targets
    from net2bit.dpu.target.describe import describe

    found = describe(thing)
    if output:
        targets.write_arch(found, output)
    if json:
        words.document(found.as_dict())
        return
    words.facts(targets.rows(found))
    if output:
        typer.echo(f"wrote {output}")
