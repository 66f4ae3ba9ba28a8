"""Looks your pictures over before anything is learnt from them, and takes back what you decide about each.

    mlflow run . --env-manager local -e prepare_data --experiment-name garments -P data=sample
    python -m experiments.prepare_data --data folders --data-dir photographs
    python -m experiments.prepare_data --data folders --data-dir photographs --label-errors --advise
    python -m experiments.prepare_data --data folders --data-dir photographs --corrections audit.csv

Finds files that can't be read, blank, dark, blurred and odd-shaped pictures, copies and near duplicates
within and across parts, duplicates with different labels, classes with few pictures, and what tells the class
without showing a garment. All is in audit.csv of the run, beside galleries of the worst. Fill in its column
`decision` (keep, drop, or another class name) and give it as --corrections to any entry point; pictures on
disk are never touched. With --label-errors a first model, a linear probe on a pretrained network that never
judges a picture it has seen, names labels that are likely wrong and what it does worst on. With --advise
probes on growing parts of the training pictures say which approach to try first.

Expected of Fashion-MNIST: 25 groups of near duplicates, 9 of them across train, validation and test, 7 dark
pictures, no copies; brightness alone tells the class with a balanced accuracy of 0.27, chance being 0.10.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from garment_ml.base.command_line import make_command
from garment_ml.base.config import as_options, option
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.studies.load import load_pictures
from garment_ml.studies.settings import DataSettings

if TYPE_CHECKING:
    from garment_ml.data.audited import Audited
    from garment_ml.data.decisions import Corrections
    from garment_ml.data.split_dataset import SplitDataset
    from garment_ml.tracking.run import TrackedRun


@dataclass(frozen=True)
class Settings(DataSettings):
    skip_unreadable: bool = option(True, "leave out, and list, what can't be used; False: stop at the first")
    label_errors: bool = option(False, "look for labels that are likely wrong, too (pip install cleanlab)")
    advise: bool = option(False, "say which approach to try first, by linear probes")
    backbone: str = option("vgg16", "pretrained network of the probes", choices=BACKBONES)
    weights: str = option("imagenet", "of the backbone: imagenet, none (random), or a file")


def run(settings: Settings) -> None:
    if settings.label_errors:
        from garment_ml.data.audit_labels import check_cleanlab

        check_cleanlab()
    dataset = load_pictures(settings)
    if settings.label_errors or settings.advise:
        load_tensorflow()
    from garment_ml.data.audit import audit, split_for_audit
    from garment_ml.endpoint.commands import artifact_command
    from garment_ml.reports.audit_report import audit_report, summary_text
    from garment_ml.tracking.facts import log_left_out
    from garment_ml.tracking.opening import open_run

    with open_run(settings.experiment, "prepare_data", "audit") as tracked:
        audited, data = split_for_audit(dataset, settings.split_seed)
        _record(tracked, settings, data, dataset.corrections)
        log_left_out(tracked, dataset.left_out)
        if settings.label_errors:
            audited = _with_opinion(audited, settings)
        found = audit(audited)
        report = audit_report(audited, found)
        tracked.log_report(report)
        tracked.log_metrics({f"audit/{check.name}": len(findings) for check, findings in found.items()})
        advice = _advice(tracked, settings, data) if settings.advise else ""
    say(f"\n{summary_text(report['audit/summary.csv'])}\n")
    if advice:
        say(f"{advice}\n")
    say("Galleries and tables are on the run. Get audit.csv, fill in its column decision and give it back:")
    say(f"\n{artifact_command(tracked.store.uri, tracked.run_id, 'audit.csv')}")
    same_data = {each.name for each in fields(DataSettings)} - {"skip_unreadable"}
    given = settings.changed(same_data - {"corrections"}) | {"corrections": "audit.csv"}
    say(f"python -m experiments.bottleneck {as_options(given)}")


def _with_opinion(audited: Audited, settings: Settings) -> Audited:
    from garment_ml.studies.probes import out_of_fold_probabilities

    said = out_of_fold_probabilities(
        audited.dataset, settings.backbone, settings.weights, settings.split_seed
    )
    return replace(audited, probabilities=said)


def _advice(tracked: TrackedRun, settings: Settings, data: SplitDataset | None) -> str:
    """Logged with the probes' curves; "" where there is no split to probe on."""
    if data is None:
        return ""
    from garment_ml.evaluation.metrics import in_words
    from garment_ml.reports.growth_figures import Growth, growth_report
    from garment_ml.studies.advice import advice_text, advise
    from garment_ml.studies.probes import probe_curves

    curves, judged = probe_curves(data, settings.backbone, settings.weights, settings.rank_by)
    score_name = in_words(f"validation_{settings.rank_by}")
    text = advice_text(advise(curves, judged, data.counts["train"]), score_name)
    tracked.log_report(growth_report(Growth(curves, judged, score_name)))
    tracked.client.log_text(tracked.run_id, text, "advice.txt")
    return text


def _record(
    tracked: TrackedRun, settings: Settings, data: SplitDataset | None, corrections: Corrections | None
) -> None:
    """As for any run, save that there may be no split yet."""
    from garment_ml.studies.recorded_data import record_settings
    from garment_ml.tracking.facts import log_corrections, log_facts

    if data is not None:
        record_settings(tracked, settings, data)
        log_facts(tracked, data)
        return
    tracked.log_parameters(asdict(settings))
    if corrections:
        log_corrections(tracked, corrections)


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
