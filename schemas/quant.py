"""The quantizer."""

from typing import Literal

from pydantic import Field

from schemas.base import Count, Model, Name, Seed, Span


class CalibrationConfig(Model):
    """The images that the ranges of the activations are taken from."""

    images: Count = Field(description="How many images.")
    split: Literal["train", "val"] = Field(description="The split they are drawn from.")
    seed: Seed = Field(description="Another seed draws other images.")


class RoundingConfig(Model):
    """How a value between two codes is rounded."""

    weights: Literal["half_even", "half_away"] = Field(
        description="Rounding of weights and biases: the vendor's TensorFlow 2 or PyTorch rule."
    )
    activations: Literal["half_up"] = Field(description="Rounding of activations: the DPU's only rule.")


class LimitsConfig(Model):
    """What the target's shift registers can hold, in bits; a position outside is moved."""

    shift_cut: Span = Field(description="Right shift of an accumulator.")
    shift_bias_max: int = Field(ge=0, le=31, description="Left shift of a bias; its least value follows from the cut.")
    shift_read: Span = Field(description="Shift on reading an elementwise operand.")
    shift_write: Span = Field(description="Shift on writing an elementwise result.")


class QuantConfig(Model):
    """How the network is brought to int8 with power-of-two scales."""

    name: Name = Field(description="Names the method in reports.")
    method: Literal["min_error", "min_diffs", "non_overflow"] = Field(
        description="How a fix position is chosen: least error over all images, least by a vote of the images (vendor), or no saturation."
    )
    calibration: CalibrationConfig = Field(description="The calibration set.")
    equalize: bool = Field(description="Whether weights are equalized across layers first.")
    adaptive_rounding: bool = Field(
        description="Whether weights are rounded with regard to each other's errors, on the calibration images."
    )
    bias_correction: bool = Field(
        description="Whether biases are corrected for the mean error afterwards; adaptive rounding has no use for it."
    )
    rounding: RoundingConfig = Field(description="The rounding rules.")
    limits: LimitsConfig = Field(description="The limits of the target.")
