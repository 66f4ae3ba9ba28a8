import numpy as np
import pytest

from garment_ml.approaches.batches import Batches, row_count

PICTURES = np.arange(10 * 2 * 2, dtype=np.uint8).reshape(10, 2, 2, 1)
LABELS = np.arange(10, dtype=np.int64)


def orders(batches, *epochs: int) -> list[list[int]]:
    """Labels as each of the epochs has them."""
    return [np.concatenate([labels for _, labels in all_of(batches, epoch)]).tolist() for epoch in epochs]


def all_of(batches, epoch: int = 0):
    batches.begin(epoch)
    return [batches[index] for index in range(len(batches))]


def test_order_is_kept_without_a_seed():
    pictures, labels = zip(*all_of(Batches(PICTURES, LABELS, 4)), strict=True)
    assert [len(batch) for batch in labels] == [4, 4, 2]
    assert np.array_equal(np.concatenate(pictures), PICTURES) and pictures[0].dtype == np.uint8
    assert np.concatenate(labels).tolist() == LABELS.tolist() and labels[0].dtype == np.int64


def test_shuffled_pictures_keep_their_labels():
    for pictures, labels in all_of(Batches(PICTURES, LABELS, 3, shuffle_seed=1)):
        assert np.array_equal(pictures, PICTURES[labels])


def test_every_epoch_has_another_order_and_a_seed_repeats_them():
    first, again, other = (
        orders(Batches(PICTURES, LABELS, 3, shuffle_seed=seed), 0, 1, 2) for seed in (1, 1, 2)
    )
    assert all(sorted(order) == LABELS.tolist() for order in first)
    assert first[0] != first[1] != first[2]
    assert first == again != other


def test_a_training_that_goes_on_has_the_orders_it_would_have_had():
    first = orders(Batches(PICTURES, LABELS, 3, shuffle_seed=1), 0, 1, 2)
    assert orders(Batches(PICTURES, LABELS, 3, shuffle_seed=1), 2) == first[2:]


def test_several_inputs_are_batched_together():
    inputs = {"b": PICTURES, "a": np.linspace(0, 1, 20, dtype=np.float16).reshape(10, 2)}
    assert row_count(inputs) == 10
    for batch, labels in all_of(Batches(inputs, LABELS, 4, shuffle_seed=0)):
        assert batch.keys() == inputs.keys() and batch["a"].dtype == np.float16
        assert all(np.array_equal(batch[name], inputs[name][labels]) for name in inputs)


def test_memory_mapped_pictures_are_read_from_disk(tmp_path):
    np.save(tmp_path / "pictures.npy", PICTURES)
    mapped = np.load(tmp_path / "pictures.npy", mmap_mode="r")
    for pictures, labels in all_of(Batches(mapped, LABELS, 4, shuffle_seed=0)):
        assert np.array_equal(pictures, PICTURES[labels])


def test_an_augmentation_is_told_rows_and_epoch_and_repeats_its_random_draws():
    told = []

    def augment(pictures, numbers, epoch, random):
        assert np.array_equal(pictures, PICTURES[numbers])
        told.append((epoch, numbers.tolist(), random.integers(1000)))
        return pictures + 100

    batches = Batches(PICTURES, LABELS, 4, shuffle_seed=3, augment=augment)
    for epoch in range(2):
        assert all(pictures.min() >= 100 for pictures, _ in all_of(batches, epoch))
    assert [epoch for epoch, _, _ in told] == [0, 0, 0, 1, 1, 1]
    assert len({draw for _, _, draw in told}) == 6
    repeated = Batches(PICTURES, LABELS, 4, shuffle_seed=3, augment=augment)
    assert repeated[2] and told[-1] == told[2]


def test_a_model_is_fitted_on_batches():
    import keras

    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=2)
    batches = Batches(PICTURES, LABELS, 4, shuffle_seed=0)
    losses = model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert len(losses) == 2 and np.isfinite(losses).all()


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="10 inputs but 9 labels"):
        Batches(PICTURES, LABELS[:9], 4)
    with pytest.raises(ValueError, match=r"\[9, 10\] rows"):
        row_count({"a": PICTURES, "b": PICTURES[:9]})
