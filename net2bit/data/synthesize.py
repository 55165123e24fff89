"""The stage `synthesize`: a generator writes a data set."""

from net2bit.data.listing import load
from net2bit.job import Job

GENERATORS = "net2bit.data.generators"


def run(job: Job) -> None:
    """Let the generator `dataset.generator` fill the tree `images`.

    Raises:
        ConfigError: No such generator, or its settings (`dataset.synth`) make no data set.
    """
    dataset = job.config["dataset"]
    generator = load(GENERATORS, dataset["generator"], key="dataset.generator")
    folder = job.outputs["images"]
    folder.mkdir(parents=True, exist_ok=True)
    generator.generate(folder, dataset["synth"], job.progress)
