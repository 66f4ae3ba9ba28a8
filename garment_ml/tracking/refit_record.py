"""The record of one training: what its MLflow run says of it, written in one place and read in one place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from mlflow.entities import Run

from garment_ml.evaluation.intervals import SeedSummary
from garment_ml.tracking.facts import DATASET_TAG, FORM_TAG, SPLIT_TAG, TRAIN_TAG
from garment_ml.tracking.models import MODEL_TAG

APPROACH_TAG = "garment.approach"  # JSON of name and settings: enough to make the approach again
RECIPE_TAG = "garment.recipe"  # JSON of all else that refits of other seeds have in common
SEED_TAG = "garment.seed"
GAIN_TAG = "garment.search_gain"  # JSON of a SeedSummary: what the search gained over the recipe's own values
MEMBERS_TAG = "garment.members"  # JSON of the ids of the runs whose models vote in an ensemble
LOST_TAG = "garment.lost_final"  # the search whose final the values of this refit have lost
NEEDED_TAGS = (
    *(APPROACH_TAG, RECIPE_TAG, SEED_TAG, DATASET_TAG),
    *(SPLIT_TAG, TRAIN_TAG, FORM_TAG, MODEL_TAG),
)


@dataclass(frozen=True)
class Refit:
    """One finished training; read from tags, as `mlflow run` fills parameters before we can."""

    run_id: str
    approach: Mapping[str, Any]  # name and settings
    recipe: Mapping[str, Any]  # hyperparameters, epochs, patience, calibrate
    seed: int
    model_uri: str
    dataset_digest: str
    split_digest: str
    train_pictures: int
    form: str  # of the pictures
    metrics: Mapping[str, float]
    search_gain: SeedSummary | None = None
    lost_final: str = ""  # id of the search whose final its values have lost
    members: tuple[str, ...] = ()  # of an ensemble: ids of the refits that vote

    @classmethod
    def of(cls, run: Run) -> Self:
        """KeyError names the first tag that is missing: no finished refit, or of an older version."""
        tags = run.data.tags
        return cls(
            run.info.run_id,
            json.loads(tags[APPROACH_TAG]),
            json.loads(tags[RECIPE_TAG]),
            int(tags[SEED_TAG]),
            tags[MODEL_TAG],
            tags[DATASET_TAG],
            tags[SPLIT_TAG],
            int(tags[TRAIN_TAG]),
            tags[FORM_TAG],
            dict(run.data.metrics),
            SeedSummary(**json.loads(tags[GAIN_TAG])) if GAIN_TAG in tags else None,
            tags.get(LOST_TAG, ""),
            tuple(json.loads(tags.get(MEMBERS_TAG, "[]"))),
        )

    @property
    def row(self) -> str:
        """What refits of other seeds share."""
        data = [self.dataset_digest, self.split_digest, self.train_pictures, self.form]
        shared = [self.approach, self.recipe, *data]
        return json.dumps(shared, sort_keys=True)


def missing_tags(run: Run) -> list[str]:
    """Of those that `Refit.of` reads: a training that isn't over lacks some, and one of an older version."""
    return [tag for tag in NEEDED_TAGS if tag not in run.data.tags]


def refit_tags(approach: Mapping[str, Any], recipe: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What `Refit.of` reads, apart from the facts and the model, which have tags of their own."""
    return {APPROACH_TAG: json.dumps(approach), RECIPE_TAG: json.dumps(recipe), SEED_TAG: seed}


def median_refit(refits: Sequence[Refit], rank_by: str = "accuracy") -> Refit:
    """Of median validation accuracy, or macro F1 (of an even number, the lower): the one that goes on."""
    ranked = sorted(refits, key=lambda each: each.metrics[f"validation_{rank_by}"])
    return ranked[(len(ranked) - 1) // 2]
