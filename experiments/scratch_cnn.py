"""A CNN trained from scratch, tracked in MLflow, its model ready to be registered and served.

    mlflow run . --env-manager local -e scratch_cnn --experiment-name garments -P epochs=6
    python -m experiments.scratch_cnn --refits 3
    python -m experiments.scratch_cnn --architecture dropout      (the published 93.7 % recipe)

Expected with the defaults on all of Fashion-MNIST (3 seeds): validation accuracy 0.952 (0.951 to 0.953), test
accuracy 0.944 (0.943 to 0.945), about 8 minutes of training a seed on 2 cores.
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
