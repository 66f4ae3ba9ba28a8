"""What a training reads: features of the asked pictures, in the asked order, left on disk until then."""

import numpy as np


class CachedFeatures:
    """Looks like an array `(pictures, height, width, channels)`; indexing reads those rows and no others."""

    def __init__(self, stored: np.memmap, rows: np.ndarray) -> None:
        self.stored, self.rows = stored, rows
        self.shape, self.ndim, self.dtype = (len(rows), *stored.shape[1:]), stored.ndim, stored.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: np.ndarray | slice | int) -> np.ndarray:
        return self.stored[self.rows[chosen]]
