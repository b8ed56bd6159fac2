"""What MODEL on the command line names, as far as its spelling tells: light, no torch."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PLUGIN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_hub_id(reference: str) -> bool:
    """Whether MODEL is `owner/name` of the Hugging Face hub, and no file that is not there."""
    path = Path(reference)
    return not path.exists() and path.suffix != ".pt" and bool(_HUB_ID.fullmatch(reference))


def is_plugin(reference: str) -> bool:
    """Whether MODEL is `package.module:factory`, and no file of that name."""
    return not Path(reference).exists() and bool(_PLUGIN.fullmatch(reference))


@contextmanager
def plugins_first() -> Iterator[None]:
    """Modules are looked for in the working folder first, as Python does for a script there.

    Afterwards the folder is searched last: a factory may still import late, and no file there takes
    the place of a library that another one imports late.
    """
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with suppress(ValueError):  # a plug-in may have taken it out itself
            sys.path.remove(here)  # the first one
        if here not in sys.path:
            sys.path.append(here)
