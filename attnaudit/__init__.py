"""attnaudit: evidence on whether attention weights may be shown as an explanation.

>>> import attnaudit
>>> made = attnaudit.audit("model.pt", "data.yaml")
>>> made.to_frame()

`audit` runs tests on a model. `read_report` reads the files that a run wrote. `read_records` gives
the figures of each text as a pandas frame. Heavy packages are imported only when you use one of
these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnaudit.api.audit import audit as audit
    from attnaudit.api.audited import Audit as Audit
    from attnaudit.api.audited import read_report as read_report
    from attnaudit.api.frames import read_records as read_records
    from attnaudit.errors import AuditError as AuditError
    from attnaudit.errors import InputError as InputError
    from attnaudit.errors import ModelError as ModelError
    from attnaudit.errors import OutputError as OutputError

__version__ = "0.1.0"

# Where each public name stands; it is imported when somebody asks for it.
_NAMES = {
    "Audit": "attnaudit.api.audited",
    "AuditError": "attnaudit.errors",
    "InputError": "attnaudit.errors",
    "ModelError": "attnaudit.errors",
    "OutputError": "attnaudit.errors",
    "audit": "attnaudit.api.audit",
    "read_records": "attnaudit.api.frames",
    "read_report": "attnaudit.api.audited",
}
__all__ = ["__version__", *_NAMES]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(_NAMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
