"""Train, compare, promote and serve garment-picture classifiers, with MLflow as the record."""

from __future__ import annotations

__version__ = "0.2.0"
