"""The one digest that pictures, data sets and keys have: what was equal once is equal everywhere."""

import hashlib

SIZE = 16  # bytes; a collision among 2^40 contents has a chance of 2^-49


def digest_of(content: bytes) -> str:
    """32 hexadecimal digits of BLAKE2b (RFC 7693)."""
    return hashlib.blake2b(content, digest_size=SIZE).hexdigest()


def growing_digest() -> "hashlib.blake2b":
    """The same for what comes in pieces: `update` takes the next, `hexdigest` gives it."""
    return hashlib.blake2b(digest_size=SIZE)
