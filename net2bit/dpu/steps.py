"""A program as what the engines execute: each instruction with the state that its queue's INIT instructions have left for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, Instruction, Load, Save
from net2bit.errors import ProgramError


@dataclass(frozen=True, slots=True)
class LoadStep:
    """A LOAD, at its index in the program."""

    index: int
    load: Load


@dataclass(frozen=True, slots=True)
class SaveStep:
    """A SAVE, at its index in the program."""

    index: int
    save: Save


@dataclass(frozen=True, slots=True)
class ConvStep:
    """A CONV with the CONVINIT in force."""

    index: int
    init: ConvInit
    conv: Conv


@dataclass(frozen=True, slots=True)
class AluStep:
    """An ALU with the ALUINIT in force."""

    index: int
    init: AluInit
    alu: Alu


@dataclass(frozen=True, slots=True)
class ElewStep:
    """An ELEW with its operands, in the order of their ELEWINITs."""

    index: int
    operands: tuple[ElewInit, ...]
    elew: Elew


Step = LoadStep | SaveStep | ConvStep | AluStep | ElewStep


def steps(program: Sequence[Instruction]) -> Iterator[Step]:
    """Yield what moves or computes data, in program order; INIT and END do neither.

    Raises:
        ProgramError: An instruction stands before the INIT that it needs; its index is named.
    """
    conv: ConvInit | None = None
    alu: AluInit | None = None
    operands: list[ElewInit] = []
    for index, instruction in enumerate(program):
        match instruction:
            case Load():
                yield LoadStep(index, instruction)
            case Save():
                yield SaveStep(index, instruction)
            case ConvInit():
                conv = instruction
            case AluInit():
                alu = instruction
            case ElewInit():
                operands.append(instruction)
            case Conv():
                if conv is None:
                    raise ProgramError("CONV without a CONVINIT before it", where=f"instruction {index}")
                yield ConvStep(index, conv, instruction)
            case Alu():
                if alu is None:
                    raise ProgramError("ALU without an ALUINIT before it", where=f"instruction {index}")
                yield AluStep(index, alu, instruction)
            case Elew():
                if len(operands) < instruction.num:
                    raise ProgramError(f"ELEW of {instruction.num} operands after {len(operands)} ELEWINIT", where=f"instruction {index}")
                yield ElewStep(index, tuple(operands[: instruction.num]), instruction)
                operands = operands[instruction.num :]
            case _:
                pass
