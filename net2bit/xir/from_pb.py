"""From a frozen TensorFlow graph to the IR: as `net2bit.export` writes it, as TensorFlow 1 froze it, or as TensorFlow 2 does."""

from pathlib import Path

from net2bit.errors import ModelError
from net2bit.proto.graphdef import GraphDef
from net2bit.proto.wire import parse
from net2bit.xir.graph import Graph
from net2bit.xir.tf import layers, shaping
from net2bit.xir.tf.importer import Importer

RULES = layers.RULES | shaping.RULES
"""TensorFlow operation -> what converts it."""


def read_pb(path: Path, name: str) -> Graph:
    """Return the float graph of a frozen `.pb`, called *name*, for a batch of 1; ops keep their nodes' names.

    Nothing is folded yet: a bias is an `add`, a batch normalization an op of its own (`net2bit.xir.passes` folds them).

    Raises:
        ModelError: The file is missing or damaged, or a node cannot be converted; it names the file and the node.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}", where=str(path), remedy="give the path of a frozen graph (.pb)"
        ) from error
    message = parse(GraphDef, content, path, "frozen graph")
    if not message.node:
        raise ModelError(f"{path.name} is no frozen graph: it holds no nodes", where=str(path), remedy="freeze the network again")
    try:
        return Importer(name, RULES).run(message)
    except ModelError as error:
        where = ", ".join(part for part in (str(path), error.where) if part)
        raise ModelError(error.what, where=where, remedy=error.remedy, suggestion=error.suggestion) from error
