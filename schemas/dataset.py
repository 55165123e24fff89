"""The data set: where its images come from and what its labels mean."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Count, Model, Name, Seed

ClassName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
LabelId = Annotated[int, Field(ge=-1, le=255)]
Side = Annotated[int, Field(ge=16, le=8192)]


class SynthConfig(Model):
    """How many scenes a generator draws, and how large."""

    train: Count = Field(description="Scenes of the training split.")
    val: Count = Field(description="Scenes of the validation split.")
    size: tuple[Side, Side] = Field(description="Height and width of a scene in pixels.")
    seed: Seed = Field(description="Another seed draws other scenes.")


class DatasetConfig(Model):
    """The data set and the classes to find in it."""

    name: Name = Field(description="Names the data set in reports.")
    adapter: Name = Field(description="The file of net2bit/data/adapters that reads its layout.")
    generator: Name | None = Field(description="The file of net2bit/data/generators that draws the images; null reads the user's own.")
    root: str | None = Field(description="The folder of the user's own images; null draws them.")
    classes: tuple[ClassName, ...] = Field(
        min_length=2, max_length=255, description="The classes in the order of their index; the first is the background."
    )
    labels: dict[ClassName, tuple[LabelId, ...]] = Field(
        description="Class -> label ids of the data set; every other known id is background."
    )
    on_bad_input: Literal["error", "skip"] = Field(
        description="What a damaged or incomplete image does: stop the build, or be left out and counted."
    )
    synth: SynthConfig | None = Field(description="What the generator draws; null without a generator.")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        """Exactly one of generator and root says where the images come from."""
        if self.generator is not None and self.root is not None:
            raise ValueError("both generator and root are given; set one of them to null")
        if self.generator is None and self.root is None:
            raise ValueError("neither generator nor root is given; name a generator, or the folder of your images")
        if self.generator is not None and self.synth is None:
            raise ValueError("a generator needs synth: how many scenes, how large")
        return self

    @model_validator(mode="after")
    def _labels_fit(self) -> Self:
        """Each label id belongs to one class, and to a class that exists."""
        seen: dict[int, str] = {}
        for name, ids in self.labels.items():
            if name not in self.classes:
                raise ValueError(f"labels names the class {name!r}, which is not among classes {list(self.classes)}")
            for label in ids:
                if label in seen:
                    raise ValueError(f"label id {label} belongs to both {seen[label]!r} and {name!r}")
                seen[label] = name
        return self
