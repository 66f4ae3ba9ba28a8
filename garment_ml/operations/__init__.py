"""A registered model in daily use: batch scoring, and the server in the open."""
