"""The stage `pack`: a data set in its own layout becomes `dataset.h5` and a count of what is in it, `dataset.json`."""

import json
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from net2bit.data.classes import ClassMap, class_map
from net2bit.data.listing import load
from net2bit.data.packed import Writer, write_packed
from net2bit.data.pictures import fit_image, fit_labels
from net2bit.data.samples import Adapter, Pair, Split
from net2bit.errors import DataError
from net2bit.job import Job

ADAPTERS: Final = "net2bit.data.adapters"
WORKERS: Final = min(8, os.cpu_count() or 1)
"""Threads that decode; the order of the pictures does not depend on their number."""


@dataclass(frozen=True)
class Ready:
    """A pair that is ready to be written.

    Attributes:
        image: uint8 [H, W, 3] at the model's size.
        labels: Class indices, uint8 [H, W] at the model's size.
        source: Height and width that the picture had.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    source: tuple[int, int]


@dataclass
class Tally:
    """What was packed of a split.

    Attributes:
        packed: Number of pictures written.
        skipped: Name -> reason of what was left out.
        pixels: int64 [classes]: number of pixels of each class.
        sizes: "WxH" of the sources -> how many.
    """

    pixels: NDArray[np.int64]
    packed: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    sizes: Counter[str] = field(default_factory=Counter)

    def add(self, ready: Ready) -> None:
        """Count one picture."""
        self.packed += 1
        self.pixels += np.bincount(ready.labels.ravel(), minlength=len(self.pixels))
        self.sizes[f"{ready.source[1]}x{ready.source[0]}"] += 1

    def as_dict(self, classes: Sequence[str]) -> dict[str, Any]:
        """Return the counts and the share of each class, ready for JSON."""
        total = max(1, int(self.pixels.sum()))
        return {
            "packed": self.packed,
            "skipped": [{"name": name, "reason": reason} for name, reason in sorted(self.skipped.items())],
            "class_shares": {name: round(int(count) / total, 6) for name, count in zip(classes, self.pixels, strict=True)},
            "source_sizes": dict(sorted(self.sizes.items())),
        }


@dataclass(frozen=True)
class Packer:
    """What is the same for every picture of a run.

    Attributes:
        adapter: Reads the data set's layout.
        mapping: Label ids to classes.
        size: Height and width of the model's input.
        skip: Whether a bad pair is left out instead of ending the run.
        job: Takes the progress.
    """

    adapter: Adapter
    mapping: ClassMap
    size: tuple[int, int]
    skip: bool
    job: Job

    def prepare(self, pair: Pair) -> Ready:
        """Read, map and resize one pair; DataError where that cannot be done."""
        sample = self.adapter.read(pair)
        indices = self.mapping.apply(sample.labels, where=str(pair.label))
        source = (sample.image.shape[0], sample.image.shape[1])
        return Ready(fit_image(sample.image, self.size), fit_labels(indices, self.size), source)

    def pack(self, name: str, split: Split, writer: Writer, steps: tuple[int, int]) -> Tally:
        """Write one split; *steps* are (done before, total) for the progress."""
        tally = Tally(np.zeros(len(self.mapping.classes), np.int64))
        self._reject_lonely(tally, split)
        writer.begin(name, len(split.pairs), max((len(p.name.encode()) for p in split.pairs), default=1))
        for done, (pair, ready) in enumerate(self._ready(split.pairs), start=steps[0] + 1):
            if isinstance(ready, DataError):
                self._reject(tally, pair.name, ready)
            else:
                writer.put(name, tally.packed, pair.name, ready.image, ready.labels)
                tally.add(ready)
            self.job.progress(done, steps[1], name)
        writer.end(name, tally.packed)
        return tally

    def _reject_lonely(self, tally: Tally, split: Split) -> None:
        """Leave out, or complain about, what lacks its partner; one complaint counts them all."""
        if split.bad and not self.skip:
            first = next(iter(split.bad.values()))
            more = f", and {len(split.bad) - 1} more files lack their partner" if len(split.bad) > 1 else ""
            raise DataError(first.what + more, where=first.where, remedy=first.remedy)
        tally.skipped.update({name: error.what for name, error in split.bad.items()})

    def _reject(self, tally: Tally, name: str, error: DataError) -> None:
        if not self.skip:
            raise error
        tally.skipped[name] = error.what

    def _ready(self, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Ready | DataError]]:
        """Yield every pair in order, prepared by a few threads that are never more than a few pictures ahead."""
        with ThreadPoolExecutor(WORKERS) as pool:
            ahead: deque[tuple[Pair, Future[Ready]]] = deque()
            for pair in pairs:
                ahead.append((pair, pool.submit(self.prepare, pair)))
                if len(ahead) > 2 * WORKERS:
                    yield _result(*ahead.popleft())
            while ahead:
                yield _result(*ahead.popleft())


def run(job: Job) -> None:
    """Pack `images` into `dataset.h5` and describe it in `dataset.json`.

    Raises:
        ConfigError: The adapter does not exist, or the class map does not hold.
        DataError: The layout is wrong; a pair is bad and `dataset.on_bad_input` is `error`; or no pair of a split is good.
    """
    config = job.config["dataset"]
    adapter = cast("Adapter", load(ADAPTERS, config["adapter"], key="dataset.adapter"))
    mapping = class_map(list(config["classes"]), config["labels"], adapter.KNOWN_IDS)
    height, width = job.config["model"]["input_size"]
    packer = Packer(adapter, mapping, (int(height), int(width)), config["on_bad_input"] == "skip", job)
    splits = adapter.find(job.inputs["images"])
    tallies = _pack_all(packer, splits, job.outputs["dataset.h5"])
    _describe(job, packer, tallies)


def _pack_all(packer: Packer, splits: dict[str, Split], path: Path) -> dict[str, Tally]:
    total = sum(len(split.pairs) for split in splits.values())
    done = 0
    tallies = {}
    with write_packed(path, packer.mapping.classes, packer.size) as writer:
        for name, split in splits.items():
            tallies[name] = packer.pack(name, split, writer, (done, total))
            _check_left(name, tallies[name], packer.job.inputs["images"])
            done += len(split.pairs)
    return tallies


def _check_left(name: str, tally: Tally, root: Path) -> None:
    if not tally.packed:
        first = next(iter(sorted(tally.skipped.items())))
        raise DataError(
            f"every one of the {len(tally.skipped)} pictures of the split {name!r} is bad; the first, {first[0]}: {first[1]}",
            where=str(root),
            remedy="mend the data set; dataset.on_bad_input=skip needs at least one good picture in each split",
        )


def _describe(job: Job, packer: Packer, tallies: dict[str, Tally]) -> None:
    classes = packer.mapping.classes
    splits = {name: tally.as_dict(classes) for name, tally in tallies.items()}
    report = {"format": "net2bit.dataset-report/1", "classes": list(classes), "size": list(packer.size), "splits": splits}
    job.outputs["dataset.json"].write_text(json.dumps(report, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name, tally in tallies.items():
        job.metric(f"{name}.packed", tally.packed)
        job.metric(f"{name}.skipped", len(tally.skipped))


def _result(pair: Pair, future: Future[Ready]) -> tuple[Pair, Ready | DataError]:
    try:
        return pair, future.result()
    except DataError as error:
        return pair, error
