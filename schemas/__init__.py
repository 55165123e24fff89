"""Models of everything that crosses a file boundary. Importing this package imports none of them, so that the graph loads light."""
