"""What may import what: the graph loads light, layers point one way, listed files stand alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from declared import PROJECT

HEAVY = (
    "tensorflow",
    "torch",
    "keras",
    "onnx",
    "numpy",
    "hydra",
    "omegaconf",
    "jinja2",
    "pydantic",
    "yaml",
    "rich",
    "h5py",
    "PIL",
    "matplotlib",
)

LOADED = """
import json, sys
from doit.cmd_base import DodoTaskLoader
from doit.doit_cmd import DoitMain
loader = DodoTaskLoader()
status = DoitMain(loader, config_filenames=()).run(["list", *sys.argv[1:]])
json.dump({"status": status, "modules": sorted(sys.modules)}, sys.stderr)
"""


def load(tmp_path: Path, *words: str) -> set[str]:
    """Load the project's dodo.py in a process of its own, its state in *tmp_path*; return the names of the packages imported."""
    for name in ("dodo.py", "experiments", "tasks"):
        if not (tmp_path / name).exists():
            (tmp_path / name).symlink_to(PROJECT / name)
    environ = {**os.environ, "PYTHONPATH": str(PROJECT), "NET2BIT_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", LOADED, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    found = json.loads(done.stderr)
    assert found["status"] == 0
    return {name.split(".")[0] for name in found["modules"]} | set(found["modules"])


def test_the_graph_loads_light(tmp_path: Path) -> None:
    """Once the config was composed, loading dodo.py imports no framework, no numpy, no hydra, and none of the heavy side."""
    assert "hydra" in load(tmp_path)
    loaded = load(tmp_path)
    assert not loaded & set(HEAVY)
    ours = {name.split(".")[1] for name in loaded if name.startswith("net2bit.")}
    assert ours == {"errors", "graph", "job"}


def test_declarations_import_nothing_heavy() -> None:
    """The files of tasks/ and net2bit.graph.kind import the standard library and each other, nothing else."""
    script = "import sys; before = set(sys.modules); import {}; print(*(set(sys.modules) - before))"
    modules = [f"tasks.{path.parent.name}.{path.stem}" for path in (PROJECT / "tasks").glob("*/[!_]*.py")]
    done = subprocess.run(
        [sys.executable, "-c", script.format(", ".join(modules))], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    packages = {name.split(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    assert packages == {"net2bit", "tasks"}


def test_layers_hold() -> None:
    """The import-linter contracts of pyproject.toml are kept."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
