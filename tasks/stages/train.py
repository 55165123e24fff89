"""Fit the network to the data set."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import H5PY, KERAS, MATPLOTLIB, NUMPY, PILLOW, TENSORFLOW

KINDS = (
    Kind("weights.h5", "The trained weights, by layer name (the layout of Keras 2)"),
    Kind("history.json", "Loss and scores of every epoch"),
    Kind("previews.h5", "What the network made of a few validation images after every epoch"),
    Kind("curve.png", "The training curve"),
    Kind("samples", "Test pictures of every epoch", tree=True),
)

OPS = (
    Op(
        name="train",
        title="Train the network",
        needs=("dataset.h5",),
        makes=("weights.h5", "history.json", "previews.h5"),
        run="net2bit.train.stage:run",
        reads=("model.architecture", "model.width", "model.input_size", "train", "dataset.classes"),
        files=("model.init",),
        tools=(TENSORFLOW, KERAS, NUMPY, H5PY),
        label="{model.architecture}-w{model.width}-{model.input_size}",
        resumes=True,
        resources={"cores": "train.threads", "memory": 1000 * MB},  # 773 MB
    ),
    Op(
        name="chronicle",
        title="Draw the training: its curve, and test pictures of every epoch",
        needs=("history.json", "previews.h5", "dataset.h5"),
        makes=("curve.png", "samples"),
        run="net2bit.train.chronicle:run",
        reads=("dataset.classes",),
        tools=(NUMPY, H5PY, MATPLOTLIB, PILLOW),
        label="{model.name}",
        resources={"memory": 150 * MB},  # 98 MB
    ),
)
