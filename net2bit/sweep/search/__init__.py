"""Search: the points of a sweep are chosen one batch after the other, by what came of those before."""
