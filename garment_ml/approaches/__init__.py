"""The ways to learn, each one class; knows neither MLflow nor keras-tuner."""
