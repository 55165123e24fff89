"""The optimizer: Muon for the kernels of the hidden convolutions, Adam for everything else.

Muon steps along the orthogonal matrix that is nearest to the momentum of a kernel, so that all directions move alike and none waits for
its gradient to grow. On the Unets here it takes a third of Adam's steps. Source: K. Jordan and others, "Muon: an optimizer for hidden
layers in neural networks", 2024; D. Kingma and J. Ba, "Adam", 2015.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_MOMENTUM = 0.9
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)  # of the odd quintic that pulls every singular value towards one
_ROUNDS = 5
_ADAM_SHARE = 0.06  # of the learning rate, for what Adam steps
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-7  # Adam's decay rates and its guard


class Muon:
    """Steps variables along their gradients.

    Attributes:
        variables: Its own state: what a checkpoint must hold.
    """

    def __init__(self, targets: Sequence[Any], hidden: Sequence[bool]) -> None:
        """Prepare to step *targets*; those that *hidden* marks are kernels `[..., in, out]` for Muon."""
        self._hidden = list(hidden)
        self._kernels = _Kernels([target for target, mark in zip(targets, hidden, strict=True) if mark])
        self._rest = _Adam([target for target, mark in zip(targets, hidden, strict=True) if not mark])
        self.variables = [*self._kernels.variables, *self._rest.variables]

    def apply(self, gradients: Sequence[Any], rate: Any) -> None:
        """Take one step at learning rate *rate*; part of a compiled function."""
        self._kernels.apply([gradient for gradient, mark in zip(gradients, self._hidden, strict=True) if mark], rate)
        self._rest.apply([gradient for gradient, mark in zip(gradients, self._hidden, strict=True) if not mark], rate * _ADAM_SHARE)


class _Kernels:
    """Muon proper."""

    def __init__(self, targets: list[Any]) -> None:
        self._targets = targets
        self.variables = [tf.Variable(tf.zeros(target.shape), trainable=False) for target in targets]

    def apply(self, gradients: list[Any], rate: Any) -> None:
        matrices = [self._matrix(gradient, momentum) for gradient, momentum in zip(gradients, self.variables, strict=True)]
        for target, move in zip(self._targets, orthogonal(matrices), strict=True):
            rows, columns = move.shape
            target.assign_sub(tf.reshape(move, target.shape) * (rate * max(1.0, columns / rows) ** 0.5))

    @staticmethod
    def _matrix(gradient: Any, momentum: Any) -> Any:
        """Return the momentum after *gradient*, looking one step ahead (Nesterov), as `[inputs of a filter, filters]`."""
        kept = momentum.assign(_MOMENTUM * momentum + gradient)
        return tf.reshape(gradient + _MOMENTUM * kept, (-1, gradient.shape[-1]))


class _Adam:
    """Adam, one kernel call for each variable."""

    def __init__(self, targets: list[Any]) -> None:
        self._targets = targets
        self._moments = [[tf.Variable(tf.zeros(target.shape), trainable=False) for target in targets] for _ in range(2)]
        self._powers = [tf.Variable(1.0, trainable=False) for _ in range(2)]  # of the decay rates, one factor for each step
        self.variables = [*self._powers, *self._moments[0], *self._moments[1]]

    def apply(self, gradients: list[Any], rate: Any) -> None:
        first, second = (power.assign(power * decay) for power, decay in zip(self._powers, (_FIRST, _SECOND), strict=True))
        shared = {"beta1_power": first, "beta2_power": second, "beta1": _FIRST, "beta2": _SECOND, "lr": rate, "epsilon": _TINY}
        for target, mean, square, gradient in zip(self._targets, *self._moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(var=target.handle, m=mean.handle, v=square.handle, grad=gradient, **shared)


def orthogonal(matrices: Sequence[Any]) -> list[Any]:
    """Return about the orthogonal matrix nearest to each of *matrices* `[m, n]`: all singular values become about 1 (0.7 to 1.2).

    The iteration X <- aX + bXX'X + c(XX')^2 X is done on the smaller of X'X and XX', of which every factor is a polynomial: the large
    matrix is multiplied twice instead of ten times, and equally large small ones are multiplied together.
    """
    scaled = [matrix / (tf.norm(matrix) + _TINY) for matrix in matrices]
    tall = [matrix.shape[0] >= matrix.shape[1] for matrix in matrices]
    grams = [tf.matmul(matrix, matrix, transpose_a=high, transpose_b=not high) for matrix, high in zip(scaled, tall, strict=True)]
    factors: list[Any] = [None] * len(grams)
    for side in {gram.shape[0]: None for gram in grams}:
        chosen = [index for index, gram in enumerate(grams) if gram.shape[0] == side]
        for index, factor in zip(chosen, tf.unstack(_factor(tf.stack([grams[index] for index in chosen]))), strict=True):
            factors[index] = factor
    return [matrix @ factor if high else factor @ matrix for matrix, factor, high in zip(scaled, factors, tall, strict=True)]


def _factor(gram: Any) -> Any:
    """Return what the matrices behind *gram* `[k, n, n]` must be multiplied by."""
    a, b, c = _POLYNOMIAL
    one = tf.eye(gram.shape[-1])
    product = one
    for _ in range(_ROUNDS):
        factor = a * one + gram @ (b * one + c * gram)
        product = product @ factor
        gram = factor @ gram @ factor
    return product
