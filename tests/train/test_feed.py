"""Which images a step sees: all of them, in an order and a light that depend on seed, epoch and index alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.data.packed import Split, scale
from net2bit.train.feed import Feed, vary
from net2bit.train.schedule import learning_rate


def feed(images: int, batch: int, *, seed: int = 0, augment: bool = False) -> Feed:
    """Return a feed of 4x6 images whose every pixel is the image's index."""
    values = np.arange(images, dtype=np.uint8)
    pixels = np.broadcast_to(values[:, None, None, None], (images, 4, 6, 3)).copy()
    labels = np.broadcast_to((values % 4)[:, None, None], (images, 4, 6)).copy()
    return Feed(Split(pixels, labels, tuple(map(str, values))), batch, seed, augment)


def seen(feed: Feed, epoch: int) -> list[list[int]]:
    """Return the indices in each batch of an epoch."""
    return [[round((float(image[0, 0, 0]) + 1) * 127.5) for image in images] for images, _ in feed.shuffled(epoch)]


@given(images=st.integers(1, 40), batch=st.integers(1, 9), epoch=st.integers(1, 5))
def test_every_image_once(images: int, batch: int, epoch: int) -> None:
    """Law: an epoch shows every image exactly once, in batches no larger than asked for and equal to within one image."""
    batches = seen(feed(images, batch), epoch)
    assert sorted(index for group in batches for index in group) == list(range(images))
    sizes = {len(group) for group in batches}
    assert max(sizes) <= batch
    assert max(sizes) - min(sizes) <= 1
    assert len(batches) == feed(images, batch).steps


def test_order() -> None:
    """Order depends on seed and epoch and on nothing that happened before: a resumed run sees what the killed one would have."""
    assert seen(feed(20, 4), 3) == seen(feed(20, 4), 3)
    assert seen(feed(20, 4), 3) != seen(feed(20, 4), 4)
    assert seen(feed(20, 4), 3) != seen(feed(20, 4, seed=1), 3)


def test_example_by_index() -> None:
    """An image's change by chance is the same whichever batch it falls into."""
    small, large = feed(12, 2, augment=True), feed(12, 5, augment=True)
    assert np.array_equal(small.example(2, 7)[0], large.example(2, 7)[0])
    assert not np.array_equal(small.example(2, 7)[0], small.example(3, 7)[0])


def test_unchanged() -> None:
    """Without augmentation, and in validation, images come as they are in the file."""
    plain = feed(5, 2)
    assert np.array_equal(plain.example(1, 3)[0], scale(plain.split.images[3]))
    images, labels = (np.concatenate(parts) for parts in zip(*feed(5, 2, augment=True).ordered(), strict=True))
    assert np.array_equal(images, scale(plain.split.images))
    assert np.array_equal(labels, plain.split.labels)


@given(seed=st.integers(0, 10_000))
def test_vary(seed: int) -> None:
    """Law: a varied image stays in -1..1, and is mirrored exactly when its labels are."""
    rng = np.random.default_rng(seed)
    labels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    image = np.repeat(labels[..., None] / np.float32(24) - np.float32(0.5), 3, axis=2).astype(np.float32)
    changed, moved = vary(image, labels, rng)
    assert changed.dtype == np.float32
    assert np.abs(changed).max() <= 1
    assert np.array_equal(np.argsort(changed[0, :, 0], kind="stable"), np.argsort(moved[0], kind="stable"))


@given(total=st.integers(1, 500), peak=st.floats(1e-5, 1))
def test_schedule(total: int, peak: float) -> None:
    """Law: the rate is positive, never above the peak, reaches it, and falls from there on."""
    rates = [learning_rate(step, total, peak) for step in range(total)]
    assert min(rates) > 0
    assert max(rates) == pytest.approx(peak)
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
