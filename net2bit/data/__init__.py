"""From a data set in its own layout to one packed file: generators, adapters, `dataset.h5` and its reader."""
