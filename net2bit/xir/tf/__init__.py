"""TensorFlow's frozen graphs, read without TensorFlow: nodes, constants, and one small function for each operation."""
