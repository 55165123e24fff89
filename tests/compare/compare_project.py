"""The small project of the command tests, with stages that report figures."""

from small_project import CODE, Project

REPORTS = '''

def _count(job: Job, text: str) -> None:
    job.metric("letters", len(text))
    job.metric("seed", float(text.split()[-1]))


_first = first


def first(job: Job) -> None:
    """Write the seed, and report it."""
    _first(job)
    _count(job, job.outputs["first.txt"].read_text())
'''


class Compared(Project):
    """A project whose first stage reports two figures, one of which depends on the seed."""

    def __init__(self, folder):  # noqa: ANN001, ANN204 - as Project
        """Write the project."""
        super().__init__(folder)
        (folder / "chain.py").write_text(CODE + REPORTS, encoding="utf-8")
