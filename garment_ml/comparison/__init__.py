"""Finalists, the opened test set, and the leaderboard as text, page and table."""
