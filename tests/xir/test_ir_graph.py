"""The graph itself: order, links, ends."""

import numpy as np
import pytest

from net2bit.errors import ModelError
from net2bit.xir import build
from net2bit.xir.graph import Graph, Op, Tensor


def chain() -> Graph:
    """Return `x -> a -> b`, with `c` beside `b`."""
    graph = Graph("chain", attrs={"origin": "test"})
    build.data(graph, "x", (1, 2, 2, 3))
    build.relu(graph, "a", "x")
    build.relu(graph, "b", "a")
    build.add(graph, "c", "a", build.const(graph, "k", np.ones(3)))
    return graph


def test_ops_are_found_by_name_type_and_place() -> None:
    """Ops come in order, by name, by type, and as inputs and outputs; constants are neither."""
    graph = chain()
    assert [op.name for op in graph] == ["x", "a", "b", "k", "c"]
    assert (len(graph), "a" in graph, "z" in graph) == (5, True, False)
    assert [op.name for op in graph.of_type("relu")] == ["a", "b"]
    assert [op.name for op in graph.inputs()] == ["x"]
    assert [op.name for op in graph.outputs()] == ["b", "c"]
    assert [op.name for op in graph.consumers("a")] == ["b", "c"]
    assert graph.op("c").producers == ["a", "k"]


def test_an_op_can_stand_in_front_of_another() -> None:
    """Insertion keeps the order of the rest, and the walk is over the ops that were there when it began."""
    graph = chain()
    for op in graph:
        if op.name == "b":
            build.place(graph, "relu6", "between", {"input": ["a"]}, before="b")
    assert [op.name for op in graph] == ["x", "a", "between", "b", "k", "c"]


def test_consumers_are_redirected_but_for_those_kept() -> None:
    """Redirecting changes every use, of any argument, save those named."""
    graph = chain()
    graph.redirect("a", "x", keep=["b"])
    assert (graph.op("b").args, graph.op("c").args) == ({"input": ["a"]}, {"input": ["x", "k"]})


def test_only_unused_ops_are_removed() -> None:
    """An op in use stays, and the error names the user."""
    graph = chain()
    with pytest.raises(ModelError, match="op 'a' cannot be removed: 'b' still uses it"):
        graph.remove("a")
    graph.remove("b")
    assert "b" not in graph


def test_wrong_names_are_errors_with_the_near_miss() -> None:
    """An unknown op, a name taken twice, a missing producer and an argument with several producers are named."""
    graph = chain()
    with pytest.raises(ModelError, match="has no op 'aa'") as caught:
        graph.op("aa")
    assert caught.value.suggestion == "a"
    with pytest.raises(ModelError, match="two ops called 'a'"):
        graph.add(Op("a", "relu", Tensor("a", (1,))))
    with pytest.raises(ModelError, match="takes its input from 'z', which does not stand ahead"):
        graph.add(Op("d", "relu", Tensor("d", (1,)), args={"input": ["z"]}))
    with pytest.raises(ModelError, match="has 2 producers for its argument 'input'"):
        graph.op("c").arg("input")
    with pytest.raises(ModelError, match="has 0 producers for its argument 'bias'"):
        graph.op("c").arg("bias")


def test_a_copy_shares_nothing() -> None:
    """Changing a copy leaves the graph as it was: values, attributes, links."""
    graph = chain()
    other = graph.copy()
    data = other.op("k").data
    assert data is not None
    data[:] = 7
    other.attrs["origin"] = "copy"
    other.op("c").args["input"][0] = "x"
    assert graph.op("k").data is not None
    assert (graph.op("k").data == 1).all()  # type: ignore[union-attr]
    assert (graph.attrs["origin"], graph.op("c").args["input"][0]) == ("test", "a")
