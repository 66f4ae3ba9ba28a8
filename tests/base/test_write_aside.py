import pytest

from garment_ml.base.write_aside import write_aside


def test_file_is_replaced_whole(tmp_path):
    path = tmp_path / "new" / "file"
    write_aside(path, b"first, and longer")
    write_aside(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    write_aside(path, b"old")
    with pytest.raises(TypeError):
        write_aside(path, "text, not bytes")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
