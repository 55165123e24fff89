"""Following an artifact back to its sources: is each of them what the statement about it says?

Products and inputs are read in full: a remembered digest says what a file was, and this asks what it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from net2bit.errors import StoreError
from net2bit.graph.fingerprint import Entry, sha256, tree_digest, walk
from net2bit.graph.kind import Tool
from net2bit.graph.place import statement_path
from net2bit.job import canonical
from net2bit.provenance import envelope, fields, recompute, verify
from net2bit.provenance.keys import PublicKey
from net2bit.provenance.statement import OUTSIDE, OutputFact, Statement
from net2bit.provenance.verify import Account, State

if TYPE_CHECKING:
    from net2bit.graph.store import Store

_SHOWN: Final = 3  # names in one line; the rest is counted


class Audit:
    """One look at artifacts and all that they were made from."""

    def __init__(self, store: "Store", keys: Sequence[PublicKey], tools: Iterable[Tool], *, signed: bool, shallow: bool = False) -> None:
        """Look with the eyes of *store*.

        Args:
            store: Its tree is where inputs are looked for.
            keys: The trusted keys.
            tools: Those whose versions can be found out here.
            signed: Whether a trusted signature is asked for.
            shallow: Look at the artifact, its statement and the signature alone.
        """
        self._store = store
        self._keys = keys
        self._tools = {tool.name: tool for tool in tools}
        self._signed = signed
        self._shallow = shallow
        self._known: dict[str, Account] = {}
        self._digests: dict[Path, str | None] = {}

    @property
    def accounts(self) -> list[Account]:
        """What was found: an artifact, then what it was made from."""
        return list(self._known.values())

    def look(self, path: Path, *, asked: bool = True) -> None:
        """Check what lies at *path*, a file or folder anywhere, against the statement beside it, and so on up to the sources.

        Args:
            path: The file or folder.
            asked: Whether the user named it: then it needs a statement, since there is nothing else to go by.

        Raises:
            StoreError: Something cannot be read.
        """
        real = path.resolve()
        name = str(real.relative_to(self._store.root)) if real.is_relative_to(self._store.root) else str(real)
        if name in self._known:
            return
        account = self._known[name] = Account(name)
        blob = _beside(path.absolute()) or _beside(real)
        if blob is None:
            account.add("statement", State.REFUSED if asked or self._signed else State.UNKNOWN, "there is none beside it")
            return
        statement = verify.read(blob, self._keys, account, signed=self._signed)
        if statement is not None:
            _check_content(real, statement, account)
            if not self._shallow:
                self._check_materials(statement, account)

    def _check_materials(self, statement: Statement, account: Account) -> None:
        found = fields.tables(statement.document["predicate"]["buildDefinition"], "resolvedDependencies")
        self._check_code(statement, account)
        self._check_tools({name: str(about["version"]) for name, about, _ in recompute.role(found, "tool")}, account)
        for kind, about, one in recompute.role(found, "input"):
            if self._check_input(kind, str(about.get("path", OUTSIDE)), fields.sha(one), account) and about.get("maker"):
                self.look(self._store.root / str(about["path"]), asked=False)

    def _check_code(self, statement: Statement, account: Account) -> None:
        files = recompute.code(statement.document) | dict(recompute.files(statement.extra))
        moved = self._store.keys.code.moved(canonical(sorted(files.items())))
        account.add("code", State.CHANGED if moved else State.OK, f"other here: {listed(moved)}" if moved else f"{len(files)} files")

    def _check_tools(self, then: Mapping[str, str], account: Account) -> None:
        """Compare with what is installed; another version here does not make the statement wrong."""
        probe = self._store.keys.probe
        here = probe.versions(tuple(self._tools[name] for name in then if name in self._tools))
        other = [f"{version} then, {here.get(name, 'not looked for')} here" for name, version in then.items() if here.get(name) != version]
        account.add("tools", State.UNKNOWN if other else State.OK, listed(other or then.values()))

    def _check_input(self, kind: str, path: str, digest: str, account: Account) -> bool:
        """Return whether an input lies where it lay, as it was."""
        if path == OUTSIDE:
            account.add("input", State.UNKNOWN, f"{kind} lay outside the project")
            return False
        now = self._digest(self._store.root / path)
        if now is None:
            account.add("input", State.UNKNOWN, f"{path} is not here")
        elif now != digest:
            account.add("input", State.CHANGED, f"{path} was {digest[:12]}, and is {now[:12]}")
        else:
            account.add("input", State.OK, path)
        return now == digest

    def _digest(self, path: Path) -> str | None:
        """Return the digest of an input, which several stages may take."""
        if path not in self._digests:
            self._digests[path] = _digest(path)
        return self._digests[path]


def _beside(product: Path) -> bytes | None:
    """Return the statement beside a product, None where there is none; a copy may have lost the dot."""
    hidden = statement_path(product)
    for path in (hidden, hidden.with_name(hidden.name[1:])):
        try:
            with path.open("rb") as file:
                return file.read(envelope.LIMIT + 1)
        except FileNotFoundError:
            continue
        except OSError as fault:
            raise StoreError(f"cannot read the statement: {fault.strerror}", where=str(path)) from fault
    return None


def _check_content(real: Path, statement: Statement, account: Account) -> None:
    entries = _entries(real) if real.is_dir() else None
    now = tree_digest(entries) if entries is not None else _digest(real)
    if now is None:
        raise StoreError("there is no such file", where=str(real), remedy="build it, or name one that is there")
    said = _meant(real, now, statement.outputs)
    if said.digest == now:
        account.add("content", State.OK, now[:12])
        return
    detail = _difference(said.entries, entries or []) or f"it was {said.digest[:12]}, and is {now[:12]}"
    account.add("content", State.CHANGED, detail)


def _meant(real: Path, now: str, outputs: Sequence[OutputFact]) -> OutputFact:
    """Return the product that a file is, or was: the one of its path, or for a copy, which may have any name, of its content."""
    placed = [one for one in outputs if str(real).endswith(f"/{one.name}")]
    same = [one for one in outputs if one.digest == now]
    called = [one for one in outputs if Path(one.name).name == real.name]
    return (placed or same or called or list(outputs))[0]


def _digest(path: Path) -> str | None:
    try:
        return tree_digest(_entries(path)) if path.is_dir() else sha256(path)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise StoreError(f"cannot read it: {fault.strerror}", where=str(path)) from fault


def _entries(top: Path) -> list[Entry]:
    return [(one.path, "" if one.path.endswith("/") else sha256(top / one.path), one.executable) for one in walk(str(top))]


def _difference(then: Iterable[Entry], now: Iterable[Entry]) -> str:
    """Return in words which files of a tree are not what they were."""
    was, today = {one[0]: one[1:] for one in then}, {one[0]: one[1:] for one in now}
    parts = (
        ("changed", [path for path in was if path in today and was[path] != today[path]]),
        ("gone", [path for path in was if path not in today]),
        ("new", [path for path in today if path not in was]),
    )
    return "; ".join(f"{word}: {listed(paths)}" for word, paths in parts if paths)


def listed(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
