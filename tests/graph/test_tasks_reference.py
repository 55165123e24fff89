"""The generated reference of stages."""

from declared import PROJECT

from net2bit.graph import registry
from tasks.reference import PAGE, page


def test_reference_says_what_the_declarations_say() -> None:
    """The page is that of the declarations; `python -m tasks` writes it anew."""
    assert (PROJECT / PAGE).read_text("utf-8") == page(PROJECT), "run: python -m tasks"


def test_every_op_and_kind_has_its_place() -> None:
    """No declaration goes undocumented."""
    text, known = page(PROJECT), registry.load(PROJECT)
    for ops in known.chains.values():
        assert all(f"### `{op.name}`" in text and op.title in text for op in ops)
    assert all(f"| `{name}`" in text for name in known.kinds)
