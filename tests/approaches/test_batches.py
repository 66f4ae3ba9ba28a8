import numpy as np
import pytest

from garment_ml.approaches.batches import batches, row_count

PICTURES = np.arange(10 * 2 * 2, dtype=np.uint8).reshape(10, 2, 2, 1)
LABELS = np.arange(10, dtype=np.int64)


def passes(dataset, count: int = 1) -> list[list[int]]:
    return [
        np.concatenate([labels for _, labels in dataset.as_numpy_iterator()]).tolist() for _ in range(count)
    ]


def test_order_is_kept_without_a_seed():
    pictures, labels = zip(*batches(PICTURES, LABELS, 4).as_numpy_iterator(), strict=True)
    assert [len(batch) for batch in labels] == [4, 4, 2]
    assert np.array_equal(np.concatenate(pictures), PICTURES) and pictures[0].dtype == np.uint8
    assert np.concatenate(labels).tolist() == LABELS.tolist() and labels[0].dtype == np.int64


def test_shuffled_pictures_keep_their_labels():
    for pictures, labels in batches(PICTURES, LABELS, 3, shuffle_seed=1).as_numpy_iterator():
        assert np.array_equal(pictures, PICTURES[labels])


def test_every_pass_has_another_order_and_a_seed_repeats_them():
    import keras

    def orders(seed: int) -> list[list[int]]:
        keras.utils.set_random_seed(0)
        return passes(batches(PICTURES, LABELS, 3, shuffle_seed=seed), 3)

    first = orders(1)
    assert all(sorted(order) == LABELS.tolist() for order in first)
    assert first[0] != first[1] != first[2]
    assert orders(1) == first != orders(2)


def test_shape_and_length_are_known_to_keras():
    dataset = batches(PICTURES, LABELS, 4, shuffle_seed=0)
    pictures, labels = dataset.element_spec
    assert pictures.shape.as_list() == [None, 2, 2, 1] and labels.shape.as_list() == [None]
    assert int(dataset.cardinality()) == 3


def test_several_inputs_are_batched_together():
    inputs = {"b": PICTURES, "a": np.linspace(0, 1, 20, dtype=np.float16).reshape(10, 2)}
    assert row_count(inputs) == 10
    for batch, labels in batches(inputs, LABELS, 4, shuffle_seed=0).as_numpy_iterator():
        assert batch.keys() == inputs.keys() and batch["a"].dtype == np.float16
        assert all(np.array_equal(batch[name], inputs[name][labels]) for name in inputs)


def test_memory_mapped_pictures_are_read_from_disk(tmp_path):
    np.save(tmp_path / "pictures.npy", PICTURES)
    mapped = np.load(tmp_path / "pictures.npy", mmap_mode="r")
    for pictures, labels in batches(mapped, LABELS, 4, shuffle_seed=0).as_numpy_iterator():
        assert np.array_equal(pictures, PICTURES[labels])


def test_augmentation_is_random_in_training_and_repeatable():
    import keras

    def augmented() -> list[np.ndarray]:
        keras.utils.set_random_seed(0)
        layer = keras.Sequential(
            [keras.layers.RandomTranslation(0.5, 0.5, interpolation="nearest"), keras.layers.RandomFlip()]
        )
        dataset = batches(PICTURES, LABELS, 2, shuffle_seed=0, augmentation=layer)
        return [pictures for _ in range(2) for pictures, _ in dataset.as_numpy_iterator()]

    first, second = augmented(), augmented()
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    plain = np.concatenate([pictures for pictures, _ in batches(PICTURES, LABELS, 2)])
    assert not np.array_equal(np.concatenate(first[:5]), plain)


def test_model_is_fitted_on_batches():
    import keras

    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), steps_per_execution=2)
    losses = model.fit(batches(PICTURES, LABELS, 4, shuffle_seed=0), epochs=2, verbose=0).history["loss"]
    assert len(losses) == 2 and np.isfinite(losses).all()


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="10 inputs but 9 labels"):
        batches(PICTURES, LABELS[:9], 4)
    with pytest.raises(ValueError, match=r"\[9, 10\] rows"):
        row_count({"a": PICTURES, "b": PICTURES[:9]})
