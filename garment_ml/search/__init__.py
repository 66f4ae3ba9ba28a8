"""What to try, apart from how a trial runs."""
