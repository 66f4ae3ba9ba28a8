"""Changed code does not get the results of the old."""

import shutil

import pytest

from garment_ml.search import task as task_module
from garment_ml.search.code_digest import ROOT, SOURCES, code_digest
from tests.search.tiny import tiny_task


@pytest.fixture
def copy(tmp_path):
    """Of the package's sources, to be changed."""
    return shutil.copytree(
        ROOT, tmp_path / "garment_ml", ignore=shutil.ignore_patterns("sample", "__pycache__")
    )


def test_every_pattern_names_sources():
    assert all(list(ROOT.glob(pattern)) for pattern in SOURCES)


@pytest.mark.parametrize("changed", ["approaches/optimizers.py", "search/oracles.py", "studies/refit.py"])
def test_a_source_that_decides_a_training_is_part_of_it(copy, changed):
    before = code_digest(copy)
    file = copy / changed
    file.write_text(file.read_text() + "\nMORE = 1\n")
    code_digest.cache_clear()
    assert code_digest(copy) != before


def test_what_decides_no_training_and_line_endings_are_not(copy):
    assert code_digest(copy) == code_digest()
    for file in copy.rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (copy / "reports/style.py").write_text("")
    code_digest.cache_clear()
    assert code_digest(copy) == code_digest()


def test_work_is_not_found_again_by_other_code(monkeypatch):
    task = tiny_task()
    before = task.key("refit", seed=1)
    assert task.key("refit", seed=1) == before
    monkeypatch.setattr(task_module, "code_digest", lambda: "other code")
    assert task.key("refit", seed=1) != before
