"""Paths that a stranger names: inside, plain, and one file each."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.provenance import names
from net2bit.provenance.errors import Untrusted

_PIECES = st.lists(
    st.sampled_from(["..", ".", "", "a", "b c", "é", "\\", "\x00", "\n", "\u202e", "\ud800", "~", "C:"]) | st.text(max_size=3)
)


@given(_PIECES.map("/".join))
def test_safe_path_stays_inside(text: str) -> None:
    """Law: a path that is let through leads into its folder by every step, can be shown, and can be written."""
    try:
        path = names.safe(text)
    except Untrusted:
        return
    assert path == text
    steps = PurePosixPath(path).parts
    assert ".." not in steps
    assert not path.startswith("/")
    assert "\\" not in path
    assert (Path("/top") / path).is_relative_to("/top")
    assert path.encode().decode() == path
    assert not any(ord(letter) < 0x20 or letter == "\x7f" for letter in path)


@pytest.mark.parametrize("path", ["a", "a/b", "empty/", "Grüße/日本.txt", ".hidden", "a b", "...", "~", "a.b-c_d@e+f"])
def test_ordinary_paths_are_let_through(path: str) -> None:
    """What stages really write is no reason for suspicion."""
    assert names.safe(path) == path


@pytest.mark.parametrize("path", ["", "/", "a//b", "a//", "./a", "a/..", "..", "a\\b", "a\0", "\u200bx", "x" * 256, "é" * 128, "a/" * 2049])
def test_odd_paths_are_refused(path: str) -> None:
    """Empty, climbing, hidden and overlong names are refused, counted in bytes."""
    with pytest.raises(Untrusted, match="lead astray"):
        names.safe(path)


@given(st.lists(st.text("aAbB/é", min_size=1, max_size=4).filter(lambda one: "//" not in one and one[0] != "/"), unique=True))
def test_distinct_paths_can_lie_side_by_side(paths: list[str]) -> None:
    """Law: of paths that are let through together, none is another one's folder, whatever a file system makes of case."""
    try:
        names.distinct(paths)
    except Untrusted:
        return
    plain = [path.casefold() for path in paths]
    assert len(set(plain)) == len(plain)
    assert not any(other.startswith(f"{one.rstrip('/')}/") for one in plain for other in plain if one != other)
