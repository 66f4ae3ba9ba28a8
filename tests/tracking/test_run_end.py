"""A run ended inside its block, by one who knows how it went."""

import mlflow
import pytest

from garment_ml.tracking.opening import open_run

pytestmark = pytest.mark.usefixtures("store")


def test_a_run_ended_inside_its_block_stays_as_it_was_ended_and_its_parent_goes_on():
    with open_run("garments", "parent", "experiment") as parent:
        with parent.child("refused", "trial") as child:
            child.end("FAILED", "too good to be true")
            assert mlflow.active_run().info.run_id == parent.run_id
        assert mlflow.active_run().info.run_id == parent.run_id
        with pytest.raises(ValueError), parent.child("refused", "trial") as other:
            other.end("FAILED", "the first reason")
            raise ValueError("afterwards")
    ended = [parent.client.get_run(each.run_id) for each in (parent, child, other)]
    assert [each.info.status for each in ended] == ["FINISHED", "FAILED", "FAILED"]
    reasons = [each.data.tags.get("error") for each in ended]
    assert reasons == [None, "too good to be true", "the first reason"]
