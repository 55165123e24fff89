"""The accuracy ladder: every form of the network on the same validation images, and how far each is from the one before.

From `weights.h5` (float) over `frozen.pb` and `float.xmodel` (folded) to `int.xmodel`, in float (fake-quantized) and in integers.
The first three compute the same function, so they may differ by float32 rounding only; the last two are equal bit for bit.
"""

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.data.packed import Split, open_packed, scale
from net2bit.errors import DataError, StageError
from net2bit.job import Job
from net2bit.report import noise
from net2bit.report.forms import Form, batch_size
from net2bit.report.forms_xir import Quantized, folded
from net2bit.report.ladder import Ladder, Picture, save
from net2bit.report.metrics import scores
from net2bit.report.pictures import overlay, strip
from net2bit.report.pictures import save as save_picture
from net2bit.report.tally import PREVIOUS, Answer, Tally
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read

SCALING = "x / 127.5 - 1"
PICTURES = 4  # evenly spread; the worst image comes on top of them
Bytes = NDArray[np.uint8]


def run(job: Job) -> None:
    """Write `ladder.json` and `predictions`.

    Raises:
        DataError: The validation split is empty, or its classes are not the experiment's.
        ModelError: A file is not the network that the experiment describes.
        StageError: Logits are not finite, or the integer network is not equal to the fake-quantized one.
    """
    config = job.config
    graph, quantized = read(job.inputs["float.xmodel"]), Quantized(job.inputs["int.xmodel"], config["verify"]["engine"])
    forms = _forms(job, graph, quantized)
    with open_packed(job.inputs["dataset.h5"]) as packed:
        _check(packed.classes, config["dataset"]["classes"])
        split = packed.split("val")
        course = Course(split, forms, list(packed.classes), batch_size(int(config["verify"]["batch"]), graph))
        tallies = course.climb(_count(split, config["verify"]["images"]), job)
        demand_equal(tallies[-1], quantized, split, course.batch)
        pictures = course.draw(tallies, job)
        ladder = _ladder(course, tallies, quantized, pictures, noise.measure(graph, quantized.graph, split))
    save(ladder, job.outputs["ladder.json"])
    for rung in ladder.rungs:
        if rung.dice.mean is not None:
            job.metric(f"dice_{rung.name}", rung.dice.mean)


def _forms(job: Job, graph: Graph, quantized: Quantized) -> list[Form]:
    """Return the forms from float to integer."""
    job.progress(0, 1, "loading networks")
    tensorflow = _tensorflow(job)
    return [
        tensorflow.trained(job.inputs["weights.h5"], job.config["model"], job.config["dataset"]["classes"]),
        tensorflow.frozen(job.inputs["frozen.pb"]),
        folded(graph),
        quantized.fake,
        quantized.integer,
    ]


def _tensorflow(job: Job) -> Any:
    """Import what needs TensorFlow, once its environment stands: no GPU, nothing read from or written to the user's home."""
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow", KERAS_HOME=str(job.scratch / "keras"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    module = importlib.import_module("net2bit.report.forms_tensorflow")
    module.pin()
    return module


def _check(found: Sequence[str], wanted: Sequence[str]) -> None:
    if list(found) != list(wanted):
        raise DataError(f"the data set has the classes {list(found)}, the experiment {list(wanted)}", where="dataset.classes")


def _count(split: Split, wanted: int | None) -> int:
    """Return how many images to run.

    Raises:
        DataError: There are none.
    """
    if not len(split):
        raise DataError("the validation split has no images", where="dataset.h5", remedy="verification needs at least one")
    return min(len(split), len(split) if wanted is None else int(wanted))


