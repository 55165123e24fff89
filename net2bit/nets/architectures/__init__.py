"""One file per architecture, found by listing this folder.

Each has `TITLE` (one line), `DIVISOR` (height and width must be multiples of it) and `build(net, classes, width)`, which adds all layers
behind the builder's input.
"""
