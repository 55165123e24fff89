"""The script of a job, and the words for sbatch."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import Final

from net2bit.graph.code import PACKAGE_ROOT
from net2bit.graph.stage import Stage
from net2bit.slurm import attempt
from net2bit.slurm.settings import Settings

_SCRIPT: Final = Template(
    """#!/bin/sh
# $stage ($title): one stage of a build in $root
$setup
PYTHONPATH=$package$${PYTHONPATH:+:$$PYTHONPATH}
NET2BIT_SHARED=$shared
export PYTHONPATH NET2BIT_SHARED
exec $python -P -m net2bit.slurm.node $ticket
"""
)
_MIB: Final = 2**20

WHOLE: Final = "--mem=0"
"""The word with which a job asks for all memory of its node."""


def script(stage: Stage, root: Path, settings: Settings, *, shared: bool) -> str:
    """Return the shell script that builds *stage* on a node, *shared* as the tree is here.

    Python takes the shell's place, so that Slurm's signals reach it.
    """
    return _SCRIPT.substitute(
        stage=stage.name,
        title=stage.op.title,
        root=root,
        shared=int(shared),
        setup="\n".join(settings.setup),
        package=shlex.quote(str(PACKAGE_ROOT)),
        python=shlex.quote(settings.python or sys.executable),
        ticket=attempt.TICKET,
    )


def words(name: str, stage: Stage, folder: Path, settings: Settings, after: Sequence[str] = (), behind: str = "") -> list[str]:
    """Return the words for sbatch.

    Args:
        name: What people see in the queue.
        stage: What the job builds.
        folder: The job's own folder.
        settings: What is asked for.
        after: Jobs that must have ended well first.
        behind: A job that must have ended in any way first.
    """
    return [
        f"--job-name={name}",
        *_place(stage, folder, settings),
        *_wishes(stage, settings),
        *_dependencies(after, behind),
        *settings.more(stage.op.name),
        str(folder / attempt.SCRIPT),
    ]


def _place(stage: Stage, folder: Path, settings: Settings) -> Iterator[str]:
    yield f"--chdir={folder}"
    yield f"--output={_literal(folder / attempt.LOG)}"
    yield "--open-mode=append"
    yield "--requeue"
    for name in ("partition", "account", "qos"):
        value = settings.asked(stage.op.name, name)
        if value is not None:
            yield f"--{name}={value}"


def _literal(path: Path) -> str:
    """Return a path in which sbatch replaces nothing."""
    return str(path).replace("%", "%%")


def _wishes(stage: Stage, settings: Settings) -> Iterator[str]:
    yield "--ntasks=1"
    yield f"--cpus-per-task={stage.resources.get('cores', 1)}"
    memory = stage.resources.get("memory") or settings.memory
    if memory and not any(word.startswith("--mem") for word in settings.more(stage.op.name)):  # sbatch refuses --mem beside --mem-per-cpu
        yield f"--mem={-(-memory // _MIB)}M"
    limit = settings.asked(stage.op.name, "time")
    if limit is not None:
        yield f"--time={limit}"
    licences = [f"{name}:{count}" for name, count in _licences(stage, settings) if count]
    if licences:
        yield f"--licenses={','.join(licences)}"


def _licences(stage: Stage, settings: Settings) -> Iterator[tuple[str, int]]:
    for pool, count in stage.resources.items():
        if pool not in {"cores", "memory"}:
            name = settings.licences.get(pool, pool)
            if name is not None:
                yield name, count


def _dependencies(after: Sequence[str], behind: str) -> Iterator[str]:
    parts = [":".join(["afterok", *after])] if after else []
    parts += [f"afterany:{behind}"] if behind else []
    if parts:
        yield f"--dependency={','.join(parts)}"
        yield "--kill-on-invalid-dep=yes"
