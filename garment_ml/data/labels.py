"""Labels as files have them, text or numbers, to class names in a fixed order."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.data.source_options import Problems


def class_labels(
    texts: Sequence[str],
    in_test: np.ndarray,
    class_names: tuple[str, ...],
    where: Sequence[str],
    problems: Problems,
) -> tuple[tuple[str, ...], np.ndarray]:
    """The class names, and int64 labels `(n,)`, -1 for those added to `problems`.

    Numbers 0 to n - 1 mean the n given `class_names`; other texts must be among these. Without names the
    classes are the texts themselves, sorted, numbers by size; one that only the test part has (`in_test` bool
    `(n,)`) is a problem, as nothing could be learnt of it. Raises UserError for names that differ in case
    only.
    """
    counts = Counter(text for text in texts if text)
    numbered = bool(class_names) and all(text.isdecimal() and text.isascii() for text in counts)
    if numbered:
        known = {text: int(text) for text in counts if int(text) < len(class_names)}
        expected = f"a number from 0 to {len(class_names) - 1}, one for each of the {len(class_names)} names"
    elif class_names:
        known = {name: number for number, name in enumerate(class_names)}
        expected = f"one of the class names {', '.join(class_names)}"
    else:
        learnt = {text for text, tested in zip(texts, in_test.tolist(), strict=True) if text and not tested}
        class_names = tuple(sorted(learnt, key=_natural))
        known = {name: number for number, name in enumerate(class_names)}
        expected = "a class that the training part has, too"
    _check_case(class_names)
    used = {known[text] for text in counts if text in known}
    if empty := [name for number, name in enumerate(class_names) if number not in used]:
        raise UserError(f"class_names has {empty[0]!r}, but no picture has this label; leave it out")
    labels = np.array([known.get(text, -1) for text in texts], np.int64)
    for number in np.flatnonzero(labels < 0).tolist():
        found = f"the label {texts[number]!r}" if texts[number] else "no label"
        problems.add(where[number], f"{found}, expected {expected}")
    return class_names, labels


def _natural(text: str) -> tuple[bool, int, str]:
    number = text.isascii() and text.isdecimal()
    return not number, int(text) if number else 0, text


def _check_case(class_names: Sequence[str]) -> None:
    folded: dict[str, str] = {}
    for name in class_names:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"the classes {other!r} and {name!r} differ in case only; make them one, or rename one"
            )
