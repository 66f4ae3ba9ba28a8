"""Train, compare, promote and serve garment-picture classifiers, with MLflow as the record."""

__version__ = "0.2.0"
