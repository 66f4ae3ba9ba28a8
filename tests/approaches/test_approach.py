import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tests.approaches.conftest import CLASSES, TEMPERATURE, VALIDATION, voting

IN_A_CLEAN_PROCESS = textwrap.dedent(
    """
    import json, sys
    sys.modules["garment_ml"] = None  # importing it fails
    import keras
    import numpy as np
    folder, names = sys.argv[1], sys.argv[2:]
    pictures = np.load(f"{folder}/pictures.npy")
    load = keras.saving.load_model
    models = {name: load(f"{folder}/{name}.keras", compile=False) for name in names}
    print(json.dumps({name: np.asarray(model(pictures)).tolist() for name, model in models.items()}))
    """
)


@pytest.mark.slow
def test_saved_servables_give_the_same_in_a_clean_process_elsewhere(models, tmp_path):
    every = [models.scratch, models.bottleneck, models.fine_tuned, models.end_to_end]
    servables = {learned.file.stem: learned.servable for learned in every}
    _, servables["ensemble"] = voting(every[:3])
    servables["ensemble"].save(models.folder / "ensemble.keras")
    np.save(models.folder / "pictures.npy", VALIDATION.pictures.images)
    command = [sys.executable, "-I", "-c", IN_A_CLEAN_PROCESS, str(models.folder), *servables]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    assert len(answers) == 5
    for name, servable in servables.items():
        expected = np.asarray(servable(VALIDATION.pictures.images))
        assert expected.std(axis=0).max() > 1e-3, "other pictures must get other answers"
        np.testing.assert_allclose(answers[name], expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["scratch", "bottleneck", "fine_tuned"])
def test_a_temperature_softens_the_probabilities_and_changes_no_label(models, which):
    learned = getattr(models, which)
    approach = learned.approach
    uncalibrated = approach.servable(approach.calibrated(approach.as_served(learned.fitted.model)))
    plain = np.asarray(uncalibrated(VALIDATION.pictures.images))
    softened = np.asarray(learned.servable(VALIDATION.pictures.images))
    assert softened.shape == (len(VALIDATION), len(CLASSES))
    np.testing.assert_allclose(softened.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(softened.argmax(axis=1), plain.argmax(axis=1))
    powers = plain.astype("float64") ** (1 / TEMPERATURE)
    np.testing.assert_allclose(softened, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)