@dataclass(frozen=True)
class Course:
    """The forms on one split.

    Attributes:
        split: The images.
        forms: From float to integer.
        classes: Names by index.
        batch: Images at once.
    """

    split: Split
    forms: list[Form]
    classes: list[str]
    batch: int

    def climb(self, images: int, job: Job) -> list[Tally]:
        """Run the first *images* images through every form and count."""
        tallies = [Tally(form, len(self.classes)) for form in self.forms]
        steps = -(-images // self.batch) * len(tallies)
        done = 0
        for pixels, truth in self._batches(images):
            inputs = scale(pixels)
            reference = previous = None
            for tally in tallies:
                job.progress(done, steps, tally.form.name)
                answer = Answer.of(tally.form.run(inputs))
                reference = reference or answer
                tally.add(truth, answer, previous or answer, reference)
                previous, done = answer, done + 1
        job.progress(done, steps, "counted")
        return tallies

    def _batches(self, images: int) -> Iterator[tuple[Bytes, Bytes]]:
        for start in range(0, images, self.batch):
            part = slice(start, min(start + self.batch, images))
            yield self.split.images[part], self.split.labels[part]

    def draw(self, tallies: Sequence[Tally], job: Job) -> list[Picture]:
        """Write the pictures: some evenly spread, and the one on which the integer network does worst."""
        folder = job.outputs["predictions"]
        folder.mkdir(parents=True)
        worst = worst_image(tallies[-1])
        chosen = [index for index in spread(len(tallies[0].matrices), PICTURES) if index != worst]
        made = []
        for index in [*chosen, worst]:
            name = f"{'worst' if index == worst else 'val'}_{index:04}.png"
            save_picture(self._strip(index), folder / name)
            dice = {tally.form.name: tally.dice_of(index) for tally in tallies}
            made.append(Picture(name, index, self.split.names[index], dice, worst=index == worst))
        return made

    def _strip(self, index: int) -> Any:
        image = np.asarray(self.split.images[index])
        found = [Answer.of(form.run(scale(image[None]))).classes[0] for form in (self.forms[0], self.forms[-1])]
        panels = {"truth": np.asarray(self.split.labels[index]), "float": found[0], "quantized (integer)": found[1]}
        return strip({"input": image, **{title: overlay(image, labels, self.classes) for title, labels in panels.items()}}, self.classes)


def spread(count: int, wanted: int) -> list[int]:
    """Return *wanted* indices below *count*, evenly spread from the first to the last; all where there are no more."""
    if count <= wanted:
        return list(range(count))
    return [round(at * (count - 1) / (wanted - 1)) for at in range(wanted)]


def worst_image(tally: Tally) -> int:
    """Return the image with the lowest mean Dice, the first of equals; images without any class come last."""
    values = [scores(matrix).dice.mean for matrix in tally.matrices]
    ranked = [2.0 if value is None else value for value in values]
    return ranked.index(min(ranked))


def demand_equal(tally: Tally, quantized: Quantized, split: Split, batch: int) -> None:
    """Refuse an integer network that is not equal to the fake-quantized one where it must be.

    Args:
        tally: Of the integer form.
        quantized: The network in both forms.
        split: Where images for the search of the layer come from.
        batch: How many of them.

    Raises:
        StageError: A logit differs; it names the first layer at which the forms part.
    """
    if tally.form.step != "nothing" or not tally.difference[PREVIOUS]:
        return
    where = quantized.first_difference(scale(split.images[:batch]))
    raise StageError(
        f"the integer network is not the fake-quantized one: logits differ by up to {tally.difference[PREVIOUS]:g}, "
        f"{tally.pixels - tally.same[PREVIOUS]} of {tally.pixels} pixels change class",
        where=f"int.xmodel, {where}" if where else "int.xmodel",
        remedy="this is a fault of the lowering or of the integer engine: try verify.engine=reference, the specification, to tell which",
    )


def _ladder(course: Course, tallies: Sequence[Tally], quantized: Quantized, pictures: list[Picture], found: noise.Noise) -> Ladder:
    error, clipped = quantized.input_loss()
    return Ladder(
        classes=course.classes,
        images=len(tallies[0].matrices),
        engine=quantized.engine,
        scaling=SCALING,
        input=quantized.input,
        input_error=error,
        input_clipped=clipped,
        output=quantized.output,
        rungs=[tally.rung(course.classes, tallies[0]) for tally in tallies],
        layers=found.layers,
        sqnr_images=found.images,
        first=found.first,
        worst=found.worst,
        floor=noise.FLOOR,
        pictures=pictures,
    )
