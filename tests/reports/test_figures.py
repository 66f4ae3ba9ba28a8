import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from garment_ml.base.errors import UserError
from garment_ml.evaluation.coverage import accuracy_coverage
from garment_ml.evaluation.metrics import per_class
from garment_ml.evaluation.power_law import SizeScores
from garment_ml.reports.experiment_figures import leaderboard, learning_curves, score_by_hyperparameter
from garment_ml.reports.gallery import gallery
from garment_ml.reports.growth_figures import Growth, growth_figure, growth_report, growth_sentences
from garment_ml.reports.prediction_figures import (
    accuracy_coverage_curve,
    confusion_matrix,
    per_class_bars,
    reliability_diagram,
)

pytestmark = pytest.mark.filterwarnings("error")

NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat with a very long name", "Sandal")
TRIALS = [
    {"learning_rate": 1e-4, "dropout": 0.1, "optimizer": "adam", "augment": True},
    {"learning_rate": 1e-3, "dropout": 0.3, "optimizer": "sgd", "augment": False},
    {"learning_rate": 1e-2, "dropout": 0.5, "optimizer": "adam", "augment": True},
    {"learning_rate": 1e-1, "dropout": 0.5, "optimizer": "adam"},
]
AXIS = ("test accuracy", "Leaderboard")
SCORES = [0.90, 0.92, 0.91, float("nan")]
HISTORY = {
    "accuracy": [0.5, 0.7, 0.8],
    "loss": [1.0, 0.8, 0.5],
    "val_accuracy": [0.6, 0.75, 0.75],
    "val_loss": [0.9, 0.7, 0.6],
}

GROWTH = Growth(
    {
        "cnn": [
            SizeScores(100 * 2**n, (score, score + 0.02)) for n, score in enumerate((0.4, 0.6, 0.75, 0.88))
        ],
        "frozen": [
            SizeScores(100 * 2**n, (score, score + 0.02)) for n, score in enumerate((0.7, 0.74, 0.76, 0.77))
        ],
    },
    judged=1000,
    score_name="validation accuracy",
)


def png(figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def few_sizes() -> Growth:
    return Growth({name: points[:2] for name, points in GROWTH.curves.items()}, 1000, "validation accuracy")


def every_figure(predictions):
    labels, probabilities = predictions(pictures=500)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
    heat_maps = np.linspace(0, 1, 4 * 49).reshape(4, 7, 7)
    one_picture = np.array([1]), np.array([[0.2, 0.8, 0.0]])
    return {
        "growth": lambda: growth_figure(GROWTH),
        "growth of two sizes": lambda: growth_figure(few_sizes()),
        "confusion": lambda: confusion_matrix(labels, probabilities, NAMES),
        "confusion of one": lambda: confusion_matrix(*one_picture, "abc"),
        "reliability": lambda: reliability_diagram(labels, probabilities),
        "reliability of equal ones": lambda: reliability_diagram(labels, probabilities * 0 + 1 / 6),
        "reliability of one": lambda: reliability_diagram(*one_picture),
        "coverage": lambda: accuracy_coverage_curve(accuracy_coverage(labels, probabilities)),
        "coverage of one": lambda: accuracy_coverage_curve(accuracy_coverage(*one_picture)),
        "per class": lambda: per_class_bars(per_class(labels, probabilities, NAMES)),
        "per class of one": lambda: per_class_bars(per_class(*one_picture, "abc")),
        "curves": lambda: learning_curves(HISTORY),
        "curves of one epoch": lambda: learning_curves({"accuracy": [0.5], "loss": [float("nan")]}),
        "hyperparameters": lambda: score_by_hyperparameter(TRIALS, SCORES, log=("learning_rate",)),
        "leaderboard": lambda: leaderboard({"scratch_cnn": [0.93, 0.94, 0.92], "bottleneck": [0.91]}, *AXIS),
        "gallery": lambda: gallery(pictures, ["true: Coat\nShirt 0.91"] * 4, heat_maps, title="Mistakes"),
        "gallery in colour": lambda: gallery(pictures.repeat(3, axis=-1), ["a"] * 4),
        "gallery of none": lambda: gallery(pictures[:0], [], title="Mistakes"),
    }


@pytest.mark.slow
def test_nothing_is_cut_off(predictions):
    for name, draw in every_figure(predictions).items():
        figure = draw()
        png(figure)  # the layout is settled on drawing
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (name, box)


@pytest.mark.slow
def test_threads_draw_what_one_thread_draws(predictions):
    draw = [*every_figure(predictions).values()][::3]
    alone = [png(each()) for each in draw]
    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(lambda each: png(each()), draw)] == alone


def test_confusion_matrix_shows_shares_and_counts():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    shown = texts(confusion_matrix(labels, probabilities, ("coat", "shirt")))
    assert {"66.7%\n2", "33.3%\n1", "100.0%\n1"} <= set(shown)


