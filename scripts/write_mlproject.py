"""Writes MLproject from the settings of the entry points, so that the two can't differ.

python -m scripts.write_mlproject
"""

import importlib
from dataclasses import Field, fields
from pathlib import Path

from garment_ml.base.config import Config, value_type

KINDS = {str: "string", int: "int", float: "float", bool: "string"}
MLPROJECT = Path(__file__).resolve().parents[1] / "MLproject"


def render() -> str:
    """The whole file: every setting that is no secret a parameter with its default, and an option."""
    blocks = [
        "# Written by scripts/write_mlproject.py from the settings in experiments/.",
        "name: garment-ml",
    ]
    blocks += ["conda_env: conda.yaml", "entry_points:"]
    for module, settings in entry_points().items():
        entry_point = "main" if module == "suite" else module
        logged = [each for each in fields(settings) if not each.metadata["secret"]]
        blocks += [f"  {entry_point}:", "    parameters:"]
        blocks += [f"      {each.name}: {_parameter(settings, each)}" for each in logged]
        options = " ".join(f"--{each.name.replace('_', '-')} {{{each.name}}}" for each in logged)
        blocks += [f'    command: "python -m experiments.{module} {options}"']
    return "\n".join(blocks) + "\n"


def entry_points() -> dict[str, type[Config]]:
    """Settings by module: every file of experiments/ that has some."""
    names = sorted(path.stem for path in (MLPROJECT.parent / "experiments").glob("[a-z]*.py"))
    modules = {name: importlib.import_module(f"experiments.{name}") for name in names}
    return {name: module.Settings for name, module in modules.items() if hasattr(module, "Settings")}


def _parameter(settings: type[Config], each: Field) -> str:
    """`default: ""` stands for "not set"; MLflow takes a missing default for "required"."""
    optional = each.default is None
    kind = "string" if optional else KINDS[value_type(settings, each)]
    default = "" if optional else each.default
    quoted = f'"{default}"' if isinstance(default, str | bool) else default
    return f"{{type: {kind}, default: {quoted}}}"


if __name__ == "__main__":
    MLPROJECT.write_text(render())
