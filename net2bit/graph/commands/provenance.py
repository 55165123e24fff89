"""`doit verify-provenance FILE`: is an artifact what its statement says, and everything that it was made from?"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from net2bit.errors import ConfigError, PlanError
from net2bit.graph.commands.base import ProjectCommand, columns, paint

if TYPE_CHECKING:
    from net2bit.graph.audit import Audit
    from net2bit.provenance.keys import PublicKey
    from net2bit.provenance.verify import Account

_COLOUR = {"ok": "green", "changed": "red", "refused": "red", "unknown": "yellow"}


class VerifyProvenance(ProjectCommand):
    """Check statements of provenance."""

    name = "verify-provenance"
    doc_purpose = "check an artifact and what it was made from against the signed statements"
    doc_usage = "[key=value ...] FILE ..."
    doc_description = (
        "FILE is an artifact, a link to one, a copy with its statement beside it, or a word of the plan. Trusted keys are those of "
        "cache.remote.keys and --key. The exit status is 1 when something is not what a statement says."
    )
    cmd_options = (
        {"name": "key", "short": "k", "long": "key", "type": list, "default": [], "help": "a public key, or a file of them, to trust"},
        {"name": "signed", "short": "s", "long": "signed", "type": bool, "default": False, "help": "ask for a trusted signature on each"},
        {"name": "shallow", "long": "shallow", "type": bool, "default": False, "help": "look at no code, tool or input"},
        {"name": "strict", "long": "strict", "type": bool, "default": False, "help": "what cannot be told counts as wrong"},
        {"name": "json", "long": "json", "type": bool, "default": False, "help": "print one JSON document"},
    )

    def execute(self, params: Mapping[str, Any], args: Sequence[str]) -> int:
        """Keep the options, which `answer` does not take."""
        self.params = dict(params)
        return int(super().execute(params, args) or 0)

    def answer(self, words: Sequence[str]) -> int:
        """Print the account of each artifact on the way to the sources; the exit status is 1 when one does not hold.

        Raises:
            ConfigError: No file is named, or a key is none.
            PlanError: A word is neither a file nor in the plan.
            StoreError: A file cannot be read.
        """
        if not words:
            raise ConfigError("no file is named", remedy="name artifacts: `./doitw verify-provenance dist/NAME/FILE`")
        audit = self.audit()
        for word in words:
            audit.look(self.path(word))
        holds = verdict(audit.accounts, strict=self.params["strict"])
        show = as_json if self.params["json"] else as_text
        self.outstream.writelines(f"{line}\n" for line in show(audit.accounts, holds=holds))
        return 0 if holds else 1

    def audit(self) -> "Audit":
        """Return a look with the keys and tools of this experiment."""
        from net2bit.graph.audit import Audit  # noqa: PLC0415 - this command alone needs it

        tools = {tool for stage in self.plan.stages for tool in stage.op.tools}
        return Audit(self.store, self.keys(), tools, signed=self.params["signed"], shallow=self.params["shallow"])

    def keys(self) -> "list[PublicKey]":
        """Return the keys that are trusted here."""
        from net2bit.provenance.keys import load_public  # noqa: PLC0415 - likewise

        listed = self.loader.namespace["EXPERIMENT"]["cache"]["remote"]["keys"]
        return [key for one in (*listed, *self.params["key"]) for key in load_public(one)]

    def path(self, word: str) -> Path:
        """Return the artifact that *word* names: by its path, or as the plan's targets are named."""
        if os.path.lexists(word):
            return Path(word)
        try:
            stage = self.plan.find(word)
        except PlanError as error:
            error.what = f"there is no file {word!r}, and {error.what}"
            error.args = (error.what,)
            raise
        named = [out.path for out in stage.outputs if word in {out.kind, out.path, os.path.basename(out.path)}]
        return self.store.root / (named or [out.path for out in stage.outputs])[0]


def verdict(accounts: "Sequence[Account]", *, strict: bool) -> bool:
    """Return whether all holds; *strict*: and nothing is unknown."""
    good = {"ok"} if strict else {"ok", "unknown"}
    return all(one.state in good for account in accounts for one in account.checks)


def shown(text: str) -> str:
    """Return a text of a stranger's without what would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def as_json(accounts: "Sequence[Account]", *, holds: bool) -> Iterator[str]:
    """Yield the lines of the JSON document."""
    yield json.dumps({"holds": holds, "artifacts": [one.as_dict() for one in accounts]}, indent=1)


def as_text(accounts: "Sequence[Account]", *, holds: bool) -> Iterator[str]:
    """Yield lines for people."""
    for account in accounts:
        yield f"{account.path}{f'  signed by {account.signer}' if account.signer else ''}"
        lines = columns([(f"  {one.state}", one.what, shown(one.detail)) for one in account.checks])
        yield from (paint(line, _COLOUR[one.state]) for line, one in zip(lines, account.checks, strict=True))
    states = [str(one.state) for account in accounts for one in account.checks]
    told = ", ".join(f"{states.count(name)} {name}" for name in _COLOUR if name in states)
    yield f"{len(accounts)} artifact{'s' * (len(accounts) != 1)}: {told}; {'it holds' if holds else 'it does not hold'}"
