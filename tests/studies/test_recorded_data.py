import pytest
from click.testing import CliRunner

from experiments import compare, ensemble, promote
from garment_ml.base.errors import UserError
from garment_ml.studies.load import load_data
from garment_ml.studies.recorded_data import latest_refit, record_settings, recorded_data
from garment_ml.studies.settings import DataSettings
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.refit_record import RECIPE_TAG

pytestmark = pytest.mark.usefixtures("store")


def test_the_data_of_a_nested_refit_is_what_its_outermost_run_was_given():
    with open_run("toys", "suite", "suite") as suite:
        # as `mlflow run` logs them before we start: shell-quoted, an empty one as two quotes
        suite.log_parameters({"data": "''", "data_dir": "''", "train_pictures": "0", "split_seed": "0"})
        settings = DataSettings(data="sample", train_pictures=500, split_seed=3)
        record_settings(suite, settings, load_data(settings))
        with (
            suite.child("search", "search") as search,
            search.child("seed 1", "refit", {RECIPE_TAG: "{}"}) as refit,
        ):
            pass
        with suite.child("unfinished", "refit"):
            pass
        latest = latest_refit(suite)
        assert latest.info.run_id == refit.run_id
        assert recorded_data(suite, latest) == DataSettings(data="sample", train_pictures=500, split_seed=3)


def test_a_run_that_does_not_say_needs_the_data_named():
    with (
        open_run("toys", "one", "refit") as run,
        pytest.raises(UserError, match=f"run {run.run_id} doesn't record .* give --data"),
    ):
        recorded_data(run, run.client.get_run(run.run_id))


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (compare.main, [], "no finished refit in this experiment"),
        (ensemble.main, [], "no finished refit in this experiment"),
        (promote.main, [], "no finished refit in this experiment"),
        (promote.main, ["--rollback"], "nothing to roll back"),
        (promote.main, ["--candidate", "7"], "candidate '7' is neither a version"),
        (promote.main, ["--margin", "2"], "'--margin': 2.0 is not in the range 0.0<=x<=1.0"),
    ],
)
def test_what_can_not_be_done_ends_with_one_sentence_and_exit_code_2(command, arguments, said):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