def test_of_many_classes_the_lowest_are_shown():
    labels = np.repeat(np.arange(200), 2)
    right = np.eye(200, dtype=np.float32)[labels]
    right[::2, :150] = right[::2, :150][:, ::-1]
    names = [f"class {number}" for number in range(200)]
    figure = per_class_bars(per_class(labels, right, names))
    assert figure.get_size_inches()[1] * figure.dpi < 1600
    assert "The 40 lowest of 200 classes" in texts(figure)


def test_learning_curves_mark_the_best_epoch():
    assert any("epoch 2: 0.75" in text for text in texts(learning_curves(HISTORY)))


def test_hyperparameters_get_the_axis_they_need():
    learning_rate, dropout, optimizer, augment = score_by_hyperparameter(
        TRIALS, SCORES, log=("learning_rate", "dropout", "optimizer")
    ).axes
    assert learning_rate.get_xscale() == "log"
    assert dropout.get_xscale() == "log"
    assert [text.get_text() for text in optimizer.get_xticklabels()] == ["adam", "sgd"]
    assert [text.get_text() for text in augment.get_xticklabels()] == ["False", "True"]
    assert len(augment.collections[0].get_offsets()) == 3


def test_hyperparameter_of_zero_stays_on_a_linear_axis():
    trials = [{"weight_decay": 0.0}, {"weight_decay": 0.1}]
    (axes,) = score_by_hyperparameter(trials, [0.8, 0.9], log=("weight_decay",)).axes
    assert axes.get_xscale() == "linear"


def test_failed_trials_are_counted():
    figure = score_by_hyperparameter(TRIALS, SCORES)
    assert any("trials: 4, failed: 1" in text for text in texts(figure))
    assert any("best: 0.9200" in text for text in texts(figure))


def test_trials_without_any_score_are_refused():
    with pytest.raises(UserError, match="2 of them NaN"):
        score_by_hyperparameter(TRIALS[:2], [float("nan")] * 2)


def test_leaderboard_puts_the_best_on_top():
    (axes,) = leaderboard({"a": [0.93, 0.94], "b": [0.95, 0.96], "c": [0.91]}, *AXIS).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["c", "a", "b"]
    assert any("0.9100  one seed" in text for text in texts(axes.figure))


def test_heat_map_colours_the_hot_half_only():
    picture = np.full((1, 28, 28, 1), 128, np.uint8)
    heat = np.zeros((1, 28, 28))
    heat[:, :, 14:] = 1

    def saturation(figure):
        pixels = np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB")).astype(int)
        return (pixels.max(axis=-1) - pixels.min(axis=-1)).sum(axis=0)

    assert saturation(gallery(picture, [""])).sum() == 0
    columns = saturation(gallery(picture, [""], heat))
    assert columns[: len(columns) // 2 - 10].sum() == 0
    assert columns[len(columns) // 2 + 10 :].sum() > 0


def test_long_captions_stay_off_their_neighbours():
    figure = gallery(np.zeros((3, 28, 28, 1), np.uint8), ["true: a coat with a very long name indeed"] * 3)
    png(figure)
    left, middle, right = (axes.title.get_window_extent() for axes in figure.axes)
    assert left.x1 < middle.x0
    assert middle.x1 < right.x0


def test_captions_must_match_pictures():
    with pytest.raises(UserError, match="2 pictures came with 1 captions and no heat maps"):
        gallery(np.zeros((2, 28, 28, 1), np.uint8), ["one"])


@pytest.mark.slow
def test_rooms_need_no_framework_and_never_touch_pyplot():
    program = """
import sys
from garment_ml.evaluation import calibration, coverage, intervals, metrics
from garment_ml.reports import experiment_figures
from garment_ml.reports import gallery
from garment_ml.reports import prediction_figures
frameworks = {"tensorflow", "keras", "mlflow"} & set(sys.modules)
assert not frameworks, frameworks
prediction_figures.confusion_matrix([0], [[1.0, 0.0]], "ab").savefig(sys.stdout.buffer, format="png")
assert "matplotlib.pyplot" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    assert Image.open(io.BytesIO(result.stdout)).width > 100


def test_growth_says_who_leads_where_it_is_clear_and_what_more_pictures_would_bring():
    lines = growth_sentences(GROWTH)
    assert lines[0] == "     100 pictures: frozen 0.7100, cnn 0.4100"
    assert lines[2] == "     400 pictures: frozen 0.7700, cnn 0.7600 (the first two overlap)"
    assert lines[4] == "From 200 to 800 pictures cnn overtakes frozen."
    assert [line.split(" would")[0] for line in lines[5:]] == [
        "With 1,600 pictures cnn",
        "With 3,200 pictures cnn",
    ]
    table = growth_report(GROWTH)["learning_curve/extrapolated.csv"]
    assert table["curve"].tolist() == ["cnn", "cnn", "frozen", "frozen"]
    assert (table["low"] < table["score"]).all() and (table["score"] < table["high"]).all()


def test_growth_over_few_sizes_is_shown_without_a_law():
    assert not any("would" in line for line in growth_sentences(few_sizes()))
    assert len(growth_report(few_sizes())["learning_curve/extrapolated.csv"]) == 0
