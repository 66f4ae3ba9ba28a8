"""A registered model in daily use: batch scoring."""
