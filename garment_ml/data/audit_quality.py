"""Checks of single pictures and of classes: what can't be read or seen, odd shapes, small classes."""

import math

import numpy as np

from garment_ml.data.audited import LEAST_CONTRAST, Audited, Finding

DARK = 64  # grey level below which all but 1 % of the pixels are
# A picture is blurred where it is far below the others, by their spread and by its share of their median:
# 28x28 pictures are sharper than photographs, and of pictures that are all alike none should be accused.
SPREADS_BELOW, SHARE_OF_MEDIAN = 3.5, 0.5
ODD_ASPECT, ODD_SIZE = 1.8, 3.0  # times the median, or as much below
FEW, FEW_SHARE = 20, 0.1  # pictures of a class, in all and as a part of the median class


def find_unreadable(audited: Audited) -> list[Finding]:
    return [Finding(math.nan, each.reason, file=each.id or each.where) for each in audited.dataset.left_out]


def find_blank(audited: Audited) -> list[Finding]:
    contrast = audited.measures.contrast
    return _lowest(contrast, contrast < LEAST_CONTRAST, "grey levels from darkest to brightest")


def find_dark(audited: Audited) -> list[Finding]:
    measures = audited.measures
    dark = (measures.bright < DARK) & (measures.contrast >= LEAST_CONTRAST)
    return _lowest(measures.bright, dark, "grey level that only 1 % of the pixels exceed")


def find_blurred(audited: Audited) -> list[Finding]:
    seen = audited.measures.contrast >= LEAST_CONTRAST
    if not seen.any():
        return []
    sharpness = np.log(np.maximum(audited.measures.sharpness, 1e-6))
    median = np.median(sharpness[seen])
    spread = 1.4826 * np.median(np.abs(sharpness[seen] - median))  # the standard deviation, outliers aside
    limit = min(median - SPREADS_BELOW * spread, median + np.log(SHARE_OF_MEDIAN))
    return _lowest(np.exp(sharpness - median), seen & (sharpness < limit), "of the median sharpness")


def find_odd_shapes(audited: Audited) -> list[Finding]:
    height, width = audited.own_shapes[:, 0].astype(float), audited.own_shapes[:, 1].astype(float)
    aspect, size = _times_median(width / height), _times_median(np.sqrt(width * height))
    odd = np.flatnonzero((aspect > ODD_ASPECT) | (size > ODD_SIZE))
    usual = f"most are about {np.median(width):.0f} x {np.median(height):.0f}"
    findings = [
        Finding(
            float(max(aspect[row], size[row])), f"{width[row]:.0f} x {height[row]:.0f}; {usual}", int(row)
        )
        for row in odd
    ]
    return sorted(findings, key=lambda finding: -finding.value)


def find_small_classes(audited: Audited) -> list[Finding]:
    names = audited.dataset.class_names
    counts = np.bincount(audited.dataset.labels, minlength=len(names))
    few = np.flatnonzero(counts < max(FEW, FEW_SHARE * np.median(counts)))
    note = f"pictures in all; the median class has {np.median(counts):,.0f}"
    return [
        Finding(float(counts[label]), note, class_name=names[label])
        for label in few[np.argsort(counts[few], kind="stable")]
    ]


def _lowest(values: np.ndarray, chosen: np.ndarray, note: str) -> list[Finding]:
    """Of the chosen rows, the lowest value first."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(values[rows], kind="stable")]
    return [Finding(float(values[row]), note, int(row)) for row in rows]


def _times_median(values: np.ndarray) -> np.ndarray:
    """How many times the median each is, or the median each: 2 for the double and for the half."""
    return np.exp(np.abs(np.log(values) - np.log(np.median(values))))
