"""What is to be learned, from what and how long: prepared once, shared by a search and its refits."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from garment_ml.approaches.approach import Approach, LearningInputs
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.training import learning_inputs
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.search.code_digest import code_digest


@dataclass(frozen=True)
class Task:
    """An approach with its data and inputs."""

    approach: Approach
    data: SplitDataset
    inputs: LearningInputs
    budget: Budget
    class_weights: str = "none"  # or balanced

    @classmethod
    def prepare(
        cls,
        approach: Approach,
        data: SplitDataset,
        epochs: int | None = None,
        patience: int | None = None,
        class_weights: str = "none",
    ) -> Self:
        """With the approach's own budget for that many pictures where none is given.

        May take long: an approach on pretrained features extracts them here.
        """
        budget = approach.budget.with_given(epochs, patience, data.train_pictures)
        return cls(approach, data, learning_inputs(approach, data, class_weights), budget, class_weights)

    def key(self, kind: str, **inputs: Any) -> str:
        """16 hex characters over all that decides the outcome; `inputs` are plain values, dicts and lists."""
        described = {
            "kind": kind,
            "approach": self.approach.described,
            "dataset": self.data.digest,
            "split": self.data.split.digest,
            "train_pictures": self.data.train_pictures,
            "pictures": self.data.form,
            "budget": asdict(self.budget),
            "class_weights": self.class_weights,
            "code": code_digest(),  # other code may train otherwise under the same settings
            **inputs,
        }
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
