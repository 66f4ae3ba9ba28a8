import numpy as np

from garment_ml.shipped.answers import answer_table, with_errors

NAMES = ("bag", "boot", "shirt")
PROBABILITIES = np.array([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float32)


def test_label_confidence_and_every_probability_by_default():
    table = answer_table(NAMES, PROBABILITIES)
    assert list(table) == ["label", "confidence", "probability_bag", "probability_boot", "probability_shirt"]
    assert table["label"].tolist() == ["boot", "shirt"]
    assert table["confidence"].tolist() == [0.5, 0.75]
    np.testing.assert_array_equal(table.iloc[:, 2:], PROBABILITIES)


def test_the_likeliest_so_many_and_of_equal_ones_the_first():
    expected = [
        dict(label="boot", confidence=0.5, label_2="bag", confidence_2=0.25),
        dict(label="shirt", confidence=0.75, label_2="bag", confidence_2=0.125),
    ]
    assert answer_table(NAMES, PROBABILITIES, top_k=2).to_dict("records") == expected
    assert list(answer_table(NAMES, PROBABILITIES, top_k=1)) == ["label", "confidence"]


def test_more_than_there_are_is_all_of_them():
    assert list(answer_table(NAMES, PROBABILITIES, top_k=9))[-2:] == ["label_3", "confidence_3"]


def test_an_error_stands_beside_an_empty_answer():
    table = with_errors(answer_table(NAMES, PROBABILITIES, top_k=1), [None, "no picture"])
    assert table.to_dict("records") == [
        {"label": "boot", "confidence": 0.5, "error": None},
        {"label": None, "confidence": None, "error": "no picture"},
    ]
