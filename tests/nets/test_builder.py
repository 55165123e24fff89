"""What the builder refuses: mistakes of whoever writes an architecture."""

import pytest

from net2bit.errors import ModelError
from net2bit.nets.network import Builder


def test_name_twice() -> None:
    """Two layers of one name would share their weights: refused."""
    net = Builder((16, 16))
    net.conv(net.input, 4, 3, name="same")
    with pytest.raises(ModelError, match="two layers are called 'same'"):
        net.conv(net.input, 4, 3, name="same")


def test_two_outputs() -> None:
    """A branch that leads nowhere is named, since the graph's output would be ambiguous."""
    net = Builder((16, 16))
    net.relu(net.input)
    net.softmax(net.input)
    with pytest.raises(ModelError, match=r"2 outputs, not one: activation_1, softmax"):
        net.network("forked")


def test_concat_sizes() -> None:
    """Concatenating maps of different sizes is refused where it is written."""
    net = Builder((16, 16))
    with pytest.raises(ModelError, match="heights or widths differ"):
        net.concat(net.input, net.max_pool(net.input))


def test_stride_shape() -> None:
    """Law: with padding "same" the output of a strided convolution is the size divided by the stride, rounded up."""
    net = Builder((15, 16))
    net.conv(net.input, 4, 3, stride=2, name="down")
    assert net.network("strided").layer("down").shape == (8, 8, 4)
