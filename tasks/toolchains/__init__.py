"""One file per toolchain: the ops that only it provides. Found by listing this folder."""
