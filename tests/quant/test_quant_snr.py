"""The report of signal to noise, tensor by tensor."""

import numpy as np
import pytest
from quant_nets import images, unet

from net2bit.errors import QuantError
from net2bit.quant.arith import Rounding
from net2bit.quant.floating import run_float
from net2bit.quant.quantize import fake_quantize
from net2bit.quant.snr import decibel, layer_snr
from net2bit.xir.graph import Graph

POSITION = 5


def pair(position: int = POSITION) -> tuple[Graph, Graph]:
    """Return a network and its quantized form with one position for all."""
    graph = unet()
    return graph, fake_quantize(graph, dict.fromkeys([op.name for op in graph], position), Rounding.HALF_EVEN)


def test_figures_are_those_of_the_tensors() -> None:
    """SQNR, largest difference and saturated share are what the tensors themselves say, over all images."""
    graph, made = pair()
    batch = images(11)
    found = {entry.name: entry for entry in layer_snr(graph, made, batch)}["dec_relu"]
    wanted, fixed = (
        run_float(graph, {"image": batch}, ["dec_relu"])["dec_relu"],
        run_float(made, {"image": batch}, ["dec_relu_fix"])["dec_relu_fix"],
    )
    difference = (wanted - fixed).astype(np.float64)
    assert found.sqnr_db == pytest.approx(10 * np.log10(np.sum(np.square(wanted.astype(np.float64))) / np.sum(np.square(difference))))
    assert found.max_abs_diff == pytest.approx(np.abs(difference).max())
    assert found.saturated == np.mean((fixed >= 127 / 2**POSITION) | (fixed <= -128 / 2**POSITION))
    assert (found.type, found.position) == ("conv2d", POSITION)


def test_every_tensor_is_listed_inputs_first() -> None:
    """The list has one entry for each quantized tensor, in graph order."""
    names = [entry.name for entry in layer_snr(*pair(), images(1))]
    assert names[0] == "image"
    assert names[-1] == "head"
    assert names.index("enc2_relu") < names.index("pool") < names.index("concat")


def test_finer_positions_are_nearer() -> None:
    """One bit more of position gains about 6 dB where nothing saturates."""
    coarse, fine = (layer_snr(*pair(position), images(4))[0].sqnr_db for position in (4, 5))
    assert coarse is not None
    assert fine is not None
    assert fine - coarse == pytest.approx(6.02, abs=0.5)


def test_no_noise_has_no_ratio() -> None:
    """Equal tensors, or a tensor of zeros, have no ratio, rather than an infinite one that JSON cannot hold."""
    assert decibel(1.0, 0.0) is None
    assert decibel(0.0, 1.0) is None
    assert decibel(100.0, 1.0) == pytest.approx(20.0)


def test_a_network_without_quantizers_is_refused() -> None:
    """Comparing a float network with itself is an error that says why."""
    with pytest.raises(QuantError, match="no quantizer"):
        layer_snr(unet(), unet(), images(1))
