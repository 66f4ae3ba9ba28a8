"""A small head on the cached features of a pretrained network (VGG16 unless told otherwise).

    mlflow run . --env-manager local -e bottleneck --experiment-name garments -P backbone=vgg16
    python -m experiments.bottleneck --refits 3
    python -m experiments.bottleneck --taps last          (the published form)

Expected with the defaults on all of Fashion-MNIST (3 seeds): validation accuracy 0.950 (0.948 to 0.951), test
accuracy 0.945 (0.944 to 0.946), about 40 s of training a seed after 3 minutes of extraction, on 2 cores.
"""

from dataclasses import dataclass

from garment_ml.base.command_line import make_command
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import PretrainedSettings, StudySettings


@dataclass(frozen=True)
class Settings(PretrainedSettings, StudySettings):
    pass


def run(settings: Settings) -> None:
    data = load_data(settings)
    from garment_ml.studies.experiment import run_experiment

    run_experiment("bottleneck", settings, data)


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
