"""A CNN trained from scratch, tracked in MLflow, its model ready to be registered and served.

    mlflow run . --env-manager local -e scratch_cnn --experiment-name garments -P epochs=6
    python -m experiments.scratch_cnn --refits 3
    python -m experiments.scratch_cnn --architecture dropout      (the published 93.7 % recipe)

Expected with the defaults on all of Fashion-MNIST (3 seeds): validation accuracy 0.933 (0.933 to 0.934), test
accuracy 0.925 (0.924 to 0.925), about 18 minutes of training a seed on 2 cores.
"""

from dataclasses import dataclass

from garment_ml.approaches.architectures import ARCHITECTURES, MIRROR
from garment_ml.base.command_line import make_command
from garment_ml.base.config import option
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import StudySettings


@dataclass(frozen=True)
class Settings(StudySettings):
    architecture: str = option("fast", "layers and recipe", choices=ARCHITECTURES)
    mirror: str = option(
        "",
        "when mirror images are looked at: never where left and right tell classes apart; always doubles the "
        "time of an answer; empty: always with fast, never with the published recipes",
        choices=("", *MIRROR),
    )


def run(settings: Settings) -> None:
    data = load_data(settings)
    from garment_ml.studies.experiment import run_experiment

    run_experiment("scratch_cnn", settings, data)


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
