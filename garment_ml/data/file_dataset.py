"""A data set of listed picture files: what class folders and a CSV beside pictures have in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.dataset import Dataset
from garment_ml.data.labels import class_labels
from garment_ml.data.picture_files import read_pictures
from garment_ml.data.source_options import Problems, SourceOptions, shown


@dataclass(frozen=True)
class ListedFile:
    """A picture on disk, `id` saying to people which, and what was said of it."""

    path: Path
    id: str
    label: str
    in_test: bool = False
    group: str = ""


def dataset_of_files(
    name: str, root: Path, files: Sequence[ListedFile], options: SourceOptions, problems: Problems
) -> Dataset:
    """Raises UserError where no file is usable, and for what `problems` is not to leave out."""
    if not files:
        raise UserError(f"{root} holds no pictures")
    in_test = np.array([each.in_test for each in files])
    where = [shown(each.path) for each in files]
    class_names, labels = class_labels(
        [each.label for each in files], in_test, options.class_names, where, problems
    )
    problems.check()
    labelled = np.flatnonzero(labels >= 0)
    chosen = [files[number] for number in labelled.tolist()]
    pictures, readable = read_pictures(
        [each.path for each in chosen], [each.id for each in chosen], options, problems
    )
    kept = labelled[readable]
    if in_test.any() and not in_test[kept].any():
        raise UserError(f"none of the {int(in_test.sum()):,} pictures of the test part in {root} can be used")
    return Dataset(
        name=name,
        pictures=pictures,
        labels=labels[kept],
        class_names=class_names,
        origin=f"directory {root}",
        published_test=in_test[kept] if in_test.any() else None,
        groups=groups_of([files[number] for number in kept.tolist()], options.group_pattern),
        left_out=tuple(problems.left_out),
    )


def groups_of(files: Sequence[ListedFile], pattern: str) -> np.ndarray | None:
    """Of each file the group it was listed with, else what the pattern finds in its name; "" for none."""
    if not pattern:
        groups = np.array([each.group for each in files])
        return groups if (groups != "").any() else None
    finder = group_finder(pattern)
    found = [finder.search(each.path.name) for each in files]
    groups = np.array([(match[1] or "") if match else "" for match in found])
    alone = int((groups == "").sum())
    if alone == len(files):
        raise UserError(
            f"group_pattern {pattern!r} finds a group in none of the file names, such as {files[0].path.name}"
        )
    if alone:
        say(f"group_pattern {pattern!r}: {alone:,} of {len(files):,} pictures are in no group")
    return groups


def group_finder(pattern: str) -> re.Pattern[str]:
    """Raises UserError for a pattern without exactly one (group)."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"group_pattern {pattern!r} is no regular expression: {error}") from None
    if compiled.groups != 1:
        raise UserError(
            f"group_pattern {pattern!r} has {compiled.groups} groups in parentheses, expected one: the part "
            "of a file's name that pictures of one product share, such as '^([0-9]+)_'"
        )
    return compiled
