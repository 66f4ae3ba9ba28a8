"""What an audit found, as tables and as a gallery of each check's worst."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame, crosstab

from garment_ml.data.audit import Check
from garment_ml.data.audited import Audited, Finding
from garment_ml.data.decisions import DECISION, DIGEST, FILE, GROUP
from garment_ml.reports.gallery import gallery

SHOWN = 24  # pictures of a gallery
COLUMNS = (FILE, "part", "class", "check", "value", "note", GROUP, DECISION, DIGEST)
Found = Mapping[Check, Sequence[Finding]]


def audit_report(audited: Audited, found: Found) -> dict[str, Figure | DataFrame]:
    """By path: `audit.csv` to be filled in, counts, sizes, a gallery for each check that found pictures."""
    report: dict[str, Figure | DataFrame] = {
        "audit.csv": audit_table(audited, found),
        "audit/summary.csv": audit_summary(found),
        "audit/counts.csv": _counts(audited),
        "audit/sizes.csv": _sizes(audited),
    }
    for check, findings in found.items():
        of_pictures = [each for each in findings if each.row is not None]
        if of_pictures:
            report[f"audit/{check.name}.png"] = _gallery(audited, check, of_pictures)
    return report


def audit_table(audited: Audited, found: Found) -> DataFrame:
    """A row for each finding, `decision` left to people; before these what they decided in an earlier table.

    Groups given then are repeated where they aren't found again.
    """
    rows = [_row(audited, check, finding) for check, findings in found.items() for finding in findings]
    again = {row["group"] for row in rows}
    corrections = audited.dataset.corrections
    before = [
        {**{name: getattr(each, name) for name in (FILE, DIGEST, GROUP, DECISION)}, "check": "corrections"}
        for each in (corrections.decisions if corrections else ())
        if each.decision or each.group not in again
    ]
    return DataFrame(before + rows, columns=COLUMNS)


def _row(audited: Audited, check: Check, finding: Finding) -> dict[str, str | float]:
    measured = {"value": float(f"{finding.value:.4g}")}
    of_finding = {"check": check.name, "note": finding.note, GROUP: finding.group}
    if finding.row is None:
        return {**measured, **of_finding, FILE: finding.file, "class": finding.class_name}
    dataset, row = audited.dataset, finding.row
    of_picture = {
        FILE: str(dataset.pictures.ids[row]),
        "part": str(audited.parts[row]),
        "class": dataset.class_names[dataset.labels[row]],
        DIGEST: dataset.pictures.digests[row].decode(),
    }
    return {**measured, **of_finding, **of_picture}


def audit_summary(found: Found) -> DataFrame:
    """One row for each check, in their order."""
    return DataFrame(
        {
            "check": check.name,
            "what": check.title,
            "found": len(findings),
            "groups": len({each.group for each in findings} - {""}),
            "worst": f"{findings[0].value:.3g} {findings[0].note}".removeprefix("nan ") if findings else "",
        }
        for check, findings in found.items()
    )


def summary_text(summary: DataFrame) -> str:
    """For the terminal."""
    lines = [f"{'check':<20} {'found':>7} {'groups':>7}  worst"]
    for row in summary.itertuples():
        lines.append(f"{row.check:<20} {row.found:>7,} {row.groups or '':>7}  {row.worst}".rstrip())
    return "\n".join(lines)


def _counts(audited: Audited) -> DataFrame:
    names = np.array(audited.dataset.class_names)
    counts = crosstab(names[audited.dataset.labels], audited.parts).reindex(names, fill_value=0)
    counts = counts.assign(all=counts.sum(axis=1)).rename_axis("class", axis=0)
    return counts.drop(columns="", errors="ignore").reset_index()


def _sizes(audited: Audited) -> DataFrame:
    """Each size and mode that occurs, the most frequent first."""
    shapes, counts = np.unique(audited.own_shapes, axis=0, return_counts=True)
    table = DataFrame(shapes, columns=["height", "width", "channels"]).assign(pictures=counts)
    return table.sort_values("pictures", ascending=False, kind="stable")


def _gallery(audited: Audited, check: Check, findings: Sequence[Finding]) -> Figure:
    worst = findings[:SHOWN]
    title = f"{check.title}: {len(findings):,}" + (f", the worst {SHOWN}" if len(findings) > SHOWN else "")
    pictures = audited.dataset.pictures.images[np.array([each.row for each in worst])]
    return gallery(pictures, [_caption(audited, each) for each in worst], title=title)


def _caption(audited: Audited, finding: Finding) -> str:
    dataset, row = audited.dataset, finding.row
    assert row is not None
    class_name = dataset.class_names[dataset.labels[row]]
    lines = [f"{class_name}, {audited.parts[row]}".removesuffix(", "), f"{finding.value:.3g}"]
    return "\n".join([*lines, finding.group] if finding.group else lines)
