"""Label ids to classes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.data.classes import UNKNOWN, class_map
from net2bit.data.label_ids import KNOWN, NAMES, stored
from net2bit.errors import ConfigError, DataError

CLASSES = ["background", "person", "car", "road"]
LABELS = {"person": [24, 25], "car": [26], "road": [7]}


def test_the_published_classes_map_as_configured() -> None:
    """Persons and riders, cars and the road get their classes; every other known id is background."""
    table = class_map(CLASSES, LABELS, KNOWN).table
    assert [int(table[i]) for i in (24, 25, 26, 7)] == [1, 1, 2, 3]
    assert {int(table[stored(i)]) for i in KNOWN - {24, 25, 26, 7}} == {0}


def test_licence_plates_are_known_as_255() -> None:
    """The id -1, stored in eight bits, is background and not an unknown id."""
    assert class_map(CLASSES, LABELS, KNOWN).table[255] == 0
    assert class_map(CLASSES, {**LABELS, "car": [26, -1]}, KNOWN).table[255] == 2


def test_names_and_ids_agree() -> None:
    """The name table has the ids of the classes that the default experiment uses in their published places."""
    assert [NAMES[i] for i in (7, 24, 25, 26, 33)] == ["road", "person", "rider", "car", "bicycle"]
    assert len(NAMES) == 34


@given(st.permutations(CLASSES), st.lists(st.sampled_from(sorted(KNOWN)), unique=True, max_size=20), st.data())
def test_the_map_is_total_and_honest(classes: list[str], ids: list[int], data: st.DataObject) -> None:
    """Law: every known id has exactly the class that claims it or else the rest; every other byte is unknown."""
    rest = classes[data.draw(st.integers(0, 3))]
    labels: dict[str, list[int]] = {name: [] for name in classes if name != rest}
    for label_id in ids:
        labels[data.draw(st.sampled_from(sorted(labels)))].append(label_id)
    table = class_map(classes, labels, KNOWN).table
    for byte in range(256):
        label_id = byte - 256 if byte - 256 in KNOWN else byte
        owner = next((name for name, own in labels.items() if label_id in own), rest)
        assert table[byte] == (classes.index(owner) if label_id in KNOWN else UNKNOWN)


def test_mapping_twice_changes_nothing() -> None:
    """Law: with classes mapped to their own indices the map is idempotent, so class pictures pass through unchanged."""
    known = frozenset(range(4))
    own = class_map(CLASSES, {"person": [1], "car": [2], "road": [3]}, known)
    once = own.apply(np.arange(4, dtype=np.uint8), where="")
    assert np.array_equal(own.apply(once, where=""), once)


def test_an_unknown_id_names_the_file() -> None:
    """Ids outside the vocabulary are an error that lists them and the file, as train ids or colours would cause."""
    with pytest.raises(DataError, match="unknown label id 40, 200") as caught:
        class_map(CLASSES, LABELS, KNOWN).apply(np.array([[7, 200], [40, 7]], np.uint8), where="x_labelIds.png")
    assert caught.value.where == "x_labelIds.png"


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ({**LABELS, "cat": [1]}, "'cat', which is no class"),
        ({**LABELS, "background": [0]}, "but none have no labels"),
        ({"person": [24]}, "car, road"),
        ({**LABELS, "car": [26, 34]}, "34 is no label id"),
        ({**LABELS, "car": [26, 7]}, "7 is claimed by"),
    ],
)
def test_a_contradictory_configuration_is_refused(labels: dict[str, Any], what: str) -> None:
    """Unknown classes, unknown ids, ids claimed twice and a missing or ambiguous rest class are config errors."""
    with pytest.raises(ConfigError, match=what):
        class_map(CLASSES, labels, KNOWN)
