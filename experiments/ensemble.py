"""The soft vote of the best of each approach, as a finalist of its own: approaches err on different pictures.

    mlflow run . --env-manager local -e ensemble --experiment-name garments
    python -m experiments.ensemble
    python -m experiments.ensemble --data sample

Takes the finished refits of an experiment: of each approach the row that is best on validation, and for each
seed that all have its refits of that seed. Nothing is trained; how much each counts is fitted on validation.
What comes out is compared, judged and served like a refit, at the price of all its members.

Expected after `make suite`: nothing new, as the suite has made them, unless other refits have come since.
"""

from dataclasses import dataclass, replace

from garment_ml.base.command_line import make_command
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import RecordedDataSettings


@dataclass(frozen=True)
class Settings(RecordedDataSettings):
    pass


def run(settings: Settings) -> None:
    given = load_data(settings) if settings.data else None
    load_tensorflow()
    from garment_ml.comparison.finalists import find_finalists
    from garment_ml.comparison.members import best_members
    from garment_ml.studies.ensemble import make_ensembles
    from garment_ml.studies.experiment import log_data
    from garment_ml.studies.recorded_data import find_data, record_settings
    from garment_ml.tracking.opening import open_run

    with open_run(settings.experiment, "ensemble", "ensemble") as tracked:
        of, data = find_data(tracked, settings, given)
        record_settings(tracked, replace(of, experiment=settings.experiment), data)
        log_data(tracked, data)
        finalists = find_finalists(tracked, data, rank_by=of.rank_by)
        finalists.check_not_empty(data)
        members = best_members(finalists.rows, data)
        make_ensembles(tracked, data, [row.refits for row in members])
    best, metric = members[0], "validation_accuracy"
    say(f"The best member, {best.label}: {best.mean(metric):.4f} (n={len(best.refits)})")
    say("Next, see them all on the test set, then let the gate judge the best by validation:")
    say(f"  python -m experiments.compare --experiment {settings.experiment}")
    say(f"  python -m experiments.promote --experiment {settings.experiment}")


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
