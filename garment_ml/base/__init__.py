"""Errors, settings and their options, files and locks, the terminal: what every room may use."""
