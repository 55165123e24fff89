"""What a word of the command line means as hardware."""

from typing import Any


def fingerprint_of(thing: str) -> int:
    from net2bit.dpu.target.names import by_name

    return int(thing, 16) if thing.startswith("0x") else by_name(f"DPUCZDX8G_ISA1_{thing}" if thing.startswith("B") else thing)[0]


def said(value: Any) -> str:
    return str(value)
