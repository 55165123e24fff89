"""`doit cache …`: names of results, the state of the caches, moving results by hand, keys and trust."""

import json
import os
import shlex
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from net2bit.errors import ConfigError, near
from net2bit.graph.commands.base import ProjectCommand, columns, plainly

if TYPE_CHECKING:
    from net2bit.cache.client import RemoteCache
    from net2bit.graph.stage import Stage

GIGA = 10**9
MEGA = 10**6


class CacheCommand(ProjectCommand):
    """Look after the caches."""

    name = "cache"
    doc_purpose = "name results, show and fill the caches, make keys"
    doc_usage = "[key=value ...] keys|info|push|pull|keygen|trust [TARGET ...]"
    doc_description = (
        "keys: names of the results of TARGET (or --stage TARGET, --stage FLOW), also before anything is built; info: both caches and "
        "how they are used; pull, push: restore or send what TARGET is made of, run nothing; keygen [FILE]: make a key to sign with; "
        "trust: whose results count."
    )
    cmd_options = (
        {"name": "stage", "long": "stage", "type": str, "default": "", "help": "keys: of a target, or of a flow of experiments/flow"},
        {"name": "hash", "long": "hash", "type": bool, "default": False, "help": "keys: one hash over all of them, for a cache of CI"},
        {"name": "json", "long": "json", "type": bool, "default": False, "help": "keys, info: print JSON"},
        {"name": "as", "long": "name", "type": str, "default": "", "help": "keygen: what the key is called, its file's name by default"},
    )

    def execute(self, params: Mapping[str, Any], args: Sequence[str]) -> int:
        """Do what needs no plan at once; keep the options for `answer`."""
        self.params = dict(params)
        if args and args[0] == "keygen":
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as `_execute` does, which is not called here
            return plainly(lambda: self.keygen(args[1:]))
        return int(super().execute(params, args) or 0)

    def answer(self, words: Sequence[str]) -> int:
        """Do what the first of *words* says to the others.

        Raises:
            ConfigError: It says nothing that is known.
        """
        known: dict[str, Callable[[Sequence[str]], int]] = {
            "info": self.info,
            "keys": self.keys,
            "pull": self.pull,
            "push": self.push,
            "trust": self.trust,
        }
        verb = words[0] if words else ""
        if verb not in known:
            raise ConfigError(
                f"`doit cache {verb}` is not known" if verb else "`doit cache` needs to know what to do",
                suggestion=near(verb, [*known, "keygen"]),
                remedy=f"say one of: {', '.join([*known, 'keygen'])}",
            )
        return known[verb](words[1:])

    def keys(self, words: Sequence[str]) -> int:
        """Print deep key, stage key where it is known, name and path of every stage that makes the target, the goals by default.

        Raises:
            PlanError: The target is neither in the plan nor a flow.
        """
        from net2bit.graph import identity  # noqa: PLC0415 - this command alone needs it

        plan, names = identity.scope(self.store.root, self.plan, self.params["stage"] or " ".join(words))
        rows = identity.identities(plan, self.store, names)
        if self.params["hash"]:
            self.outstream.write(f"{identity.digest(rows)}\n")
        elif self.params["json"]:
            self.outstream.write(json.dumps({"hash": identity.digest(rows), "stages": [asdict(row) for row in rows]}, indent=1) + "\n")
        else:
            lines = columns([(row.deep, row.key or "-", row.stage, row.path) for row in rows])
            self.outstream.writelines(f"{line}\n" for line in lines)
        return 0

    def info(self, _words: Sequence[str]) -> int:
        """Print where the caches are, what is in them, and how they are used; the exit status is 1 when the shared one is out of reach."""
        local, remote = self.local(), self.remote()
        if self.params["json"]:
            self.outstream.write(json.dumps({"local": local, "remote": remote}, indent=1) + "\n")
        else:
            parts = [("local", local), *([("shared", remote)] if remote else [])]
            rows = [(part, name, str(value)) for part, found in parts for name, value in found.items()]
            self.outstream.writelines(f"{line}\n" for line in columns(rows))
            self.outstream.write("" if remote else "there is no shared cache: cache.remote.url names none\n")
        return 1 if remote and remote["reachable"] != "yes" else 0

    def local(self) -> dict[str, Any]:
        """Return what is known about the cache of this machine."""
        cache, limit = self.store.cache, self.store.cache.limit
        sizes = [path.stat().st_size for path in cache.folder.glob("cas/*/*")]
        entries = sum(1 for _ in cache.folder.glob("ac/*/*/*.json"))
        used = f"{sum(sizes) / MEGA:.1f} MB of {limit / GIGA:.1f} GB"
        return {"folder": str(cache.folder), "used": cache.enabled, "results": entries, "size": used}

    def remote(self) -> dict[str, Any]:
        """Return what is known about the shared cache; empty where there is none."""
        remote = self.store.remote
        if remote is None:
            return {}
        settings, trust = remote.settings, remote.trust
        named = ", ".join(key.name for key in trust.keys) or "no key"
        reachable = remote.reachable()
        return {
            "url": settings.shown,
            "mode": settings.mode,
            "trust": f"{trust.mode} ({named})",
            "signs": os.environ.get("NET2BIT_SIGNING_KEY", "") != "",
            "reachable": "yes" if not reachable else f"no: {reachable}",
        }

    def pull(self, words: Sequence[str]) -> int:
        """Restore what makes the targets from the caches; run nothing.

        Raises:
            PlanError: A target is not in the plan.
            StoreError: The disk refuses.
        """
        from net2bit.graph import transfer  # noqa: PLC0415 - this command alone needs it
        from net2bit.graph.showcase import Showcase  # noqa: PLC0415 - likewise

        showcase = Showcase(self.plan, self.store.root)

        def one(stage: "Stage") -> str:
            how = transfer.pull(self.store, stage)
            if how != transfer.ABSENT:
                showcase.show(stage)
            return how

        return self.each((stage, one(stage)) for stage in self.wanted(words))

    def push(self, words: Sequence[str]) -> int:
        """Send what makes the targets, as it lies here, to the shared cache; the exit status is 1 when it does not take it.

        Raises:
            ConfigError: There is none, it is not written to, or the signing key is none.
            PlanError: A target is not in the plan.
        """
        from net2bit.graph import transfer  # noqa: PLC0415 - this command alone needs it

        remote = self.writable()
        self.each(transfer.push(self.store, remote, self.wanted(words)))
        return 0 if remote.accepts else 1

    def writable(self) -> "RemoteCache":
        """Return the shared cache.

        Raises:
            ConfigError: There is none, or it is not written to.
        """
        remote = self.store.remote
        if remote is None:
            raise ConfigError("there is no shared cache", where="cache.remote.url", remedy="name one: cache.remote.url=…")
        if not remote.settings.writes:
            raise ConfigError("the shared cache is only read", where="cache.remote.mode", remedy="say cache.remote.mode=readwrite")
        return remote

    def wanted(self, words: Sequence[str]) -> "Sequence[Stage]":
        """Return every stage that makes the targets *words*, the goals by default.

        Raises:
            PlanError: A target is not in the plan.
        """
        from net2bit.graph.explain import needed  # noqa: PLC0415 - as above

        return needed(self.plan, self.names(words) or self.plan.goals)

    def each(self, found: "Iterable[tuple[Stage, str]]") -> int:
        """Print what came of each stage, and how often."""
        counts: Counter[str] = Counter()
        for stage, how in found:
            counts[how] += 1
            self.outstream.write(f"{how:<14}  {stage.name}\n")
        self.outstream.write(f"{', '.join(f'{count} {how}' for how, count in counts.items()) or 'nothing to do'}\n")
        return 0

    def keygen(self, words: Sequence[str]) -> int:
        """Make a key pair.

        Raises:
            ConfigError: A file is there already, or cannot be written, or more than one is named.
        """
        from net2bit.provenance import keys  # noqa: PLC0415 - this command alone needs it

        if len(words) > 1:
            raise ConfigError(f"one key at a time, not {len(words)}", remedy="quote the name of a file that holds spaces")
        path = Path(words[0] if words else "net2bit.key")
        public = keys.generate(path, self.params["as"])
        self.outstream.writelines((
            f"{public.line}\n",
            f"private key: {path} (keep it secret: {keys.VARIABLE}={shlex.quote(str(path))} signs with it)\n",
            f"public key: {path}.pub (list it in cache.remote.keys where its results count)\n",
        ))  # fmt: skip
        return 0

    def trust(self, _words: Sequence[str]) -> int:
        """Print whose results count, and who signs here."""
        self.outstream.writelines(f"{line}\n" for line in columns(list(self.trusted())))
        return 0

    def trusted(self) -> Iterator[tuple[str, str, str]]:
        """Yield what is trusted as table rows.

        Raises:
            ConfigError: A key is none.
        """
        from net2bit.provenance import keys, trust  # noqa: PLC0415 - as above

        group = self.loader.namespace["EXPERIMENT"]["cache"]["remote"]
        mode = group["trust"] or trust.default(group["url"] or "", group["keys"])
        yield "mode", mode, "" if group["trust"] else "(by default)"
        trusted = [key for given in group["keys"] for key in keys.load_public(given)]
        for key in trusted:
            yield "trusted", key.name, key.id
        own = keys.signer()
        if own is not None:
            listed = any(key.raw == own.public.raw for key in trusted)
            yield "signs", keys.VARIABLE, f"{own.public.id} ({'trusted' if listed else 'not among the trusted keys'})"
