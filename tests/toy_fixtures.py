"""One store for comparison and registry: a toy refit takes a second to log, and many tests need the same."""

import shutil
from pathlib import Path

import pytest

from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun
from garment_ml.tracking.store import open_store
from tests.toys import EXPERIMENT, Toy, World, comparison


class Toys:
    """Refits by what they are; each made once."""

    def __init__(self) -> None:
        self.world = World.make()
        self.data = self.world.data
        self.made: dict[str, Refit] = {}

    def refit(self, toy: Toy) -> Refit:
        if repr(toy) not in self.made:
            self.made[repr(toy)] = self.world.refit(toy)
        return self.made[repr(toy)]


@pytest.fixture(scope="session")
def shared_toys(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Toys]:
    return Path(shutil.copy(empty_store, tmp_path_factory.mktemp("toys") / "mlflow.db")), Toys()


@pytest.fixture
def toys(shared_toys: tuple[Path, Toys], isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    database, toys = shared_toys
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    open_store(EXPERIMENT)
    return toys


@pytest.fixture
def run(toys: Toys) -> TrackedRun:
    """A run to log to, closed already."""
    return comparison()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own."""
    return request.node.name.replace("[", "-").replace("]", "").replace("/", "-")
