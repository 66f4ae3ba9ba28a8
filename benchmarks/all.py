"""All benchmarks, one after the other, and one table of what they found.

    make benchmarks                                     (writes benchmarks.md)
    python -m benchmarks.all --only training_step,same_budget --quick

Shows what each prints and puts its result into the table, with the machine, the versions and the commit.
--quick gives each its smallest sensible size: to try it out, the figures say nothing. Exits with 1 when one
fails; the others are run all the same.
"""

import sys
from pathlib import Path

import click

from benchmarks.choice import chosen
from benchmarks.processes import run_process
from benchmarks.result import result_in
from benchmarks.summary import Row, environment_lines, summary

SHORT = "scratch_cnn,keras_tuner_guide,autokeras_vanilla"  # those that have anything so soon
# Of each what it is given, and what it is given for --quick.
ARGUMENTS = {
    "training_step": ("", "--data sample --train-pictures 1000"),
    "tracking_overhead": ("", "--data sample --train-pictures 500 --epochs 1"),
    "many_trials": ("", "--trials 20"),
    "feature_extraction": ("--weights imagenet", "--pictures 4096"),
    "scoring": ("", "--approach scratch_cnn --data sample --pictures 1000"),
    "serving": ("", "--approach scratch_cnn --data sample --requests 0.1"),
    "against_published": ("", "--data sample --train-pictures 500 --epochs 4"),
    "same_budget": ("", f"--data sample --train-pictures 500 --minutes 0.7 --contenders {SHORT}"),
}


def measure(name: str, arguments: str) -> Row:
    command = f"python -m benchmarks.{name} {arguments}".strip()
    click.echo(f"\n{command}")
    run = run_process([sys.executable, *command.split()[1:]], show=True)
    result = result_in(run.output)
    failed = run.code != 0 or not result
    # The last lines hold the result, too, of one that only refuses its own figures.
    return Row(command, run.seconds, run.last_lines if failed else result, failed)


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--only", default="", help=f"some of {','.join(ARGUMENTS)}; empty: all")
@click.option("--quick", is_flag=True, help="with the smallest sensible sizes")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("benchmarks.md"))
def main(only: str, quick: bool, output: Path) -> None:
    names = chosen(only, tuple(ARGUMENTS))
    environment = environment_lines()  # before, as files may change while it runs
    rows = []
    for name in names:
        rows.append(measure(name, ARGUMENTS[name][quick]))
        output.write_text(
            summary(environment, rows)
        )  # each time: what is measured stays if we are interrupted
    failed = [row.command for row in rows if row.failed]
    click.echo(f"\nThe table: {output}")
    if failed:
        raise click.ClickException(f"failed: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
