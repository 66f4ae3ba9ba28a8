"""What a benchmark has found, marked in its output so that benchmarks.all can pick it out."""

from collections.abc import Iterable

MARK = "Result:"


def say_result(lines: Iterable[str]) -> None:
    """The last that a benchmark prints."""
    print("\n".join([MARK, *lines]), flush=True)


def result_in(output: list[str]) -> list[str]:
    """The lines after the last mark; none where there is no mark."""
    marks = [number for number, line in enumerate(output) if line == MARK]
    return output[marks[-1] + 1 :] if marks else []
