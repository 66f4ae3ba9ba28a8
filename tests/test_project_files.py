"""The project's files agree with each other and with the code."""

import json
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet

from scripts.write_mlproject import entry_points, render

ROOT = Path(__file__).resolve().parents[1]


def test_mlproject_is_what_the_settings_say():
    assert (ROOT / "MLproject").read_text() == render(), "run: python -m scripts.write_mlproject"


def test_conda_yaml_repeats_the_dependencies_and_leaves_the_project_out():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "conda.yaml").read_text())["dependencies"]
    assert conda[1] == "pip"
    assert conda[-1] == {"pip": project["dependencies"]}
    assert SpecifierSet(project["requires-python"]).contains(conda[0].removeprefix("python="))


@pytest.mark.parametrize("module", entry_points())
def test_every_parameter_reaches_the_settings_as_its_default(module, monkeypatch):
    """What `mlflow run` would execute with no -P gives the settings' own defaults."""
    import importlib
    import shlex

    block = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    block = block["main" if module == "suite" else module]
    defaults = {name: str(parameter["default"]) for name, parameter in block["parameters"].items()}
    module = importlib.import_module(f"experiments.{module}")
    seen = []
    monkeypatch.setattr(module, "run", seen.append)
    from garment_ml.base.command_line import make_command

    quoted = {name: shlex.quote(value) for name, value in defaults.items()}
    arguments = shlex.split(block["command"].format(**quoted))[3:]
    result = CliRunner().invoke(make_command(module.Settings, seen.append, ""), arguments)
    assert result.exit_code == 0, result.output
    assert seen == [module.Settings()]
    secrets = {each.name for each in fields(module.Settings) if each.metadata["secret"]}
    assert secrets == ({"token"} if module.__name__ == "experiments.serve" else set())
    assert set(defaults) == {each.name for each in fields(module.Settings)} - secrets


@pytest.mark.parametrize("module", entry_points())
def test_help_answers_without_the_heavy_imports(module):
    program = (
        "import sys, runpy\n"
        "sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('experiments.{module}', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'keras', 'mlflow', 'matplotlib', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for each in fields(entry_points()[module]):
        assert f"--{each.name.replace('_', '-')}" in done.stdout


def test_all_that_the_container_copies_is_there_and_not_ignored():
    lines = [line.split() for line in (ROOT / "Containerfile").read_text().splitlines()]
    copied = {name for line in lines if line[:1] == ["COPY"] for name in line[1:-1]}
    assert copied == {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    assert all((ROOT / name).exists() for name in copied)
    assert json.loads(" ".join(lines[-1][1:]))[:3] == ["python", "-m", "experiments.serve"]
