""".npy files: read under guard, named in every error."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import DataError


def load(path: Path) -> NDArray[Any]:
    """Return the array in a .npy file.

    Raises:
        DataError: The file is missing, damaged, or holds no numbers.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(
            f"'{path.name}' cannot be read: {error.strerror or error}", where=str(path), remedy="give the path of a .npy file"
        ) from error
    except (ValueError, EOFError) as error:
        raise DataError(f"'{path.name}' is no .npy file, or cut off", where=str(path), remedy="write it with numpy.save") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise DataError(f"'{path.name}' holds no array of numbers", where=str(path), remedy="write one array with numpy.save")
    return array
