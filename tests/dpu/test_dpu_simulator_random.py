"""The fast simulator against the machine's rules, byte by byte, on random programs."""

from dataclasses import replace

import numpy as np
import pytest
from dpu_programs import REGISTER, program
from dpu_scalar import Scalar

from net2bit.dpu.arch import Arch, standard
from net2bit.dpu.isa import Conv, ConvInit, Instruction
from net2bit.dpu.simulator import contract
from net2bit.dpu.simulator.machine import Machine
from net2bit.dpu.simulator.plan import plan
from net2bit.dpu.simulator.windows import conv_window

ARCHES = [
    replace(standard("B512"), argmax=True, alu_leaky=True),
    standard("B1152", high=True),
    standard("B800"),
    standard("B2304"),
]


def compare(arch: Arch, instructions: list[Instruction], seed: int) -> None:
    """Run a program both ways and compare all memory."""
    random = np.random.default_rng(seed)
    registers = {number: random.integers(-128, 128, REGISTER).astype(np.int8) for number in (0, 1)}
    machine = Machine(arch, {number: memory.copy() for number, memory in registers.items()})
    scalar = Scalar(arch, machine.banks.cells, registers)
    scalar.run(instructions)
    machine.run(plan(instructions, arch))
    for number, memory in machine.registers.items():
        assert np.array_equal(memory, scalar.registers[number])
    wanted = np.asarray(scalar.cells, np.int8).reshape(machine.banks.cells.shape)
    assert np.argwhere(machine.banks.cells != wanted).tolist() == []


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_fast_is_scalar(arch: Arch, seed: int) -> None:
    """Every byte of banks and registers behind a random program is what the rules say, however instructions are held back or joined."""
    compare(arch, program(arch, seed), seed)


def test_floats_are_as_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processors without 8-bit dot products get the same bytes, by float32 convolutions."""
    monkeypatch.setattr(contract, "trusted", lambda: False)
    for seed in range(3):
        compare(ARCHES[0], program(ARCHES[0], 100 + seed, 6), seed)


@pytest.mark.parametrize("value", [-128, 127])
def test_greatest_sums(monkeypatch: pytest.MonkeyPatch, value: int) -> None:
    """Sums beyond 2**24, where float32 ends, stay exact in both ways of computing them."""
    init, conv = ConvInit(4, 4, 4, 1, 1), Conv(0, 0, 0, 0, 0, 0, length=5, channel_group=16)
    window = conv_window(init, conv)
    x = np.full((window.height, window.width, 16 * 12), value, np.int8)
    x[0, 0, 0] = 1
    weights = np.full((12, 16 * x.shape[2]), -127, np.int8)
    wanted = -127 * value * weights.shape[1]
    for trusted in (True, False) if contract.trusted() else (False,):
        monkeypatch.setattr(contract, "trusted", lambda trusted=trusted: trusted)
        sums, reach = contract.contract(x, weights, window)
        assert sums.shape == (4, 5, 12)
        assert np.unique(sums).tolist() == sorted({wanted, wanted - 127 + 127 * value})
        assert abs(wanted) <= reach


@pytest.mark.parametrize("fault", ["wrong", "missing", "unsupported"])
def test_products_are_proved(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """8-bit products that saturate, fail or are not the processor's own are not used."""
    product = contract._product

    def broken(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        if fault == "missing":
            raise RuntimeError("not implemented")
        return np.clip(product(left, right), -(2**20), 2**20)

    if fault == "unsupported":
        monkeypatch.setattr(contract.torch.cpu, "_is_vnni_supported", lambda: False)
    else:
        monkeypatch.setattr(contract.torch.cpu, "_is_vnni_supported", lambda: True)
        monkeypatch.setattr(contract, "_product", broken)
    assert not contract.trusted.__wrapped__()
