"""One page that shows what was built and how good it is."""

from net2bit.graph.kind import Kind, Op
from tasks.amounts import MB
from tasks.packages import JINJA, NUMPY, PILLOW

KINDS = (Kind("report.html", "The report of the experiment, one file"),)

OPS = (
    Op(
        name="report",
        title="Write the report",
        needs=(
            "ladder.json",
            "predictions",
            "history.json",
            "samples",
            "dataset.json",
            "frozen.json",
            "positions.json",
            "simulation.json",
            "latency.json",
            "target.json",
        ),
        makes=("report.html",),
        run="net2bit.report.page:run",
        reads=("name", "model", "dataset.name", "dataset.classes", "train", "quant", "verify", "compile", "dpu", "board"),
        uses=tuple(f"templates/report/{name}" for name in ("macros.html.j2", "page.css", "page.html.j2", "page.js")),
        tools=(JINJA, NUMPY, PILLOW),
        label="{name}",
        resources={"memory": 100 * MB},  # 51 MB
    ),
)
