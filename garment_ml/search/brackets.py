"""Hyperband's brackets for a given number of trials: how many settings start, how long, how many go on.

keras-tuner sizes them by the epochs alone, so that a search of a few trials ends before anything is halved.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from garment_ml.base.errors import UserError

FACTOR = 3  # a third goes on, for three times as long
FEWEST = FACTOR + 1  # trials of the smallest bracket that halves


@dataclass(frozen=True)
class Round:
    """Of one bracket: this many trials, trained until they have had `epochs` in all."""

    trials: int
    epochs: int


Bracket = tuple[Round, ...]  # each round goes on with the best of the one before; the last has all epochs


def plan_brackets(trials: int, epochs: int) -> tuple[Bracket, ...]:
    """Brackets of exactly `trials` trials; one that goes on counts again, as another trial of its settings.

    They are Hyperband's own (Li et al. 2018, sized as in keras-tuner), from the one that halves most to the
    one that doesn't halve, again and again while trials remain. A bracket that is too large for what remains
    lets fewer through, or is left out. Raises UserError when not even the smallest halving fits.
    """
    if epochs < 2:
        raise UserError("hyperband stops trials early and needs at least 2 epochs; or take --strategy random")
    if trials < FEWEST:
        raise UserError(
            f"hyperband needs at least {FEWEST} trials ({FACTOR} are begun, the best of them goes on), "
            f"not {trials}; give --trials {FEWEST} or --strategy random"
        )
    brackets, left = [], trials
    while left:
        for halvings in range(_most_halvings(epochs), -1, -1):
            bracket = _bracket(halvings, left, epochs)
            if bracket:
                brackets.append(bracket)
                left -= _size(bracket)
    return tuple(brackets)


def epochs_in_all(brackets: Sequence[Bracket]) -> int:
    """That the brackets train: what went on is not trained anew."""
    rounds = [pairwise((Round(0, 0), *bracket)) for bracket in brackets]
    return sum(now.trials * (now.epochs - before.epochs) for pairs in rounds for before, now in pairs)


def describe(brackets: Sequence[Bracket]) -> str:
    """E.g. "6 to epoch 5, 2 to epoch 15; 4 to epoch 15"."""
    return "; ".join(", ".join(f"{each.trials} to epoch {each.epochs}" for each in b) for b in brackets)


def _bracket(halvings: int, left: int, epochs: int) -> Bracket:
    """At Hyperband's size, or with as many survivors as `left` trials allow; empty when they allow none."""
    gentlest = math.ceil(1 + math.log(epochs, FACTOR))  # the size of the bracket that doesn't halve
    own = _rounds(halvings, gentlest / (halvings + 1), epochs)
    if _size(own) <= left:
        return own
    survivors = left // sum(FACTOR**each for each in range(halvings + 1))
    return _rounds(halvings, survivors, epochs) if survivors else ()


def _rounds(halvings: int, survivors: float, epochs: int) -> Bracket:
    shares = [FACTOR ** (halvings - number) for number in range(halvings + 1)]
    return tuple(Round(math.ceil(survivors * share), math.ceil(epochs / share)) for share in shares)


def _size(bracket: Bracket) -> int:
    return sum(each.trials for each in bracket)


def _most_halvings(epochs: int) -> int:
    """So many that the first round still has an epoch, and at least one."""
    halvings = 1
    while FACTOR ** (halvings + 1) <= epochs:
        halvings += 1
    return halvings
