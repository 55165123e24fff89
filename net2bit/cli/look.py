"""Commands that look at a compiled model: what it holds, its instructions, whether they are sound, how long they take."""

from pathlib import Path
from typing import Annotated, Any

import typer

from net2bit.cli import words


def inspect(model: words.Model, json: words.Json = False) -> None:
    """Say what a compiled model holds.

    Subgraphs and the device each runs on, the hardware it was compiled for, tensors at the border with shape and fix position, sizes of
    code, parameters and work space.

    \b
    Examples:
        net2bit inspect resnet50.xmodel
        net2bit inspect unet.xmodel --json | jq .subgraphs[1].fingerprint
    """
    from net2bit.cli.described import model_facts

    found = model_facts(model)
    if json:
        words.document(found)
        return
    words.facts([("model", found["name"]), ("made by", found["origin"] or "unknown"), ("md5", found["md5"])])
    for subgraph in found["subgraphs"]:
        typer.echo(f"\n{subgraph['device']} subgraph {subgraph['name']}" if subgraph["device"] else "\nnot compiled: no subgraphs")
        words.facts((f"  {name}", value) for name, value in _lines(subgraph))


def _lines(subgraph: dict[str, Any]) -> "list[tuple[str, str]]":
    rows = [("ops", f"{subgraph['ops']}{_types(subgraph['types'])}")]
    if subgraph["device"] != "DPU":
        return rows
    rows += [("target", subgraph["target"]), ("fingerprint", subgraph["fingerprint"]), ("code", _code(subgraph))]
    rows += [("parameters", words.size(subgraph["parameters"])), ("work", f"{subgraph['workload'] / 1e6:,.1f} MOP")]
    rows += [(f"REG_{one['id']}", f"{one['kind']}, {words.size(one['size'])}") for one in subgraph["registers"]]
    return rows + [(side, _tensor(one)) for side in ("input", "output") for one in subgraph[f"{side}s"]]


def _types(types: dict[str, int]) -> str:
    return f" ({', '.join(f'{number} {name}' for name, number in types.items())})" if types else ""


def _code(subgraph: dict[str, Any]) -> str:
    kinds = ", ".join(f"{number} {name}" for name, number in subgraph["instructions"].items())
    return f"{words.size(subgraph['code'])}{f', {kinds}' if kinds else ''}"


def _tensor(one: dict[str, Any]) -> str:
    shape = " x ".join(map(str, one["shape"]))
    return f"{one['name']}: {shape}, int8 * 2^{-one['fix_point']}, REG_{one['reg']} + {one['address']}"


def _letters(word: str) -> str:
    """Accept letters of LSCM.

    Raises:
        typer.BadParameter: There are others, or none.
    """
    if not word or set(word.upper()) - set("LSCM"):
        raise typer.BadParameter(f"'{word}' is not letters of LSCM: load, save, conv, misc")
    return word


def disasm(
    model: words.Model,
    json: words.Json = False,
    full: Annotated[bool, typer.Option("--full", help="One line for each instruction, with its fields by their names.")] = False,
    engine: Annotated[
        str,
        typer.Option(
            callback=_letters, metavar="LSCM", help="Only the instructions of these engines: letters of LSCM (load, save, conv, misc)."
        ),
    ] = "LSCM",
    first: Annotated[int, typer.Option(help="Index of the first instruction to print.", min=0)] = 0,
    count: Annotated[int | None, typer.Option(help="How many lines to print; all by default.", min=1)] = None,
) -> None:
    """Print machine code as text.

    Each line: index, the engines that are waited for, those that are signalled, and the instruction in short. LOADs (and SAVEs) that
    follow each other and differ in their places only are one line; `b8:26` is line 26 of bank 8, `R2+96` byte 96 of REG_2. With --full
    every instruction has its line, and fields that have their usual value are left out. Where the file names layers, each one's name
    stands above its instructions. --json has every instruction with all of its fields.

    \b
    Examples:
        net2bit disasm unet.xmodel | less
        net2bit disasm unet.xmodel --full --engine C --count 20
        net2bit disasm unet.xmodel --json > unet.json
    """
    from net2bit.cli.listing import Choice, chosen, fields_of, lines
    from net2bit.dpu.model import load

    choice, subgraphs = Choice(engine, first, count), load(model)
    if json:
        words.document({one.name: [fields_of(one, index) for index in chosen(one, choice)] for one in subgraphs})
        return
    for subgraph in subgraphs:
        for text in lines(subgraph, choice, full=full):
            typer.echo(text)


def check(model: words.Model, json: words.Json = False) -> None:
    """Prove that machine code is sound.

    Every two instructions that touch the same data must be ordered by their dependency bits, every address must lie inside its bank or
    register, no engine may wait for ever, and no signal may be left over. Exit status 1 where something is wrong.

    \b
    Examples:
        net2bit check unet.xmodel
        net2bit check unet.xmodel --json
    """
    from net2bit.cli.checking import checked

    found = checked(model)
    if json:
        words.document(found)
    else:
        for subgraph in found["subgraphs"]:
            typer.echo(f"{subgraph['name']}: {subgraph['instructions']:,} instructions, {len(subgraph['findings'])} findings")
            for finding in subgraph["findings"]:
                typer.echo(f"  {finding['kind']}: {finding['text']}")
    if not found["sound"]:
        raise typer.Exit(1)


def latency(
    model: words.Model,
    board: Annotated[str, typer.Option(metavar="BOARD", help="A board's name, or a file like those of experiments/board.")],
    clock: Annotated[float | None, typer.Option(metavar="MHZ", help="Clock of the DPU; 300 by default.", min=1)] = None,
    cores: Annotated[int, typer.Option(help="DPU cores.", min=1, max=4)] = 1,
    timeline: Annotated[
        Path | None, typer.Option(callback=words.place, metavar="FILE.svg", help="Also draw what each engine does when.")
    ] = None,
    json: words.Json = False,
) -> None:
    """Predict how long a model takes on a board.

    A prediction, with its error band: nothing is measured here. For each layer the bound that governs it (compute, load, save or waiting)
    and how much of the DPU's peak it uses. A note says so where the board is too small for the hardware that the model is compiled for.

    \b
    Examples:
        net2bit latency unet.xmodel --board kv260
        net2bit latency unet.xmodel --board ultra96v2 --clock 150 --timeline unet.svg
        net2bit latency unet.xmodel --board my_board.yaml --json
    """
    from net2bit.cli import predicting

    found = predicting.predicted(model, board, clock, cores)
    if timeline:
        predicting.draw(found, timeline)
    if json:
        words.document(found)
    else:
        predicting.say(found)
