"""The reference of the configuration and its JSON schema, both generated from the models.

`python -m schemas` writes them; a test fails when they are not what the models say.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from net2bit.dpu.target.configuration import PARALLELISM
from schemas.experiment import Experiment

SCHEMA = Path("schemas/experiment.schema.json")
REFERENCE = Path("docs/reference/config.md")

_HEAD = """# Configuration

Every key of an experiment, generated from `schemas/` by `python -m schemas`. A key is changed on the command line
(`doit train.epochs=5 dpu=b1152`), or in a file of `experiments/`: each section below is a folder there, and
`doit section=file` takes another of its files. `doit experiment=quick` takes a whole experiment, a file of
`experiments/experiment/`. Folders of your own may lie elsewhere: `hydra.searchpath=[folder]`, or the variable
`NET2BIT_EXPERIMENTS`. Unknown keys are errors.
"""

_BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}", "multipleOf": "multiple of {}"}


def files() -> dict[Path, str]:
    """Return the generated files, relative to the project's folder, with their text."""
    schema = Experiment.model_json_schema()
    return {SCHEMA: json.dumps(schema, indent=2, sort_keys=True) + "\n", REFERENCE: "\n".join([_HEAD, *_sections(schema)])}


def _sections(schema: dict[str, Any]) -> Iterator[str]:
    defs = schema["$defs"]
    groups = {name: defs[item["$ref"].rsplit("/", 1)[-1]] for name, item in schema["properties"].items() if "$ref" in item}
    loose = {name: item for name, item in schema["properties"].items() if name not in groups}
    yield from _table(_rows(loose, defs, ""))
    for name, group in groups.items():
        yield f"## {name}\n"
        yield f"{group['description']}\n"
        yield from _table(_rows(group["properties"], defs, f"{name}."))
        if name == "dpu":
            yield from _parallelism()


def _parallelism() -> Iterator[str]:
    yield "| size | pixels | input channels | output channels | operations per clock |\n|---|---|---|---|---|"
    for size, (pixels, channels) in PARALLELISM.items():
        yield f"| `{size.lower()}` | {pixels} | {channels} | {channels} | {2 * pixels * channels**2} |"
    yield "\nOf one core; a multiplication and an addition count as two operations (PG338, Architecture of the DPUCZDX8G).\n"


def _table(rows: Iterator[tuple[str, str, str]]) -> Iterator[str]:
    yield "| key | value | meaning |\n|---|---|---|"
    yield from (f"| `{key}` | {kind} | {meaning} |" for key, kind, meaning in rows)
    yield ""


def _rows(properties: dict[str, Any], defs: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield key, value and meaning of each property; those of a nested model follow it."""
    for name, item in properties.items():
        inner = [defs[ref.rsplit("/", 1)[-1]] for ref in _refs(item)]
        yield prefix + name, _kind(item), item.get("description", "")
        for model in inner:
            yield from _rows(model["properties"], defs, f"{prefix}{name}.")


def _refs(item: dict[str, Any]) -> list[str]:
    return [part["$ref"] for part in (item, *item.get("anyOf", ())) if "$ref" in part]


def _kind(item: dict[str, Any]) -> str:
    """Return what values *item* takes, in a few words."""
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(_kind(part) for part in item["anyOf"]))
    if "$ref" in item:
        return "the keys below"
    if "enum" in item or "const" in item:
        return ", ".join(f"`{value}`" for value in item.get("enum", [item.get("const")]))
    kind = str(item["type"])
    if kind == "array":
        return _array(item)
    if kind == "object":
        values = [*item.get("patternProperties", {}).values(), item.get("additionalProperties")]
        return f"name → {_kind(values[0])}"
    words = {"integer": "whole number", "string": "text", "boolean": "`true`, `false`", "null": "`null`"}
    bounds = [text.format(item[key]) for key, text in _BOUNDS.items() if key in item]
    return ", ".join([words.get(kind, kind), *bounds])


def _array(item: dict[str, Any]) -> str:
    if "prefixItems" in item:
        kinds = list(dict.fromkeys(_kind(part) for part in item["prefixItems"]))
        return f"{len(item['prefixItems'])} values: {'; '.join(kinds)}"
    least = f", at least {item['minItems']}" if "minItems" in item else ""
    return f"list{least}: {_kind(item['items'])}"
