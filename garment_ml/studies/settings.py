"""Settings that several entry points share."""

from dataclasses import dataclass, fields

from garment_ml.approaches.hyperparameter import Value, check_bounds, parse_space
from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError
from garment_ml.data.source_options import CHANNELS
from garment_ml.data.sources import SOURCES
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.search.brackets import plan_brackets
from garment_ml.shipped.picture_decoding import FITS

RANKED_BY = ("accuracy", "macro_f1")
CLASS_WEIGHTS = ("none", "balanced")
ANYWAY = ("data", "rank_by", "experiment")  # count for runs that are there already, too
LEAST_SEEDS = 3  # of a final: fewer say too little of the spread between seeds
STRATEGIES = ("hyperband", "bayesian", "random")
EXPERIMENT = "garments"


@dataclass(frozen=True)
class DataSettings(Config):
    """Which pictures, and how they are split."""

    data: str = option("fashion-mnist", "where the pictures come from", choices=SOURCES)
    data_dir: str = option("", "folder that holds the data set's files; empty: look in the usual places")
    side: int = option(
        0,
        "side the pictures are brought to; 0: their own size if all have one up to 64, else 64",
        minimum=0,
        maximum=2048,
    )
    channels: str = option("", "grey or rgb; empty: what most pictures are", choices=("", *CHANNELS))
    fit: str = option("stretch", "how pictures of another shape are brought to a square", choices=FITS)
    class_names: str = option("", "the classes in order, joined by commas, or a file with one a line")
    id_column: str = option("id", "of labelled-csv: the column that says which picture")
    label_column: str = option("label", "of the CSV sources: the column with the class")
    group_column: str = option("", "of the CSV sources: pictures alike in it stay on one side of the split")
    group_pattern: str = option("", "the same by file name: a regular expression with one (group)")
    skip_unreadable: bool = option(False, "leave out, and list, what can't be used, instead of stopping")
    corrections: str = option(
        "", "audit.csv with decisions filled in: pictures to drop or relabel, groups to keep together"
    )
    rank_by: str = option(
        RANKED_BY[0], "validation figure that trials, refits and models are ranked by", choices=RANKED_BY
    )
    train_pictures: int = option(0, "train on a stratified part of this size; 0: on all", minimum=0)
    split_seed: int = option(0, "seed of the frozen split", minimum=0)
    experiment: str = option(
        EXPERIMENT, "MLflow experiment (under `mlflow run`: give --experiment-name there)"
    )


@dataclass(frozen=True)
class RecordedDataSettings(DataSettings):
    """Of an entry point that works on runs that are there already."""

    data: str | None = option(  # type: ignore[assignment]  # load_data gets it filled in
        None,
        "where the pictures come from; empty: pictures and split as recorded by the judged (or latest) refit",
        choices=SOURCES,
    )
    rank_by: str | None = option(  # type: ignore[assignment]
        None, "validation figure that models are ranked by; empty: as recorded", choices=RANKED_BY
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for each in fields(DataSettings):
            value = getattr(self, each.name)
            if not self.data and each.name not in ANYWAY and value != each.default:
                raise UserError(
                    f"{each.name} is {value!r} without data: pictures and split are then as recorded; give "
                    f"--data, too, or leave --{each.name.replace('_', '-')} out"
                )


@dataclass(frozen=True)
class LearningSettings(Config):
    """How one approach is searched and trained; what is left empty comes from the approach's recipe."""

    epochs: int | None = option(None, "passes over the training pictures at the most", minimum=1)
    patience: int | None = option(
        None, "epochs without a better validation accuracy before stopping", minimum=1
    )
    batch_size: int | None = option(None, "pictures per update; short for --space batch_size=...")
    learning_rate: float | None = option(
        None, "the optimizer's (peak) learning rate; short for --space learning_rate=..."
    )
    dropout: float | None = option(None, "dropout before the last layer; short for --space dropout=...")
    class_weights: str = option(
        "none",
        "balanced: a picture weighs the more in training the rarer its class",
        choices=CLASS_WEIGHTS,
    )
    trials: int = option(0, "hyperparameter settings to try; 0: train the given ones", minimum=0)
    finalists: int = option(
        3, "best trials that are refitted beside the recipe's own values; 0: the best trial wins", minimum=0
    )
    strategy: str = option("hyperband", "how the settings to try are chosen", choices=STRATEGIES)
    space: str = option("", 'narrow the search: "learning_rate=1e-3:1e-1 dropout=0.2 width=16,32"')
    refits: int = option(1, "train the winner this many times, with fresh seeds", minimum=1)
    seed: int = option(1, "seed of the search and of the first refit", minimum=0)
    calibrate: bool = option(True, "scale the served probabilities by a temperature fitted on validation")
    deterministic: bool = option(False, "bit-identical results on the same machine; slower")
    fresh: bool = option(False, "search and train again, even if the same was done or begun before")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.entries()
        for name, value in self._short_forms().items():
            if value is not None:
                check_bounds(name, value)
        if self.trials and self.strategy == "hyperband":
            plan_brackets(self.trials, self.epochs or 2)  # the recipe's own epochs are checked later

    def entries(self) -> dict[str, str]:
        """What to try for each hyperparameter that is given, as text, by `space` or its short forms."""
        return parse_space(self.space, self._short_forms())

    def final_seeds(self) -> range:
        """Of the refits among which a search's best trials and the recipe's own values are compared."""
        return range(self.seed, self.seed + max(self.refits, LEAST_SEEDS))

    def _short_forms(self) -> dict[str, Value | None]:
        return {name: getattr(self, name) for name in ("learning_rate", "dropout", "batch_size")}


@dataclass(frozen=True)
class StudySettings(LearningSettings, DataSettings):
    """What the entry point of any approach takes."""


@dataclass(frozen=True)
class PretrainedSettings(Config):
    """What bottleneck and fine-tuning have in common."""

    backbone: str = option("vgg16", "pretrained network", choices=BACKBONES)
    weights: str = option("imagenet", "imagenet, none (random), or a file: .weights.h5, .h5, .keras")
    picture_size: int = option(0, "side the pictures are enlarged to; 0: their own, 48 at least", minimum=0)
    taps: str = option("", 'layers whose features are used, joined by "+"; last: the published form')
    grid: int = option(6, "each tap's map is averaged down to at most grid x grid cells", minimum=1)
