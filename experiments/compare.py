"""All finished refits on one data set and split: ranked on validation, then shown on test.

    mlflow run . --env-manager local -e compare --experiment-name garments
    python -m experiments.compare
    python -m experiments.compare --data sample

Opens the test set once per refit; asked again, it reads what was predicted then. Prints the table, and logs
it as CSV, as figures and as one self-contained page, leaderboard/leaderboard.html, to the comparison's run.
Of corrected data it also shows the best model before the corrections and after, on the test pictures of both.

Expected after `make suite`: four rows, bottleneck and the vote of the other three first, and level.
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
    from garment_ml.comparison.before_and_after import before_and_after
    from garment_ml.comparison.compare import compare
    from garment_ml.comparison.finalists import find_finalists
    from garment_ml.comparison.leaderboard_text import leaderboard_text, page_of
    from garment_ml.studies.recorded_data import find_data
    from garment_ml.tracking.facts import log_facts
    from garment_ml.tracking.opening import open_run

    with open_run(settings.experiment, "compare", "comparison") as tracked:
        of, data = find_data(tracked, settings, given)
        log_facts(tracked, data)
        leaderboard = compare(tracked, data, find_finalists(tracked, data, rank_by=of.rank_by))
        corrected = ""
        if data.corrections:
            corrected = before_and_after(tracked, load_data(replace(of, corrections="")), data, leaderboard)
    say(f"\n{leaderboard_text(leaderboard)}\n\n{page_of(tracked)}\n")
    if corrected:
        say(f"{corrected}\n")
    say("Next, let the gate judge the best by validation:")
    candidate = leaderboard.winner.median.model_uri
    say(f"  python -m experiments.promote --experiment {settings.experiment} --candidate {candidate}")


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
