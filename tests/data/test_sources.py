import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.data.sources import load_dataset
from garment_ml.data.split_dataset import split_dataset


@pytest.fixture(scope="module")
def sample():
    return load_dataset("sample")


def test_sample_is_stratified_with_published_test_pictures(sample):
    assert sample.pictures.images.shape == (3000, 28, 28, 1)
    assert np.bincount(sample.labels[~sample.published_test]).tolist() == [250] * 10
    assert np.bincount(sample.labels[sample.published_test]).tolist() == [50] * 10
    assert len(set(sample.pictures.digests)) == 3000


def test_sample_is_the_one_that_was_drawn(sample):
    # a decoder that changed a single pixel would change every split and cache entry made from it
    assert sample.digest == "b99ed90d4900ea207d98b657c877204b"


def test_sample_pictures_lie_under_their_labels(sample):
    """Trousers fill the height and sneakers do not; labels in a wrong order would not know."""
    ink = sample.pictures.images[..., 0].astype(float)
    height = ink.max(axis=2).astype(bool).sum(axis=1)
    heights = [height[sample.labels == label].mean() for label in range(10)]
    assert (
        heights[sample.class_names.index("Trouser")] > 26 > 16 > heights[sample.class_names.index("Sneaker")]
    )


def test_sample_can_be_split(sample):
    data = split_dataset(sample, train_pictures=1000)
    assert data.counts == {"train": 1000, "validation": 250, "test": 500}


def test_unknown_source_is_named_with_the_choices():
    with pytest.raises(UserError, match="unknown data source 'cifar'; choose one of: fashion-mnist, sample"):
        load_dataset("cifar")


def test_data_directory_for_the_sample_is_refused(tmp_path):
    with pytest.raises(UserError, match="'sample' comes with the package"):
        load_dataset("sample", tmp_path)


@pytest.mark.parametrize(
    ("files", "given", "likely"),
    [
        (("coat/1.png", "shirt/1.png"), "labelled-csv", "folders"),
        (("train.csv", "train/1.png"), "folders", "labelled-csv"),
        (("pixels.csv",), "labelled-csv", "pixels-csv"),
    ],
)
def test_who_takes_one_form_of_data_for_another_is_told_which_it_looks_like(tmp_path, files, given, likely):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("label,pixel1\n" if name == "pixels.csv" else "id,label\n")
    with pytest.raises(UserError, match=f"looks like --data {likely}"):
        load_dataset(given, tmp_path)
    with pytest.raises(UserError) as raised:
        load_dataset(likely, tmp_path)
    assert "looks like" not in str(raised.value)
