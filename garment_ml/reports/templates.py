"""Jinja templates of what is written for people."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def template_environment(package: str, *, autoescape: bool) -> Environment:
    """Of a room's folder `templates`; a name that isn't given is an error, not an empty place."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
