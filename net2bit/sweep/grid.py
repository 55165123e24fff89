"""Every combination of swept values. Imports hydra."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from net2bit.errors import ConfigError

Words = list[str]


def points(words: Sequence[str], loader: ConfigLoader, most: int) -> list[Words]:
    """Return the overrides of each combination, the last word's values running fastest.

    Hydra's basic sweeper checks here that each point composes, one after the other (0.1 s each): the launcher does, all at once.

    Args:
        words: Overrides; of two with one key the last counts.
        loader: Finds the names that a `glob(...)` stands for.
        most: Points from which on it is taken for a mistake.

    Raises:
        ConfigError: There are no values, too many combinations, or values that cannot be counted (`interval(...)`).
    """
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(words))
    values = {str(one.get_key_element()): _values(one) for one in parsed}
    count = prod(len(found) for found in values.values())
    if count > most:
        sizes = " x ".join(str(len(found)) for found in values.values() if len(found) > 1)
        remedy = "sweep over fewer values, or raise sweep.max_points"
        raise ConfigError(f"{count:,} points ({sizes}) are more than {most:,}", where="sweep.max_points", remedy=remedy)
    return [list(found) for found in product(*values.values())]


def _values(given: Override) -> Words:
    key = given.get_key_element()
    if not given.is_sweep_override():
        return [given.input_line or key] if given.is_delete() else [f"{key}={given.get_value_element_as_str()}"]
    if not given.is_discrete_sweep():
        remedy = "name the values: key=1,2,3 or key=range(1,4); an interval is for sweepers that search: sweeper=search"
        raise ConfigError(f"the values of {key!r} cannot be counted", where=given.input_line or "", remedy=remedy)
    try:
        found = [f"{key}={value}" for value in given.sweep_string_iterator()]
    except ValueError as error:  # a step of 0
        raise ConfigError(f"the values of {key!r} cannot be counted: {error}", where=given.input_line or "") from error
    if not found:
        raise ConfigError(f"{key!r} has no values: the sweep has no points", where=given.input_line or "", remedy="name one or more")
    return list(dict.fromkeys(found))


def batches(found: Sequence[Words], size: int | None) -> Iterator[Sequence[Words]]:
    """Yield *found* in pieces of at most *size*; all at once where that is None."""
    step = size if size and size > 0 else len(found)
    for start in range(0, len(found), step):
        yield found[start : start + step]
