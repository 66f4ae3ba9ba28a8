import numpy as np
from click.testing import CliRunner

from garment_ml.base.cache_command import main
from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.row_cache import RowCache

DESCRIPTION = {"backbone": "vgg16", "layer": "block3_pool", "grid": 4, "size": [32, 32]}


def test_what_is_cached_is_listed_with_its_size_and_can_be_cleared():
    entry = RowCache(cache_directory("features")).entry(DESCRIPTION)
    entry.prepare(np.dtype(("<f2", (4, 4, 256))), more=3)
    entry.append(np.ones((3, 4, 4, 256), np.float16), np.array(["a", "b", "c"], "S32"))
    decoded = RowCache(cache_directory("pictures")).entry({"recipe": 1, "form": [[64, 48], 3, "pad"]})
    decoded.prepare(np.dtype(("u1", (64, 48, 3))), more=1)
    listed = CliRunner().invoke(main, ["cache", "list"]).output
    assert "vgg16" in listed
    assert "block3_pool 4" in listed
    assert "3 pictures" in listed
    assert "64x48x3 pad" in listed
    assert "freed 0.0 MB" in CliRunner().invoke(main, ["cache", "clear"]).output
    assert not entry.directory.exists() and not decoded.directory.exists()
    assert "block3_pool" not in CliRunner().invoke(main, ["cache", "list"]).output
