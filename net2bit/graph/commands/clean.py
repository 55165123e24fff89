"""`doit clean`: removes what was built; what the cache keeps comes back without running anything."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from net2bit.errors import StoreError
from net2bit.graph import null, paths
from net2bit.graph.commands.base import ProjectCommand
from net2bit.graph.locks import alive


class Clean(ProjectCommand):
    """Remove products; the user's own files are never among them."""

    name = "clean"
    doc_purpose = "remove what was built"
    doc_usage = "[key=value ...] [TARGET ...]"
    doc_description = "Without TARGET: all products of this experiment. The local cache stays, so the next build may restore them."
    cmd_options = (
        {"name": "dry", "short": "n", "long": "dry-run", "type": bool, "default": False, "help": "say what would be removed"},
        {"name": "everything", "short": "a", "long": "all", "type": bool, "default": False, "help": "of all experiments"},
    )

    def execute(self, params: dict[str, bool], args: Sequence[str]) -> int:
        """Keep the options, which `answer` does not take."""
        self.dry, self.everything = bool(params["dry"]), bool(params["everything"])
        return int(super().execute(params, args) or 0)

    def answer(self, words: Sequence[str]) -> int:
        """Remove the products of the targets, or of the whole plan.

        Raises:
            StoreError: A build is running in this tree, or something cannot be removed.
        """
        root = self.store.root
        self.refuse_running(root)
        gone = [path for path in self.chosen(words) if path.exists() or path.is_symlink()]
        for path in gone:
            if not self.dry:
                remove(path, root / paths.BUILD)
            self.outstream.write(f"{'would remove' if self.dry else 'removed'} {path.relative_to(root)}\n")
        if not self.dry:
            null.forget(root)
        if not gone:
            self.outstream.write("nothing to remove\n")
        return 0

    def chosen(self, words: Sequence[str]) -> Iterable[Path]:
        """Return the paths to remove."""
        root = self.store.root
        if self.everything:
            return [root / paths.BUILD, root / paths.DIST]
        stages = [self.plan.by_name[name] for name in self.names(words)] or self.plan.stages
        shown = [root / paths.DIST / self.plan.name] if not words else []
        return [*(root / out.path for stage in stages if not stage.op.source for out in stage.outputs), *shown]

    def refuse_running(self, root: Path) -> None:
        """Refuse to pull files from under a running build.

        Raises:
            StoreError: Some stage's lock is held.
        """
        held = [path for path in (root / paths.STATE / "locks").glob("*.lock") if alive(path)]
        if held and not self.dry:
            raise StoreError("a build is running in this tree", where=str(held[0]), remedy="wait for it, or stop it, then clean")


def remove(path: Path, top: Path) -> None:
    """Remove a file, a link or a folder, and the folders up to *top* that this leaves empty.

    Raises:
        StoreError: It cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if top not in folder.parents or any(not item.name.endswith((".manifest.json", ".intoto.json")) for item in folder.iterdir()):
                return
            shutil.rmtree(folder)
    except OSError as fault:
        raise StoreError(f"cannot remove it: {fault.strerror}", where=str(path), remedy="look at its permissions") from fault
