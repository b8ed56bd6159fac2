"""Templates of pages: what fills them, and how a page names its one script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from attnaudit.errors import InputError, printable

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def template(package: str, name: str) -> Template:
    """A template of a package; every value is escaped, and its control characters are shown.

    Raises InputError where what fills or draws pages is not installed.
    """
    try:
        import jinja2
        import matplotlib  # noqa: F401 - asked for here, so that the hint is given in one place
    except ImportError as error:
        raise InputError(
            f"the format html needs {error.name}, which is not installed",
            hint='pip install "attnaudit[html]"',
        ) from None
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if hasattr(value, "__html__") else printable(value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(resource(package, name))


def resource(package: str, name: str) -> str:
    """The text of a file that stands in a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def script_hash(script: str) -> str:
    """A script as a content policy allows it: `sha256-` and its digest in base64."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"sha256-{digest}"
