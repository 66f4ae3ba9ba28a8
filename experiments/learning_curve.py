"""Where the pretrained network wins, where it stops, and what more pictures would bring.

    mlflow run . --env-manager local -e learning_curve --experiment-name garments -P data=sample
    python -m experiments.learning_curve --fractions 0.05,0.1,0.25,0.5,1 --refits 3

Trains each approach on nested parts of the training pictures, refits over seeds, and judges all on the
same validation pictures; the test set stays closed. A power law fitted to each curve says what two and four
times the pictures might bring, with an interval, and is an extrapolation. Interrupted, the same command goes
on where it was.
"""

from dataclasses import asdict, dataclass
from functools import partial

from garment_ml.approaches.architectures import ARCHITECTURES
from garment_ml.base.command_line import make_command
from garment_ml.base.config import option
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import CLASS_WEIGHTS, DataSettings, LearningSettings, PretrainedSettings


@dataclass(frozen=True)
class Settings(PretrainedSettings, DataSettings):
    fractions: str = option("0.05,0.1,0.25,0.5,1", "parts of the training pictures, joined by commas")
    approaches: str = option("scratch_cnn,bottleneck,fine_tune", "what to train, joined by commas")
    architecture: str = option("fast", "of the CNN trained from scratch", choices=ARCHITECTURES)
    epochs: int | None = option(
        None,
        "passes over all training pictures; empty: each approach's own. Smaller parts get more",
        minimum=1,
    )
    class_weights: str = option(
        "none", "balanced: rare classes weigh more in training", choices=CLASS_WEIGHTS
    )
    refits: int = option(3, "trainings of each point, with fresh seeds", minimum=1)
    seed: int = option(1, "seed of the first refit", minimum=0)
    fresh: bool = option(False, "train again what was trained before")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parsed_fractions()

    def parsed_fractions(self) -> list[float]:
        """UserError for what is no number above 0 and up to 1."""
        found = []
        for text in self.fractions.split(","):
            try:
                fraction = float(text)
            except ValueError:
                fraction = 0.0
            if not 0 < fraction <= 1:
                raise UserError(
                    f"--fractions: {text.strip()!r}, expected numbers above 0 and up to 1, such as 0.1,1"
                )
            found.append(fraction)
        return found


def run(settings: Settings) -> None:
    data = load_data(settings)
    from garment_ml.approaches.catalogue import APPROACHES, make_approach
    from garment_ml.base.choose import choose
    from garment_ml.endpoint.commands import ui_commands
    from garment_ml.evaluation.metrics import in_words
    from garment_ml.reports.growth_figures import Growth, growth_report, growth_sentences
    from garment_ml.studies.experiment import log_data
    from garment_ml.studies.learning_curve import learning_curve, sizes_of
    from garment_ml.studies.recorded_data import record_settings
    from garment_ml.tracking.opening import open_run

    names = [name.strip() for name in settings.approaches.split(",")]
    for name in names:
        choose(APPROACHES, "approach", name)
    sizes = sizes_of(settings.parsed_fractions(), data)
    makers = [partial(make_approach, name, asdict(settings)) for name in names]
    own = ("epochs", "class_weights", "refits", "seed")
    learning = LearningSettings(**{name: getattr(settings, name) for name in own})
    with open_run(settings.experiment, "learning_curve", "learning_curve", fresh=settings.fresh) as tracked:
        record_settings(tracked, settings, data)
        log_data(tracked, data)
        curves = learning_curve(tracked, data, makers, sizes, learning, settings.rank_by)
        growth = Growth(curves, len(data.validation), in_words(f"validation_{settings.rank_by}"))
        tracked.log_report(growth_report(growth))
        sentences = "\n".join(growth_sentences(growth))
        tracked.client.log_text(tracked.run_id, sentences, "learning_curve/summary.txt")
    say(f"\n{sentences}")
    say("\nThe figure: learning_curve/learning_curve.png of the run. Look at it:")
    say(f"\n{ui_commands(tracked.store.uri)}")


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
