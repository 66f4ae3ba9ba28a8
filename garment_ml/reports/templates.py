"""Jinja templates of what is written for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def template_environment(package: str, *, autoescape: bool) -> "Environment":
    """Of a room's folder `templates`; a name that isn't given is an error, not an empty place."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
