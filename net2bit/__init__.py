"""net2bit: Make for neural networks on FPGAs."""

__version__ = "0.1.0"
