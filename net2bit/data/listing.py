"""Files found by listing their folder: an adapter or a generator is one file, its name the file's."""

import importlib
import pkgutil
from types import ModuleType

from net2bit.errors import ConfigError, near


def names(package: str) -> list[str]:
    """Return the names of the modules in the dotted *package*, sorted; those that begin with `_` are left out."""
    folder = importlib.import_module(package).__path__
    return sorted(found.name for found in pkgutil.iter_modules(folder) if not found.name.startswith("_"))


def load(package: str, name: str, *, key: str) -> ModuleType:
    """Import the module *name* of *package*.

    Args:
        package: Dotted name, such as `net2bit.data.adapters`.
        name: The file's name without `.py`.
        key: The config key that chose it, for the message.

    Raises:
        ConfigError: No such file; names those there are.
    """
    known = names(package)
    if name not in known:
        raise ConfigError(
            f"there is no {name!r} in {package}",
            where=key,
            remedy=f"choose one of: {', '.join(known)}; or add the file {name}.py to {package.replace('.', '/')}/",
            suggestion=near(name, known),
        )
    return importlib.import_module(f"{package}.{name}")
