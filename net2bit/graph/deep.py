"""Deep keys: what identifies an artifact before anything it is made from has been made.

A stage key holds the digests of the stage's inputs, which nobody knows in a fresh clone. A deep key holds in their place the deep keys of
the stages that make them, down to files of the user's. Equal deep keys make equal artifacts; the converse does not hold (a comment in a
stage's code moves neither, but two ways to the same bytes have one stage key behind them and two deep ones).
"""

import hashlib
from typing import Final

from net2bit.graph.plan import Plan
from net2bit.graph.store import Store

_FORMAT: Final = "net2bit.deep/1"


def deep_keys(plan: Plan, store: Store) -> dict[str, str]:
    """Return stage name -> deep key (64 hex digits) for every stage of *plan*; nothing is built.

    Raises:
        StoreError: The code of a stage, or a file of the user's, cannot be read.
    """
    found: dict[str, str] = {}
    for stage in plan.stages:
        digests = [found[one.maker] if one.maker else store.prints.digest(one.path, tree=one.tree) for one in stage.inputs]
        found[stage.name] = hashlib.sha256(f"{_FORMAT}\n{store.keys.base(stage, digests)}".encode()).hexdigest()
    return found
