"""A data set and its split as one value, with one door to the test pictures."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset
from garment_ml.data.draw import cut
from garment_ml.data.near_duplicates import count_near
from garment_ml.data.pictures import Pictures
from garment_ml.data.split import Split, check_every_class, make_split


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures of one part of a split, and their labels int64 `(n,)`."""

    name: str
    pictures: Pictures
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


class SplitDataset:
    """What everything after loading is given: train and validation to learn from and choose by.

    `train_pictures` of the train part are used, a smaller number being contained in a larger one. That is no
    part of the split: validation and test are the same pictures whatever it is.
    """

    def __init__(self, dataset: Dataset, split: Split, train_pictures: int | None = None) -> None:
        self._dataset, self.split = dataset, split
        self.name, self.origin, self.digest = dataset.name, dataset.origin, dataset.digest
        self.class_names, self.picture_shape = dataset.class_names, dataset.pictures.shape
        self.fit, self.left_out = dataset.pictures.fit, dataset.left_out
        self.corrections = dataset.corrections
        self._train = self._cut(train_pictures)
        self.train_pictures = len(self._train)

    def of_size(self, train_pictures: int) -> "SplitDataset":
        """The same split, with that many of its train pictures."""
        return SplitDataset(self._dataset, self.split, train_pictures)

    @cached_property
    def train(self) -> Part:
        return self._part("train", self._train)

    @cached_property
    def validation(self) -> Part:
        return self._part("validation", self.split.validation)

    def open_test_set(self) -> Part:
        """The only way to the test pictures; called for finalists, after every choice has been made."""
        return self._part("test", self.split.test)

    @property
    def counts(self) -> dict[str, int]:
        """Pictures used of each part."""
        held_out = {"validation": len(self.split.validation), "test": len(self.split.test)}
        return {"train": self.train_pictures, **held_out}

    @cached_property
    def near_duplicates(self) -> dict[str, int]:
        """How many pictures of validation and of test nearly repeat one of train."""
        parts = {"validation": self.split.validation, "test": self.split.test, "train": self._train}
        images = {part: self._dataset.pictures.take(rows).images for part, rows in parts.items()}
        return count_near(images, images.pop("train"))

    @property
    def form(self) -> str:
        """What every picture is brought to, such as `64x64x3 pad`."""
        return f"{'x'.join(map(str, self.picture_shape))} {self.fit}"

    def _part(self, name: str, rows: np.ndarray) -> Part:
        return Part(name, self._dataset.pictures.take(rows), self._dataset.labels[rows])

    def _cut(self, count: int | None) -> np.ndarray:
        whole = self.split.train
        if count is None:
            return whole
        if not 1 <= count <= len(whole):
            raise UserError(
                f"train_pictures is {count:,}, expected 1 to {len(whole):,}: '{self.name}' has "
                f"{len(self._dataset.labels):,} pictures, of which {len(self.split.validation):,} go to "
                f"validation and {len(self.split.test):,} to test"
            )
        rows = cut(whole, self._dataset.labels, count)
        check_every_class(self._dataset, {"train": rows})
        return rows


def split_dataset(
    dataset: Dataset, *, seed: int = 0, train_pictures: int | None = None, **fractions: float
) -> SplitDataset:
    """`fractions` as `make_split` takes them; raises UserError for what cannot be split or cut so."""
    return SplitDataset(dataset, make_split(dataset, seed=seed, **fractions), train_pictures)
