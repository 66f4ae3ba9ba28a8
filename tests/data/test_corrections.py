"""Decisions written into a table change the data they were made about, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from experiments import prepare_data
from garment_ml.base.errors import UserError
from garment_ml.data.corrections import correct
from garment_ml.data.decisions import read_corrections
from garment_ml.data.source_options import LeftOut
from garment_ml.data.split import PARTS, make_split

HEADER = "file,part,class,check,value,note,group,decision,digest"


@pytest.fixture
def corrected(tmp_path):
    """The data set under a table with these lines."""

    def apply(dataset, *lines, header="file,decision"):
        path = tmp_path / "audit.csv"
        path.write_text("\n".join([header, *lines, ""]), "utf-8")
        return correct(dataset, read_corrections(path))

    return apply


def changed(dataset):
    corrections = dataset.corrections
    return corrections.dropped, corrections.relabelled, corrections.tied


def test_pictures_are_dropped_kept_and_relabelled(make_dataset, corrected):
    dataset = make_dataset(published_test=np.arange(120) % 4 == 3)
    before = dataset.digest
    after = corrected(dataset, "3,drop", "5,class 2", "7,keep", "8,", "95, DROP ", "9,class 0")
    assert changed(after) == (2, 1, 0)
    kept = [row for row in range(120) if row not in (3, 95)]
    assert after.pictures.ids.tolist() == [str(row) for row in kept]
    assert np.array_equal(after.pictures.images, dataset.pictures.images[kept])
    expected = dataset.labels.copy()
    expected[5] = 2
    assert np.array_equal(after.labels, expected[kept])
    assert np.array_equal(after.published_test, dataset.published_test[kept])
    assert dataset.digest == before != after.digest
    assert make_split(after).digest != make_split(dataset).digest


def test_a_class_left_empty_is_named_with_the_table(make_dataset, corrected):
    dataset = make_dataset()
    rows = np.flatnonzero(dataset.labels == 1)
    with pytest.raises(UserError, match=r"audit.csv leaves no picture of the class 'class 1'"):
        corrected(dataset, *(f"{row},drop" for row in rows))


def test_a_test_part_left_empty_is_not_drawn_anew(make_dataset, corrected):
    dataset = make_dataset(published_test=np.arange(120) % 4 == 3)
    rows = np.flatnonzero(dataset.published_test)
    with pytest.raises(UserError, match=r"audit.csv leaves no picture of the test part"):
        corrected(dataset, *(f"{row},drop" for row in rows))


def test_a_quote_that_is_not_closed_swallows_no_decision(make_dataset, corrected):
    with pytest.raises(UserError, match=r"audit.csv, line 2: .*look for a quote that isn't closed"):
        corrected(make_dataset(), '3,drop,"blurry', "5,drop,dark", header="file,decision,note")


def test_a_table_without_decisions_changes_nothing_but_is_on_record(make_dataset, corrected):
    dataset = make_dataset()
    after = corrected(dataset, "3,", ",", "no such file,")
    assert changed(after) == (0, 0, 0)
    assert after.digest == dataset.digest
    assert make_split(after).digest == make_split(dataset).digest


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_saved_by_a_spreadsheet_is_read(make_dataset, tmp_path, delimiter):
    path = tmp_path / "audit.csv"
    text = HEADER.replace(",", delimiter) + "\r\n" + delimiter.join(["3", *[""] * 6, "drop", ""]) + "\r\n"
    path.write_text(text, "utf-8-sig", newline="")
    corrections = read_corrections(path)
    assert changed(correct(make_dataset(), corrections)) == (1, 0, 0)
    assert corrections.text == "\ufeff" + text


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["3,class 9"],
            "line 2: the decision 'class 9' for '3', expected keep, drop or a class name: class 0,",
        ),
        (["3,keep", "300,drop"], "line 3: '300' is none of the 120 pictures from a test"),
        (
            ["3,drop", "4,keep", "3,class 1"],
            r"line 4: .* 'class 1' for '3', but 'drop' in .*line 2; keep one",
        ),
        (["3,keep", "3,drop"], r"line 3: .* 'drop' for '3', but 'keep' in .*line 2"),
        ([",drop"], "line 2: the decision 'drop' without a file"),
        (["3,drop,5"], "line 2: 3 values, expected 2; mend that line"),
    ],
)
def test_what_can_not_be_meant_is_one_sentence(make_dataset, corrected, lines, sentence):
    with pytest.raises(UserError, match=f"audit.csv, {sentence}"):
        corrected(make_dataset(), *lines)


def test_a_table_without_the_column_is_refused(make_dataset, corrected, tmp_path):
    with pytest.raises(UserError, match="no column 'decision', the first line has file, decided"):
        corrected(make_dataset(), "3,drop", header="file,decided")
    with pytest.raises(UserError, match=r"nowhere.csv cannot be read"):
        read_corrections(tmp_path / "nowhere.csv")


def test_the_same_decision_twice_is_one(make_dataset, corrected):
    assert changed(corrected(make_dataset(), "3,drop", "3,drop", "3,")) == (1, 0, 0)


def test_a_decision_holds_for_the_picture_that_was_looked_at(make_dataset, corrected):
    dataset, header = make_dataset(), "file,decision,digest"
    digest = dataset.pictures.digests[3].decode()
    assert changed(corrected(dataset, f"3,drop,{digest}", header=header)) == (1, 0, 0)
    with pytest.raises(UserError, match="line 2: '4' is another picture now"):
        corrected(dataset, f"4,drop,{digest}", header=header)


def test_pictures_of_one_name_are_told_by_the_digest(make_dataset, corrected):
    dataset = make_dataset()
    ids = dataset.pictures.ids.copy()
    ids[4] = "3"
    dataset = replace(dataset, pictures=replace(dataset.pictures, ids=ids))
    with pytest.raises(UserError, match="line 2: 2 pictures are called '3'; say by the column digest"):
        corrected(dataset, "3,drop")
    digest = dataset.pictures.digests[4].decode()
    after = corrected(dataset, f"3,drop,{digest}", header="file,decision,digest")
    assert after.pictures.ids.tolist() == [str(row) for row in range(120) if row != 4]


def test_what_could_not_be_used_anyway_can_be_dropped(make_dataset, corrected):
    dataset = replace(make_dataset(), left_out=(LeftOut("/x/broken.jpg", "is damaged"),))
    assert changed(corrected(dataset, "/x/broken.jpg,drop")) == (0, 0, 0)


def test_groups_tie_pictures_and_join_the_groups_they_had(make_dataset, corrected):
    dataset = make_dataset(per_class=60)
    products = np.array([f"product {row}" if row < 6 else "" for row in range(180)])
    products[1] = "product 0"
    dataset = replace(dataset, groups=products)
    ties = ["1,near a,", "20,near a,", "20,near b,", "30,near b,", "40,near c,", "50,near c,drop"]
    after = corrected(dataset, *ties, header="file,group,decision")
    assert changed(after) == (1, 0, 4)
    together = [
        int(id) for id, group in zip(after.pictures.ids, after.groups, strict=True) if group == "near a"
    ]
    assert together == [0, 1, 20, 30]
    assert {"product 2", "near c"} <= set(after.groups)
    for seed in range(5):
        split = make_split(after, seed=seed)
        inside = [part for part in PARTS if np.isin(together, getattr(split, part)).any()]
        assert len(inside) == 1


def test_an_entry_point_ends_with_the_sentence_and_code_2(tmp_path):
    path = tmp_path / "audit.csv"
    path.write_text("file,decision\n3,jacket\n")
    result = CliRunner().invoke(prepare_data.main, ["--data", "sample", "--corrections", str(path)])
    assert result.exit_code == 2
    assert "audit.csv, line 2: the decision 'jacket' for '3', expected keep, drop or a class" in result.output
    assert "Traceback" not in result.output
