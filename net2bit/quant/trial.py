"""How well a network quantizes: it is quantized on some images, in the plainest way, and judged on others."""

from dataclasses import dataclass

import numpy as np

from net2bit.quant.arith import Rounding
from net2bit.quant.calibrate import Collector, entries
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.images import Images, batch_size, feed
from net2bit.quant.limits import Limits
from net2bit.quant.points import find
from net2bit.quant.quantize import fake_quantize, fit
from net2bit.quant.snr import decibel
from net2bit.quant.table import Table
from net2bit.xir.graph import Graph

METHOD = "min_error"
JUDGED = 4
"""Images that judge; the others calibrate."""


@dataclass(frozen=True)
class Trial:
    """A judgement by images.

    Attributes:
        graph: The float network whose outputs are right.
        images: Network inputs; the last few judge, the others calibrate (a single one does both).
    """

    graph: Graph
    images: Images

    @property
    def judges(self) -> Images:
        """The images that judge."""
        return self.images[-min(JUDGED, (len(self.images) + 1) // 2) :]

    def score(self, graph: Graph) -> float:
        """Return the SQNR of *graph*'s output, quantized, in dB; infinite where there is no noise.

        Args:
            graph: A float network that computes what the trial's does.

        Raises:
            QuantError: It cannot be quantized.
        """
        quantized, signal, noise = self._quantized(graph), 0.0, 0.0
        pair = FloatExecutor(self.graph), FloatExecutor(quantized)
        for image in self.judges:
            wanted, found = (next(iter(one.run(feed(self.graph, image[None])).values())) for one in pair)
            signal += float(np.sum(np.square(wanted, dtype=np.float64)))
            noise += float(np.sum(np.square(wanted - found, dtype=np.float64)))
        return decibel(signal, noise) or float("inf")

    def _quantized(self, graph: Graph) -> Graph:
        collector = Collector(find(graph), METHOD, Rounding.HALF_UP)
        executor, size = FloatExecutor(graph), batch_size(graph, collector.watched)
        images = self.images[: len(self.images) - len(self.judges)] if len(self.images) > 1 else self.images
        for at in range(0, len(images), size):
            collector.see(executor.run(feed(graph, images[at : at + size]), collector.watched))
        table = Table(METHOD, {}, (), "", 0, entries(graph, collector, Rounding.HALF_EVEN))
        return fake_quantize(graph, fit(graph, table, Limits())[0], Rounding.HALF_EVEN)
