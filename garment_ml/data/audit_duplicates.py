"""Checks of pictures against each other: copies and near duplicates, where they are, and their labels."""

from collections.abc import Iterable

from garment_ml.data.audited import Alike, Audited, Finding


def find_copies(audited: Audited) -> list[Finding]:
    return _findings(audited, (each for each in audited.copies if not _across(audited, each)))


def find_copies_across_parts(audited: Audited) -> list[Finding]:
    return _findings(audited, (each for each in audited.copies if _across(audited, each)))


def find_near(audited: Audited) -> list[Finding]:
    return _findings(audited, (each for each in audited.near if not _across(audited, each)))


def find_near_across_parts(audited: Audited) -> list[Finding]:
    return _findings(audited, (each for each in audited.near if _across(audited, each)))


def find_label_conflicts(audited: Audited) -> list[Finding]:
    """Copies and near duplicates of which at least one must be labelled wrongly."""
    labels = audited.dataset.labels
    groups = [each for each in (*audited.copies, *audited.near) if len(set(labels[each.rows].tolist())) > 1]
    return _findings(audited, groups)


def _across(audited: Audited, alike: Alike) -> bool:
    return len(set(audited.parts[alike.rows].tolist())) > 1


def _findings(audited: Audited, groups: Iterable[Alike]) -> list[Finding]:
    """Of each group all pictures, one beside the other."""
    return [
        Finding(float(distance), _note(audited, each), int(row), each.name)
        for each in groups
        for row, distance in zip(each.rows, each.distances, strict=True)
    ]


def _note(audited: Audited, alike: Alike) -> str:
    parts = ", ".join(sorted(set(audited.parts[alike.rows].tolist()) - {""}))
    where = f" in {parts}" if parts else ""
    return f"grey levels from the nearest of {len(alike.rows)} pictures{where}"
