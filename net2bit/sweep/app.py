"""Runs one sweep: composed or known, built, shown, remembered."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from net2bit.errors import StageError
from net2bit.graph import config, null, signals
from net2bit.graph.display import span
from net2bit.sweep import known, names, returns, summary
from net2bit.sweep.arguments import Asked
from net2bit.sweep.compare import PAGE, write
from net2bit.sweep.foreign import LauncherError
from net2bit.sweep.front import memo
from net2bit.sweep.session import Session
from net2bit.sweep.view import View

if TYPE_CHECKING:
    from net2bit.sweep.multirun import Multirun

_STOPPED = "\nnet2bit: stopped; what is finished is kept, and the same sweep goes on from there\n"


def run(root: Path, asked: Asked) -> int:
    """Run the sweep that is asked for; returns the exit status: 1 where a point failed or was refused, or its folder was not written.

    Raises:
        Net2bitError: The sweep as a whole does not hold.
        Stopped: It was told to stop.
    """
    if asked.hydra:
        from net2bit.sweep.inquiry import answer  # noqa: PLC0415 - brings hydra

        return answer(root, asked.hydra)
    before = dict(sources(root, asked.words))
    signals.install()
    began = time.monotonic()
    try:
        session, usual = _build(root, asked.words)
    except BaseException:
        if signals.stopping():  # also where a library made another fault of the signal that came while it worked
            sys.stderr.write(_STOPPED)
        signals.check()
        raise
    lines, whole = _end(session, time.monotonic() - began)
    good = whole and all(result.good for result in session.results.values()) and not list(returns.lacking(session.settings, session.told()))
    if good and usual and session.opened:  # else the same words try again
        _remember(root, asked.words, session, before, lines)
    if session.opened:
        session.store.close()
    return 0 if good else 1


def _build(root: Path, words: Sequence[str]) -> tuple[Session, bool]:
    """Build the sweep; returns it, and whether the same words will always mean the same points."""
    origin = known.origin(root, words)
    said = known.load(origin, root)
    if said is None:
        return _composed(root, words, origin)
    settings = dict(said["settings"])
    given = settings["sweep"]["name"]
    settings["sweep"] |= {"name": names.claim(root, given, said["title"], words)}
    session = Session(root, settings["sweep"]["name"], settings)
    with _tidied(session):
        session.build(known.points(said))
    return session, True


def _composed(root: Path, words: Sequence[str], origin: config.Origin) -> tuple[Session, bool]:
    """Let hydra compose the sweep, and keep the points where that is all it has to do."""
    from net2bit.sweep.batch import alone  # noqa: PLC0415 - these bring hydra
    from net2bit.sweep.multirun import prepare  # noqa: PLC0415

    with alone():
        multirun = prepare(root, words)
        session = multirun.sweep.session
        _run(multirun)
    if multirun.usual:
        settings = session.settings | {"sweep": {**session.settings["sweep"], "name": multirun.given}}
        known.keep(origin, root, title=multirun.title, settings=settings, points=multirun.sweep.batches.points)
    return session, multirun.usual


def _run(multirun: "Multirun") -> None:
    """Let hydra's sweeper build the points."""
    from net2bit.sweep.gather import gather, notes  # noqa: PLC0415 - brings hydra

    sweep, fault = multirun.sweep, None
    before = notes(sweep)
    with _tidied(sweep.session):
        try:
            multirun.run()
        except StageError:
            if all(result.good for result in sweep.session.results.values()):
                raise
            # one of hydra's own sweepers ends with the first failure: it is in the results
        except LauncherError as error:  # what the points left is shown all the same
            signals.check()
            fault = error
        if not multirun.merged:
            gather(sweep, before, fault)


@contextmanager
def _tidied(session: Session) -> Iterator[None]:
    """Remove the folder of a sweep of which nothing comes."""
    try:
        yield
    finally:
        if not session.opened:
            names.release(session.root, session.name)


def _end(session: Session, seconds: float) -> tuple[list[str], bool]:
    """Write the sweep's folder, and print what came of it.

    Returns:
        The lines of a sweep in which nothing is to be done, and whether the folder is whole.
    """
    results = session.told()
    for text in (*summary.wrong(results, session.failures), *returns.lacking(session.settings, results)):
        sys.stderr.write(f"\n{text}\n")
    view = session.view
    view.keep(result.point for result in results)
    compared = True
    if session.opened:
        view.publish(results, session.store)
        compared = write(view.folder, session.name, results, session.store, session.settings)
    whole = compared and view.whole
    lines = [*summary.table(results, view, session.settings.get("goals", ())), *(_page(view) if session.opened else ())]
    told = summary.counts(results, session.stages())
    sys.stdout.write("".join(f"{line}\n" for line in ["", *lines, f"{told} ({span(seconds)})"]))
    if not whole:
        sys.stderr.write(f"\n{summary.unwritten(results, os.path.relpath(view.folder, view.root))}\n")
    return [*lines, told], whole


def _page(view: View) -> list[str]:
    page = view.folder / PAGE
    return [f"comparison: {os.path.relpath(page, view.root)}"] if page.exists() else []


def sources(root: Path, words: Sequence[str]) -> Mapping[str, null.Stat | None]:
    """Return how everything stands that decides a sweep: what decides an experiment, and the code of sweeps."""
    found = dict(null.sources(root, words))
    for folder in ("net2bit/sweep", "hydra_plugins"):
        found |= dict(null.tree(str(root / folder)))
    return found


def _remember(root: Path, words: Sequence[str], session: Session, before: Mapping[str, null.Stat | None], lines: Sequence[str]) -> None:
    """Keep what decided that every stage of the sweep is up to date, if that is so."""
    if config.mentioned(known.origin(root, words)):
        return  # the memo knows no variables but net2bit's own
    store = session.store
    folders = [str(session.view.folder), *(str(root / session.view.of(result.point)) for result in session.results.values())]
    if max(stat[1] for stat in map(null.stat_of, folders) if stat) > time.time_ns() - null.SETTLED_NS:
        time.sleep(null.SETTLED_NS / 1e9)  # something was just built: a stat taken now would not tell a change in the same tick
    began = time.time_ns()
    store.renew()
    if all(store.check(stage).fresh for stage in session.distinct()):
        seen: dict[str, Any] = {**store.looked(), **before, **{folder: null.stat_of(folder) for folder in folders}}
        null.remember(root, memo(words), os.environ, stages=_again(lines, session), seen=seen.items(), began=began)


def _again(lines: Sequence[str], session: Session) -> list[str]:
    """Return the lines for the next time, when every stage is up to date."""
    fresh = dict.fromkeys(session.stages(), "fresh")
    return [*lines[:-1], summary.counts(session.told(), fresh)]
