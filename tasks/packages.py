"""The Python packages whose version decides bytes, named once for all stages."""

from net2bit.graph.kind import Tool

_REMEDY = "install what pyproject.toml asks for: remove .venv and run ./doitw again"

H5PY = Tool("h5py", dists=("h5py",), remedy=_REMEDY)
JINJA = Tool("jinja2", dists=("jinja2",), remedy=_REMEDY)
KERAS = Tool("keras", dists=("keras",), remedy=_REMEDY)
MATPLOTLIB = Tool("matplotlib", dists=("matplotlib",), remedy=_REMEDY)
NUMPY = Tool("numpy", dists=("numpy",), remedy=_REMEDY)
PILLOW = Tool("pillow", dists=("pillow",), remedy=_REMEDY)
PROTOBUF = Tool("protobuf", dists=("protobuf",), remedy=_REMEDY)
TENSORFLOW = Tool("tensorflow", dists=("tensorflow-cpu", "tensorflow"), remedy=_REMEDY)
TORCH = Tool("torch", dists=("torch",), remedy=_REMEDY)
