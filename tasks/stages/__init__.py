"""One file per stage: the kinds it introduces and the ops that every toolchain shares. Found by listing this folder."""
