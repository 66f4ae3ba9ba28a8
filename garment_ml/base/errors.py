"""The two kinds of error that end a command with one sentence instead of a stack trace."""


class GarmentError(Exception):
    """Something outside the user's command went wrong (no network, full disk); exit code 1."""

    exit_code = 1


class UserError(GarmentError):
    """A mistake the user can mend: says what was found, where, and what was expected; exit code 2."""

    exit_code = 2
