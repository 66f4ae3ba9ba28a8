"""The only room that talks to MLflow's tracking API: store, runs, facts, logged models, the refit record."""
