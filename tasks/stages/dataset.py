"""From a folder of images and labels to one packed file; the folder is the user's or drawn by a generator."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import H5PY, NUMPY, PILLOW

KINDS = (
    Kind("images", "Images and labels in the layout of Cityscapes", tree=True),
    Kind("dataset.h5", "The images and labels of one input size and one set of classes, packed"),
    Kind("dataset.json", "What was packed: counts, skipped files, the share of each class"),
)

OPS = (
    Op(
        name="synthesize",
        title="Draw a data set of street scenes",
        makes=("images",),
        run="net2bit.data.synthesize:run",
        reads=("dataset.generator", "dataset.synth"),
        only={"dataset.generator": None},
        tools=(NUMPY, PILLOW),
        label="{dataset.generator}",
        resources={"memory": 100 * MB},  # 46 MB
    ),
    Op(
        name="own_images",
        title="The data set in a folder of the user's",
        makes=("images",),
        source="dataset.root",
        only={"dataset.root": None},
    ),
    Op(
        name="pack",
        title="Pack the data set: resize, map labels to classes",
        needs=("images",),
        makes=("dataset.h5", "dataset.json"),
        run="net2bit.data.pack:run",
        reads=("dataset.adapter", "dataset.classes", "dataset.labels", "dataset.on_bad_input", "model.input_size"),
        tools=(H5PY, NUMPY, PILLOW),
        label="{dataset.adapter}-{model.input_size}",
        resources={"memory": 100 * MB},  # 68 MB
    ),
)
