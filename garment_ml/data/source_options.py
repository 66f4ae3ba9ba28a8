"""What a source may be told beyond its folder: how files are read, and what every picture is brought to."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from garment_ml.base.errors import UserError

CHANNELS = {"grey": 1, "rgb": 3}


@dataclass(frozen=True)
class SourceOptions:
    """`side` 0 and `channels` 0 leave the choice to what most pictures have; `fit` is stretch or pad.

    `size`, height and width, counts before `side`: a model's own form need not be square.

    `class_names` name the labels of files that only number them, and fix their order elsewhere. Pictures of
    one `group_column` value, or of one `group_pattern` match in their file's name, stay on one side of the
    split.
    """

    side: int = 0
    channels: int = 0
    fit: str = "stretch"
    class_names: tuple[str, ...] = ()
    id_column: str = "id"
    label_column: str = "label"
    group_column: str = ""
    group_pattern: str = ""
    skip_unreadable: bool = False
    size: tuple[int, int] | None = None
    dropped: frozenset[str] = frozenset()  # ids that corrections drop: they may be unreadable


def parse_class_names(text: str) -> tuple[str, ...]:
    """Names joined by commas, or the lines of a file; UserError for a file that can't be read."""
    if not text:
        return ()
    if "," in text:
        return tuple(name.strip() for name in text.split(","))
    try:
        lines = Path(text).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"class_names {text!r} is neither a list joined by commas nor a readable file: {error}"
        ) from error
    return tuple(line.strip() for line in lines if line.strip())


def own_class_names(source: str, names: tuple[str, ...], options: SourceOptions | None) -> None:
    """Raise UserError where others were given for a source that comes with its own."""
    if options and options.class_names not in ((), names):
        raise UserError(f"the source {source!r} has class names of its own, leave class_names empty")


@dataclass(frozen=True)
class LeftOut:
    """A picture, or a row of a file, that can't be used: where it is, and what is wrong with it."""

    where: str
    reason: str
    id: str = ""  # as a picture that can be used has one


def shown(path: Path | str) -> str:
    """For people and records: with / and without bytes that are no text."""
    text = os.fspath(path).replace(os.sep, "/")
    return text if text.isascii() else os.fsencode(text).decode(errors="replace")


class Problems:
    """Collects what can't be used: the first ends the loading, unless such are to be left out.

    `can_skip`: whether whoever started this could have asked for that. What is `dropped` anyway ends nothing.
    """

    def __init__(self, skip: bool, can_skip: bool = True, dropped: Collection[str] = ()) -> None:
        self.skip, self.can_skip, self.dropped = skip, can_skip, dropped
        self.left_out: list[LeftOut] = []

    def add(self, where: str, reason: str, id: str = "") -> None:
        self.left_out.append(LeftOut(where, reason, id))

    def check(self) -> None:
        """Raise UserError for what was found so far, unless it is to be left out."""
        blocking = [each for each in self.left_out if each.id not in self.dropped]
        if blocking and not self.skip:
            first, more = blocking[0], len(blocking) - 1
            others = f" ({more:,} more such)" if more else ""
            advice = ", or give --skip-unreadable to go on without and have all that is left out listed"
            raise UserError(
                f"{first.where}: {first.reason}{others}; mend it{advice if self.can_skip else ''}"
            )
