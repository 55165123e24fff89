"""The planned task tables, as text to review. `pytest --snapshot-update` writes them anew; the difference is the review."""

import pytest
from declared import planned, table
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

VARIANTS = {
    "default": (),
    "separable": ("model=separable_unet", "quant=non_overflow"),
    "own_images": ("dataset=cityscapes", "dataset.root=/data/cityscapes", "model=unet_published", "model.init=vgg16.h5"),
    "hardware": ("flow=hardware", "board=zcu104", "dpu=b4096", "dpu.cores=2", "name=hardware"),
    "refined": ("quant.equalize=true", "quant.bias_correction=true", "name=refined"),
}


class Text(SingleFileSnapshotExtension):
    """One readable file for each case."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_planned_tasks_are_as_reviewed(variant: str, snapshot: SnapshotAssertion) -> None:
    """The stages of a variant, their order, slices, tools, inputs and products change only when somebody means it."""
    assert table(planned(*VARIANTS[variant])) == snapshot(extension_class=Text)
