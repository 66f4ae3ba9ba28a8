"""Is what comes in today like what the model was validated on? Each test a number, its bound and a p-value.

All are of two samples; a difference counts where it is neither chance nor too small to matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, chi2, fisher_exact
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CHANCE = 0.002  # of each test: of four, less than one in a hundred windows is blamed wrongly
STABLE = 0.1  # population stability index below which a shift is called small (Siddiqi 2006)
TELLABLE = 0.55  # share of pictures that a classifier tells apart; 0.5 is guessing
FAR, FAR_SHARE = 0.99, 0.03  # beyond this quantile of validation a picture is far; so many are too many
ROWS = 1_000  # of each sample for the classifier
FEWEST = 50  # rows, below which a test says nothing


@dataclass(frozen=True)
class Drift:
    """`effect` counts from `bound` on, if it is less likely than CHANCE where nothing has changed."""

    name: str
    effect: float
    bound: float
    p_value: float
    measures: str

    @property
    def is_drift(self) -> bool:
        return self.effect >= self.bound and self.p_value < CHANCE


def stability(name: str, reference: np.ndarray, window: np.ndarray) -> Drift:
    """Population stability index between two histograms of counts, `(bins,)` each.

    Times nm/(n + m) it is chi-squared with bins - 1 degrees of freedom where nothing has changed (Yurdakul
    2018). Half a picture is added to each bin, as the logarithm knows no empty ones.
    """
    n, m = reference.sum(), window.sum()
    expected, found = (reference + 0.5) / (n + len(reference) / 2), (window + 0.5) / (m + len(window) / 2)
    index = float(((found - expected) * np.log(found / expected)).sum())
    p_value = chi2.sf(index * n * m / (n + m), len(reference) - 1)
    return Drift(name, index, STABLE, float(p_value), "population stability index")


def merged(reference: np.ndarray, window: np.ndarray, least: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring bins put together until each holds that share of the reference."""
    shares, edges, so_far = reference / max(reference.sum(), 1), [0], 0.0
    for place, share in enumerate(shares, start=1):
        so_far += share
        if so_far >= least and shares[place:].sum() >= least:
            edges, so_far = [*edges, place], 0.0
    if len(edges) == 1:  # nearly all in one bin: that one, or what is before it, and the rest
        edges.append(int(reference.argmax()) or 1)
    return np.add.reduceat(reference, edges), np.add.reduceat(window, edges)


def two_samples(reference: np.ndarray, window: np.ndarray, seed: int = 0) -> Drift:
    """Can a classifier tell them apart? Accuracy on rows it wasn't fitted to (Lopez-Paz and Oquab 2017).

    `(n, features)` and `(m, features)`; as many of each, at most ROWS, are taken.
    """
    count = min(len(reference), len(window), ROWS)
    random = np.random.default_rng(seed)
    rows = np.concatenate([random.permutation(each)[:count] for each in (reference, window)])
    labels = np.repeat([0, 1], count)
    learnt = np.tile(np.arange(count) % 2 == 0, 2)  # the others judge: over folds it would be no binomial
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    model.fit(rows[learnt], labels[learnt])
    right = model.predict(rows[~learnt]) == labels[~learnt]
    p_value = binom.sf(right.sum() - 1, right.size, 0.5)
    return Drift("two_samples", float(right.mean()), TELLABLE, float(p_value), "share told apart")


class Distance:
    """From the nearest class in feature space (Mahalanobis with one covariance, Lee et al. 2018)."""

    def __init__(self, features: np.ndarray, labels: np.ndarray) -> None:
        """`features` float (n, k) of pictures whose `labels` (n,) are known."""
        classes = [features[labels == each] for each in np.unique(labels)]
        self._means = np.stack([each.mean(axis=0) for each in classes])
        within = np.concatenate([each - each.mean(axis=0) for each in classes])
        self._precision = LedoitWolf(assume_centered=True).fit(within).precision_

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Squared, `(n,)`."""
        apart = features[:, None] - self._means
        return np.einsum("nck,kl,ncl->nc", apart, self._precision, apart).min(axis=1)


def far_away(reference: Sequence[float] | np.ndarray, window: Sequence[float] | np.ndarray) -> Drift:
    """Share of the window farther than nearly all of the reference, by distances (Fisher's exact test)."""
    threshold = np.quantile(reference, FAR)
    far, far_before = (int((np.asarray(each) > threshold).sum()) for each in (window, reference))
    counts = [[far, len(window) - far], [far_before, len(reference) - far_before]]
    p_value = fisher_exact(counts, alternative="greater").pvalue
    return Drift("far_away", far / len(window), FAR_SHARE, float(p_value), "share far from every class")
