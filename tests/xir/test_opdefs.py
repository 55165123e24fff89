"""The table of op definitions against the vendor's own."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from net2bit.proto import xir as proto
from net2bit.xir.attrs import Wire, fits
from net2bit.xir.codec import read_def
from net2bit.xir.graph import Attr, DataKind
from net2bit.xir.opdefs import OP_DEFS, ArgDef, AttrDef, Occur, attr_wire

WIRES = {
    "bool": Wire.BOOL,
    "int": Wire.INT32,
    "long": Wire.INT64,
    "float": Wire.FLOAT,
    "str": Wire.STRING,
    "list<int>": Wire.INT32_VEC,
    "list<float>": Wire.FLOAT_VEC,
    "list<char>": Wire.BYTES,
}


@pytest.fixture(scope="module")
def published(reference: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of the published table by op type."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (reference / "xir_opdefs.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            rows[row["op"]].append(row)
    return rows


def default(row: dict[str, str]) -> Attr | None:
    """Return a row's default value, or None where it has none."""
    word, kind = row["default"], WIRES[row["type"]]
    if row["occur"] == "REQUIRED" or (not word and kind is not Wire.STRING):
        return None
    if kind is Wire.INT32_VEC:
        return [int(part) for part in word.strip("[]").split()]
    if kind is Wire.STRING:
        return word
    return bool(int(word)) if kind is Wire.BOOL else {Wire.INT32: int, Wire.FLOAT: float}[kind](word)


@pytest.mark.parametrize("name", sorted(OP_DEFS))
def test_a_definition_is_the_published_one(name: str, published: dict[str, list[dict[str, str]]]) -> None:
    """Arguments, attributes, their types, order, lengths and defaults equal the library's, so that it accepts our files."""
    # Sources and activations without any row are in the table as ops without arguments.
    rows = published[name]
    assert rows
    args = [ArgDef(row["name"], DataKind[row["type"]], Occur[row["occur"]]) for row in rows if row["kind"] == "input"]
    attrs = [
        AttrDef(row["name"], WIRES[row["type"]], Occur[row["occur"]], int(row["list_length"]), default(row))
        for row in rows
        if row["kind"] == "attr"
    ]
    assert list(OP_DEFS[name].args) == args
    assert list(OP_DEFS[name].attrs) == attrs


@pytest.mark.parametrize("file", ["dpu_mnist_classifier.xmodel", "VoxelNet_int.xmodel"])
def test_a_definition_agrees_with_the_one_in_a_real_file(reference: Path, file: str) -> None:
    """What real files declare has the same arguments; an attribute that both know has the same type (older ones: whole scales)."""
    message = proto.Graph.FromString((reference / "xmodel" / file).read_bytes())
    theirs = {known.name: known for known in map(read_def, message.op_defs)}
    common = sorted(OP_DEFS.keys() & theirs.keys())
    assert len(common) > 40
    for name in common:
        ours = OP_DEFS[name]
        assert [(arg.name, arg.occur) for arg in ours.args][: len(theirs[name].args)] == [
            (arg.name, arg.occur) for arg in theirs[name].args
        ]
        for attr in theirs[name].attrs:
            known = ours.attr(attr.name)
            assert known is None or known.wire is attr.wire or (name, attr.name) in {("upsample-fix", "scale"), ("downsample-fix", "scale")}


def test_every_default_fits_its_type() -> None:
    """A default value can be written as the type that its attribute declares."""
    for known in OP_DEFS.values():
        assert all(attr.default is None or fits(attr.default, attr.wire) for attr in known.attrs)


def test_a_files_own_definition_goes_first() -> None:
    """An older file's type of an attribute holds for that file; an attribute that nobody defines has no type."""
    older = read_def(
        proto.OpDef(name="upsample-fix", attrs=[proto.AttrDef(name="scale", default_value=proto.AttrValue(int32_vec_value={"value": []}))])
    )
    assert attr_wire("upsample-fix", "scale") is Wire.FLOAT_VEC
    assert attr_wire("upsample-fix", "scale", [older]) is Wire.INT32_VEC
    assert attr_wire("conv2d", "workload") is Wire.UINT64
    assert attr_wire("conv2d", "mine") is None
