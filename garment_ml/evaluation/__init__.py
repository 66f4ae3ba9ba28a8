"""Numbers from (labels, probabilities); knows neither MLflow nor Keras."""
