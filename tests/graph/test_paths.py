"""Names of files and folders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.graph import paths


@pytest.mark.parametrize(
    ("value", "text"),
    [("unet", "unet"), (0.25, "0.25"), (1.0, "1"), ([128, 256], "128x256"), (None, "none"), (True, "true"), (8, "8")],
)
def test_values_in_names_are_short(value: object, text: str) -> None:
    """A config value appears in a name as people write it."""
    assert paths.fill("x-{a.b}", {"a.b": value}.__getitem__) == f"x-{text}"


def test_a_pattern_without_fields_stays() -> None:
    """A plain file name needs no configuration."""
    assert paths.fill("weights.h5", lambda _: pytest.fail("asked")) == "weights.h5"


@given(st.text())
def test_a_label_is_a_folder_name_on_every_system(text: str) -> None:
    """Law: whatever a config value holds, its label is not empty, not hidden, not long, of plain characters; and is its own label."""
    label = paths.slug(text)
    assert label
    assert len(label) <= paths.LABEL_LENGTH
    assert set(label) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert label[0] not in ".-"
    assert label[-1] not in ".-"
    assert paths.slug(label) == label


def test_a_path_tells_kind_choices_and_digest() -> None:
    """The layout of the build tree is fixed: kind, label with eight digits, file."""
    assert paths.artifact("weights.h5", "unet-w1", "0123456789abcdef", "weights.h5") == "build/weights.h5/unet-w1-01234567/weights.h5"


@given(st.text(), st.text("0123456789abcdef", min_size=8))
def test_variants_of_a_label_have_their_folders_name_in_common(text: str, digest: str) -> None:
    """Law: what two artifacts of one kind and label have in common is kind and label, whatever signs are in it."""
    label = paths.slug(text)
    assert paths.labelled(paths.artifact("k", label, digest, "f.h5")) == f"build/k/{label}"
