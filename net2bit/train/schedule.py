"""The learning rate of each step."""

from math import cos, pi

_WARM_UP = 0.05  # share of all steps
_LAST = 0.01  # of the peak


def learning_rate(step: int, total: int, peak: float) -> float:
    """Return the rate of *step* (0 to *total* - 1): a linear rise over the first twentieth, then half a cosine down.

    It ends at a hundredth of *peak*.
    """
    rise = max(1, round(total * _WARM_UP))
    if step < rise:
        return peak * (step + 1) / rise
    done = (step - rise) / max(1, total - rise)
    return peak * (_LAST + (1 - _LAST) * (1 + cos(pi * done)) / 2)
