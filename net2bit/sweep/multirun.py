"""A sweep as hydra runs it: its primary configuration, its sweeper, its launcher, its callbacks. Imports hydra and pydantic."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import configure_log
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from net2bit.errors import ConfigError, Net2bitError
from net2bit.graph.words import search
from net2bit.sweep import foreign, names, returns
from net2bit.sweep.arguments import experiments, key_of
from net2bit.sweep.batches import Batches
from net2bit.sweep.current import Sweep, begin
from net2bit.sweep.launch import GRID
from net2bit.sweep.primary import PRIMARY, Primary, settings, several
from net2bit.sweep.session import Session
from net2bit.sweep.task import build

MERGED: Final = "hydra_plugins.net2bit_merged.Merged"
_TOLD: Final = (HydraException, OmegaConfBaseException, ImportError)
"""What hydra and its plug-ins object to in words that a user understands."""


@dataclass(frozen=True)
class Multirun:
    """A sweep that is about to begin.

    Attributes:
        config: The composed primary configuration.
        sweep: What is built.
        given: The name that somebody gave it.
        title: What its folder is called where nobody did and no other sweep has that name.
    """

    config: DictConfig
    sweep: Sweep
    given: str | None
    title: str

    @property
    def merged(self) -> bool:
        """Whether the points are built as one graph, not each in a process of its own."""
        return bool(self.config.hydra.launcher._target_ == MERGED)

    @property
    def usual(self) -> bool:
        """Whether all that hydra does is to count the points: then it need not be asked again."""
        sweeper = self.config.hydra.sweeper
        plain = sweeper._target_ == GRID and not sweeper.max_batch_size
        return self.merged and plain and not self.config.hydra.get("callbacks")

    def run(self) -> Any:
        """Let hydra's sweeper build the points; returns what it returns.

        Raises:
            ConfigError: The sweep does not hold.
            LauncherError: A launcher that others wrote failed.
            Stopped: The build was told to stop.
        """
        callbacks = Callbacks(self.config)
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        context = HydraContext(config_loader=GlobalHydra.instance().config_loader(), callbacks=callbacks)
        callbacks.on_multirun_start(config=self.config, config_name=PRIMARY)
        with _plainly(), self._guarded():
            sweeper = Plugins.instance().instantiate_sweeper(config=self.config, hydra_context=context, task_function=build)
            found = sweeper.sweep(arguments=list(self.config.hydra.overrides.task))
        callbacks.on_multirun_end(config=self.config, config_name=PRIMARY)
        return found

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Say what a launcher that others wrote fails of.

        Raises:
            LauncherError: In place of its error.
        """
        try:
            yield
        except (Net2bitError, *_TOLD):
            raise
        except Exception as error:
            if self.merged:
                raise
            raise foreign.failure(error, self.sweep.session.root) from error


def prepare(root: Path, words: Sequence[str]) -> Multirun:
    """Compose the sweep that *words* describe in the project at *root*, and give it its name and folder.

    Raises:
        ConfigError: A word, or a key of the sweep, does not hold.
        StoreError: The folder cannot be written.
    """
    said, folders = search(words, root)
    many = several(said)
    tree = root / "experiments"
    composed = Primary(tree, folders, said).compose()
    own = settings(composed)
    returns.check(own)
    swept = [word for word in experiments(said) if many[word]]
    swept += [f"{key}=" for key in composed.hydra.sweeper.get("params") or ()]
    title = names.default([key_of(word) for word in swept], _otherwise(composed))
    given = own["sweep"]["name"]
    name = names.claim(root, given, title, words)
    composed.sweep.name = own["sweep"]["name"] = name
    composed.hydra.overrides.task.append(f"sweep.name={name}")
    fixed = {key_of(word) for word in experiments(said) if not many[word]}
    sweep = Sweep(Session(root, name, own), Batches(tree, folders, fixed))
    begin(sweep)
    return Multirun(composed, sweep, given, title)


def _otherwise(composed: DictConfig) -> str:
    """Return the name of a sweep that no word gives several values: of its sweeper where that searches, else of its experiment."""
    chosen = str(composed.hydra.runtime.choices.get("hydra/sweeper"))
    return chosen if composed.hydra.sweeper._target_ != GRID else str(composed.get("name", chosen))


@contextmanager
def _plainly() -> Iterator[None]:
    """Say what hydra and its plug-ins object to without their tracebacks.

    Raises:
        ConfigError: In place of their errors.
    """
    try:
        yield
    except _TOLD as error:
        text = str(error).strip().split("\n", 1)[0]
        raise ConfigError(
            text or type(error).__name__, where="hydra", remedy="python sweep.py --info all shows hydra's settings"
        ) from error
