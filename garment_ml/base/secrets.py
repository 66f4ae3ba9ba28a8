"""Passwords inside addresses: `postgresql://user:password@host/name`, `?password=...`."""

import re

_SECRETS = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)|(\b(?:password|token)=)[^\s&'\"]+")


def without_passwords(text: str) -> str:
    """The text with each password in it as `***`: fit for a terminal, a log, a tag."""
    return _SECRETS.sub(lambda found: f"{found[1] or found[2]}***", text)
