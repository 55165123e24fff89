"""What declarations count the memory of their ops in, and where their figures are from.

Each figure is the peak that the history records (the resident memory of all processes of the stage together) in a run of the default
experiment, or of `quant.refined` and `quant.bias_correction`, with a quarter more, rounded up to 50 MB: `net2bit.graph.memory`.
The comment beside it says what was measured, with TensorFlow 2.21, torch 2.13 and 2 cores on Linux; the quick experiment takes less.

Ops that declare no cores keep one busy: their CPU seconds were at most 1.2 times those that passed.
"""

from typing import Final

MB: Final = 10**6
