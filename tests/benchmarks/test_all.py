import pytest
from click.testing import CliRunner

from benchmarks import all as all_benchmarks
from benchmarks.processes import ROOT, Ended
from benchmarks.result import MARK, result_in
from benchmarks.summary import Row, summary


def test_every_benchmark_is_run_and_marks_its_result():
    others = {"__init__", "all", "choice", "processes", "result", "served", "summary"}
    files = {path.stem: path.read_text() for path in (ROOT / "benchmarks").glob("*.py")}
    assert set(files) - others == set(all_benchmarks.ARGUMENTS)
    assert all("say_result(" in files[name] for name in all_benchmarks.ARGUMENTS)


def test_the_result_is_what_follows_the_last_mark():
    assert result_in(["noise", MARK, "of a part", "noise", MARK, "of all"]) == ["of all"]
    assert result_in(["noise"]) == []


def test_the_table_has_a_row_for_each_and_keeps_its_columns():
    rows = [Row("python -m one", 90, ["a | b", "c"]), Row("python -m two", 6, ["gone"], failed=True)]
    assert summary(["commit: abc"], rows) == (
        "# Benchmarks\n\n- commit: abc\n\n"
        "| benchmark | minutes | result |\n|---|---|---|\n"
        "| `python -m one` | 1.5 | `a \\| b`<br>`c` |\n"
        "| `python -m two` | 0.1 | **failed**<br>`gone` |\n"
    )


@pytest.fixture
def ran(monkeypatch):
    """The commands that were run instead of benchmarks: training_step works, many_trials fails."""
    commands = []

    def run(command: list[str], show: bool) -> Ended:
        commands.append(command[2:])
        works = command[2] == "benchmarks.training_step"
        return Ended(0, [MARK, "fine"], 60) if works else Ended(1, [MARK, "1 GB", "Error: grows"], 60)

    monkeypatch.setattr(all_benchmarks, "run_process", run)
    monkeypatch.setattr(all_benchmarks, "environment_lines", lambda: ["commit: abc"])
    return commands


def test_one_that_fails_is_in_the_table_and_the_others_are_run(ran, tmp_path):
    table = tmp_path / "table.md"
    arguments = ["--only", "many_trials,training_step", "--quick", "--output", str(table)]
    done = CliRunner().invoke(all_benchmarks.main, arguments)
    assert done.exit_code == 1
    assert done.output.endswith("Error: failed: python -m benchmarks.many_trials --trials 20\n")
    assert [each[0] for each in ran] == ["benchmarks.training_step", "benchmarks.many_trials"]
    step, trials = table.read_text().splitlines()[-2:]
    assert step.endswith("| 1.0 | `fine` |")
    assert trials.endswith("| **failed**<br>`Result:`<br>`1 GB`<br>`Error: grows` |")


def test_all_that_work_exit_with_0(ran, tmp_path):
    arguments = ["--only", "training_step", "--output", str(tmp_path / "table.md")]
    assert CliRunner().invoke(all_benchmarks.main, arguments).exit_code == 0
    assert ran == [["benchmarks.training_step"]]


def test_the_table_says_what_it_was_measured_on():
    from benchmarks.summary import environment_lines

    machine, versions, commit, date = environment_lines()
    assert "cores" in machine
    assert all(name in versions for name in ("python", "tensorflow", "keras-tuner", "mlflow", "autokeras"))
    assert commit.startswith("commit: ")
    assert date.startswith("date: 2")
