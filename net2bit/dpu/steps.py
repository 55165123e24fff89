"""A program as what the engines execute: each instruction with the state that its queue's INIT instructions have left for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Inits:
    """The state that the INIT instructions of the queues leave behind."""

    conv: ConvInit | None = None
    alu: AluInit | None = None
    operands: list[ElewInit] = field(default_factory=list)
    """Not yet used, in the order in which they came."""

    def note(self, instruction: Instruction) -> None:
        """Keep what an INIT instruction sets; any other changes nothing."""
        match instruction:
            case ConvInit():
                self.conv = instruction
            case AluInit():
                self.alu = instruction
            case ElewInit():
                self.operands.append(instruction)
            case _:
                pass

    def step(self, index: int, instruction: Conv | Alu | Elew) -> Step:
        """Return the instruction with its state; an ELEW uses its operands up.

        Raises:
            ProgramError: The INIT that it needs has not come.
        """
        match instruction:
            case Conv() if self.conv is not None:
                return ConvStep(index, self.conv, instruction)
            case Alu() if self.alu is not None:
                return AluStep(index, self.alu, instruction)
            case Elew(num=num) if len(self.operands) >= num:
                mine, self.operands = self.operands[:num], self.operands[num:]
                return ElewStep(index, tuple(mine), instruction)
            case Elew(num=num):
                raise ProgramError(f"ELEW of {num} operands after {len(self.operands)} ELEWINIT", where=f"instruction {index}")
            case _:
                name = instruction.mnemonic
                raise ProgramError(f"{name} without {name}INIT before it", where=f"instruction {index}")


def steps(program: Sequence[Instruction]) -> Iterator[Step]:
    """Yield what moves or computes data, in program order; INIT and END do neither.

    Raises:
        ProgramError: An instruction stands before the INIT that it needs; its index is named.
    """
    inits = Inits()
    for index, instruction in enumerate(program):
        match instruction:
            case Load():
                yield LoadStep(index, instruction)
            case Save():
                yield SaveStep(index, instruction)
            case Conv() | Alu() | Elew():
                yield inits.step(index, instruction)
            case _:
                inits.note(instruction)
