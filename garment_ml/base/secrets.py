"""Passwords, as inside addresses: `postgresql://user:password@host/name`, `?password=...`."""

import re

TOKEN_VARIABLE = "GARMENT_ML_TOKEN"  # in the environment: what those who ask the server in the open must have

# A password may hold / and @, as SQLAlchemy reads it; a port, which is followed by a slash, is none.
_SECRETS = re.compile(
    r"(?P<user>://[^\s/:@]*:)(?!\d+/)[^\s'\"]+(?=@)"
    r"|(?P<token>https?://)[^\s/:@]+(?=@)"
    r"|(?P<key>(?:\w*passw(?:or)?d|pwd|token)(?:=|%3D))(?:(?!%3B)[^\s&;'\"])+",
    re.IGNORECASE,
)


def without_passwords(text: str) -> str:
    """The text with each password in it as `***`: fit for a terminal, a log, a tag."""
    return _SECRETS.sub(lambda found: f"{found['user'] or found['token'] or found['key']}***", text)
