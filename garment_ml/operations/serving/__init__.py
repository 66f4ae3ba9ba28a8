"""The endpoint in the open: what stands in front of MLflow's own scoring servers."""
