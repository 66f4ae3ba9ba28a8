"""A candidate is judged by the gate, and becomes champion if it passes; or the last move is taken back.

    mlflow run . --env-manager local -e promote --experiment-name garments
    python -m experiments.promote --candidate 3 --margin 0.005
    python -m experiments.promote --rollback --why "complaints about shirts"
    python -m experiments.promote --history

Without --candidate: the median refit of the row that is best on validation. Prints each check with its
figure, threshold and verdict; a refusal exits 1, the candidate stays `challenger`, and the champion champion.

Expected after `make suite`: the champion is judged again and stays; every check but the first has a figure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from garment_ml.base.command_line import make_command
from garment_ml.base.config import option
from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.endpoint.commands import serving_commands
from garment_ml.registry.thresholds import LOOSER, Thresholds
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import RecordedDataSettings

if TYPE_CHECKING:
    from garment_ml.data.split_dataset import SplitDataset
    from garment_ml.tracking.run import TrackedRun


@dataclass(frozen=True)
class Settings(Thresholds, RecordedDataSettings):
    candidate: str = option("", "registered version or models:/m-...; empty: the best on validation")
    why: str = option("", "reason, kept with the move")
    replace_champion: bool = option(False, "also one that the candidate can't be compared with")
    history: bool = option(False, "list what was champion when, and why; judge nothing")
    rollback: bool = option(False, "make the previous champion champion again, and judge nothing")


def run(settings: Settings) -> None:
    if settings.history:
        _list(settings)
        return
    given = load_data(settings) if settings.data and not settings.rollback else None
    from garment_ml.tracking.opening import open_run

    title, kind = ("rollback", "rollback") if settings.rollback else ("promote", "promotion")
    with open_run(settings.experiment, title, kind) as tracked:
        tracked.log_parameters(asdict(settings))
        if settings.rollback:
            _take_back(tracked, settings)
        else:
            _judge(tracked, settings, given)


def _list(settings: Settings) -> None:
    from garment_ml.registry.moves import history, history_text
    from garment_ml.tracking.store import open_store

    moves = history(open_store(settings.experiment), settings.name)
    say(history_text(moves) if moves else f"No version of {settings.name!r} was champion as yet.")


def _take_back(tracked: TrackedRun, settings: Settings) -> None:
    from garment_ml.registry.moves import roll_back

    why = settings.why or f"asked for in run {tracked.run_id}"
    move = roll_back(tracked.store, why, settings.name, tracked.run_id)
    say(f"{settings.name}: version {move.after} is champion again, version {move.before} is previous.")
    say("A server resolves its alias when it starts: restart those that serve @champion.")


def _judge(tracked: TrackedRun, settings: Settings, given: SplitDataset | None) -> None:
    load_tensorflow()
    from garment_ml.comparison.finalists import best_on_validation
    from garment_ml.registry.gate import verdict_text
    from garment_ml.registry.promotion import promote
    from garment_ml.registry.versions import find_version
    from garment_ml.studies.recorded_data import find_data, latest_refit
    from garment_ml.tracking.facts import log_facts

    if settings.candidate:
        version = find_version(tracked.store, settings.candidate, settings.name)
        judged = tracked.client.get_run(version.run_id)
    else:
        judged = latest_refit(tracked)
    of, data = find_data(tracked, settings, given, judged)
    log_facts(tracked, data)
    candidate = settings.candidate or best_on_validation(tracked, data, of.rank_by).model_uri
    verdict = promote(
        tracked, candidate, data, settings, settings.name, settings.why, settings.replace_champion
    )
    say(f"\n{verdict_text(verdict)}\n")
    if not verdict.passed:
        still = f"version {verdict.champion} is still" if verdict.champion else "there is still no"
        refused_by = ", ".join(verdict.refused)
        raise GarmentError(
            f"version {verdict.version} of {settings.name} was refused by: {refused_by}; {still} champion; "
            f"{LOOSER}"
        )
    say(f"Version {verdict.version} of {settings.name} is champion. Serve it and ask it:\n")
    picture = data.validation.pictures.images[0]
    say(serving_commands(tracked.store.uri, f"models:/{settings.name}@champion", picture))


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
