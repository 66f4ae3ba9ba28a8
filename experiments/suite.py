"""The whole question in one command: which model goes into production, and how do we know?

    make suite                                               (profile quick)
    mlflow run . --env-manager local --experiment-name garments -P profile=full

Searches, refits and compares the three approaches and their vote on one frozen split, opens the test set
once, registers the best by validation, and lets it become champion if it passes the gate. Where there is a
champion already, it only challenges that one, unless --promote. Interrupted, the same command goes on where
it was.

Expected of profile quick on Fashion-MNIST (test, mean and range over 3 refits): bottleneck 0.927 (0.925
to 0.928), vote 0.926 (0.925 to 0.926), fine_tune 0.919 (0.918 to 0.920), scratch_cnn 0.905 (0.904 to 0.905).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from experiments.profiles import PROFILES, Effort, plan
from garment_ml.approaches.architectures import ARCHITECTURES
from garment_ml.base.command_line import make_command
from garment_ml.base.config import as_options, option
from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.registry.thresholds import BOUNDS, LOOSER, Thresholds
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import DataSettings, LearningSettings

if TYPE_CHECKING:
    from garment_ml.data.split_dataset import SplitDataset
    from garment_ml.registry.gate import Verdict
    from garment_ml.studies.study import Study
    from garment_ml.tracking.refit_record import Refit
    from garment_ml.tracking.run import TrackedRun


@dataclass(frozen=True)
class Settings(Thresholds, DataSettings):
    profile: str = option("quick", "how much to do; quick trains on 12,000 pictures", choices=PROFILES)
    architecture: str = option("fast", "of the CNN trained from scratch", choices=ARCHITECTURES)
    backbone: str = option("vgg16", "pretrained network", choices=BACKBONES)
    weights: str = option("imagenet", "of the backbone: imagenet, none (random), or a file")
    ensemble: bool = option(True, "let the refits of each seed vote, as a finalist of its own")
    promote: bool = option(False, "replace a champion, too; without it the best only challenges one")
    seed: int = option(1, "seed of the searches and of the first refit", minimum=0)
    fresh: bool = option(False, "begin anew, even if the same suite was interrupted before")


def run(settings: Settings) -> None:
    data = load_data(settings, PROFILES[settings.profile].train_pictures)
    from garment_ml.approaches.catalogue import APPROACHES
    from garment_ml.registry.versions import check_comparable
    from garment_ml.studies.ensemble import make_ensembles
    from garment_ml.studies.experiment import log_data, say_next_steps
    from garment_ml.studies.recorded_data import record_settings
    from garment_ml.tracking.opening import open_run

    key = hashlib.sha256(f"{replace(settings, fresh=False)} {data.digest}".encode()).hexdigest()[:16]
    name = f"suite {settings.profile}"
    with open_run(settings.experiment, name, "suite", key, fresh=settings.fresh) as tracked:
        check_comparable(tracked.store, data.class_names, settings.name)
        record_settings(tracked, settings, data)
        log_data(tracked, data)
        pictures = data.counts["train"] + data.counts["validation"]
        efforts = PROFILES[settings.profile].efforts_for(data.train_pictures)
        costs = {name: APPROACHES[name].cost for name in efforts}
        say(plan(efforts, costs, pictures, votes=settings.ensemble, resumed=tracked.resumed))
        studies = [_study(tracked, name, effort, data, settings) for name, effort in efforts.items()]
        refits = [refit for study in studies for refit in study.refits]
        if settings.ensemble:
            refits += make_ensembles(tracked, data, [study.refits for study in studies])
        verdict = _decide(tracked, refits, data, settings)
    waits = verdict.passed and not settings.promote and verdict.champion not in (None, verdict.version)
    stands = "@challenger" if waits else "@champion" if verdict.passed else f"/{verdict.version}"
    answers = f"models:/{settings.name}{stands}"
    if verdict.passed and not waits:
        say(f"Version {verdict.version} of {settings.name} is champion.")
    say_next_steps(tracked.store.uri, answers, data.validation.pictures.images[0])
    if waits:
        say(f"Version {verdict.version} of {settings.name} passed and waits as challenger of version")
        say(f"{verdict.champion}, which is still champion. To replace it:\n")
        say(_promote_command(settings, verdict))
    if not verdict.passed:
        raise GarmentError(
            f"the gate refused version {verdict.version}: {', '.join(verdict.refused)}; {LOOSER}"
        )


def _study(tracked: TrackedRun, name: str, effort: Effort, data: SplitDataset, settings: Settings) -> Study:
    from garment_ml.approaches.catalogue import make_approach
    from garment_ml.studies.study import run_study

    learning = LearningSettings(**asdict(effort), seed=settings.seed)
    return run_study(tracked, make_approach(name, asdict(settings), data), data, learning, settings.rank_by)


def _decide(tracked: TrackedRun, refits: list[Refit], data: SplitDataset, settings: Settings) -> Verdict:
    """Compare on the test set, opened here for the first time, and put the best by validation to the gate."""
    from garment_ml.comparison.compare import compare
    from garment_ml.comparison.finalists import find_finalists
    from garment_ml.comparison.leaderboard_text import leaderboard_text, page_of
    from garment_ml.registry.gate import verdict_text
    from garment_ml.registry.promotion import promote

    among = {each.run_id for each in refits}
    leaderboard = compare(tracked, data, find_finalists(tracked, data, among, settings.rank_by))
    say(f"\n{leaderboard_text(leaderboard)}\n\n{page_of(tracked)}\n")
    candidate = leaderboard.winner.median.model_uri
    only_challenge = not settings.promote
    verdict = promote(tracked, candidate, data, settings, settings.name, only_challenge=only_challenge)
    say(f"{verdict_text(verdict)}\n")
    return verdict


def _promote_command(settings: Settings, verdict: Verdict) -> str:
    """With the bounds that the suite was given, or the gate might refuse what has passed here."""
    given = {"experiment": settings.experiment, "name": settings.name, "candidate": verdict.version}
    return f"python -m experiments.promote {as_options(given | settings.changed(BOUNDS))}"


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
