"""The shared cache: results by stage key on a web server, in a bucket or in a folder, in the layout of Bazel's HTTP cache."""
