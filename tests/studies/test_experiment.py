import json

import pytest

from experiments.scratch_cnn import Settings
from garment_ml.studies import experiment
from garment_ml.studies.load import load_data
from garment_ml.studies.recorded_data import SETTINGS_TAG
from garment_ml.tracking.store import open_store

pytestmark = pytest.mark.usefixtures("store")


def test_the_settings_are_on_record_before_the_training_starts(monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "run_study", killed)
    settings = Settings(data="sample", train_pictures=100)
    with pytest.raises(KeyboardInterrupt):
        experiment.run_experiment("scratch_cnn", settings, load_data(settings))
    opened = open_store(settings.experiment)
    (run,) = opened.client.search_runs([opened.experiment_id])
    recorded = json.loads(run.data.tags[SETTINGS_TAG])
    assert (recorded["data"], recorded["train_pictures"], recorded["refits"]) == ("sample", 100, 1)
    assert run.info.status == "KILLED"
