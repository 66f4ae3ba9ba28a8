"""The two kinds of error that end a command with one sentence instead of a stack trace."""

from garment_ml.base.secrets import without_passwords


def first_line(error: Exception, longest: int | None = 300) -> str:
    """Of its message, or of what it is where it has none; passwords are hidden."""
    line = (str(error).strip() or repr(error)).splitlines()[0]
    return without_passwords(line)[:longest]


class GarmentError(Exception):
    """Something outside the user's command went wrong (no network, full disk); exit code 1.

    Wherever the message goes, to a terminal, a tag or a table, it shows no password.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(without_passwords(message))


class UserError(GarmentError):
    """A mistake the user can mend: says what was found, where, and what was expected; exit code 2."""

    exit_code = 2
