"""`python -m net2bit.ci words|names|summary`: the steps of the action in `.github/actions/net2bit`, which runs them in this order.

What one step knows and a later one needs lies in `.net2bit/ci`; the inputs of the action come as variables of the environment.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from net2bit.ci import figures
from net2bit.ci.event import Event, rights
from net2bit.ci.names import names
from net2bit.ci.output import hand_on
from net2bit.ci.run import Run, look
from net2bit.ci.summary import About, summary
from net2bit.ci.words import Remote, completed, listed
from net2bit.errors import Net2bitError

FOLDER: Final = Path(".net2bit/ci")


def write_words(environ: Mapping[str, str]) -> None:
    """Write the words of the build, one on each line, and hand on what the run may do."""
    may = rights(Event.of(environ))
    remote = Remote(*(environ.get(name, "").strip() for name in ("INPUT_REMOTE", "INPUT_TRUST", "INPUT_KEYS")))
    words = completed(listed(environ.get("INPUT_WORDS", "")), environ.get("INPUT_SIZE", "").strip(), remote, may)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "words").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    hand_on(environ.get("GITHUB_OUTPUT", ""), {"save": _flag(may.save), "publish": _flag(may.publish)})


def write_names(environ: Mapping[str, str]) -> None:
    """Hand on the names of the caches; KEYS is the digest over the stage keys."""
    words = [word for word in _words() if not word.startswith("cache.")]
    found = names(Event.of(environ), environ, environ.get("INPUT_STAGE", ""), environ["KEYS"], words)
    listed_names = {"near": "\n".join(found.near), "base": "\n".join(found.base)}
    hand_on(
        environ.get("GITHUB_OUTPUT", ""), {"results": found.results, "figures": found.figures, "against": found.against, **listed_names}
    )


def write_summary(environ: Mapping[str, str]) -> None:
    """Append the summary to GitHub's file, keep the figures, and hand on whether there are new results."""
    event = Event.of(environ)
    base = figures.read(FOLDER / "figures" / "figures.json")
    about = About(
        _words(),
        int(environ.get("STATUS") or 1),
        event.base or event.ref.removeprefix("refs/heads/"),
        base,
        environ.get("REPORT", ""),
        rights(event).why,
        _text(FOLDER / "build.log"),
    )
    run = _run(float(_text(FOLDER / "began") or 0))
    told = bool(run and run.metrics)
    if run and told:
        figures.write(FOLDER / "figures" / "figures.json", figures.Figures(run.metrics, environ.get("GITHUB_SHA", "")))
    hand_on(environ.get("GITHUB_OUTPUT", ""), {"changed": _flag(run is not None and run.changed), "told": _flag(told)})
    if page := environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(run, about))


def _flag(value: bool) -> str:  # noqa: FBT001 - the flag is all there is
    return "true" if value else "false"


def _run(since: float) -> Run | None:
    try:
        return look(Path.cwd(), _words(), since)
    except Net2bitError as error:
        sys.stderr.write(f"net2bit: {error}\n")
        return None


def _words() -> list[str]:
    return _text(FOLDER / "words").splitlines()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


STEPS: Final[Mapping[str, Callable[[Mapping[str, str]], None]]] = {
    "words": write_words,
    "names": write_names,
    "summary": write_summary,
}


def main() -> int:
    """Do the step that the command line names; returns the exit status."""
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        try:
            STEPS[sys.argv[1]](os.environ)
        except Net2bitError as error:
            sys.stderr.write(f"ERROR: {error}\n")
            return 1
        return 0
    sys.stderr.write(f"usage: python -m net2bit.ci {'|'.join(STEPS)}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
