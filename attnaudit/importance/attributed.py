"""Attributions: scores that another tool made, such as captum or SHAP, as one more importance.

What their files hold is said in `data.attributions`, and how they come to the words of a text in
`data.aligned`. Here is what such an importance is called, and the importance itself.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic

from attnaudit.config import Settings
from attnaudit.data.attributions import check_size, read_head
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.importance import Importance, Request

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes

RESERVED = ("attention", "optimum")  # which rankings are called, too
_NAME = re.compile("[a-z][a-z0-9_]*")
_LONGEST = 60  # characters
_ALIKE = 0.87  # of names: what difflib makes of them


class Attribution(Settings):
    """A file of attributions, as records name it."""

    name: str = pydantic.Field(description="The name of the importance in metrics and tables.")
    path: str = pydantic.Field(description="The path of the file, as it was given.")
    sha256: str = pydantic.Field(description="The SHA-256 of the file.")
    tool: str | None = pydantic.Field(None, description="The tool that made it, or null.")
    version: str | None = pydantic.Field(None, description="The version of the tool, or null.")
    method: str | None = pydantic.Field(None, description="The method of the tool, or null.")

    @pydantic.field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if not is_free(name):
            raise ValueError(f"{name!r} cannot be the name of attributions")
        return name

    @property
    def origin(self) -> str:
        """Who made it, in words; empty where the file does not say."""
        tool = " ".join(filter(None, (self.tool, self.version)))
        return ", ".join(filter(None, (tool, self.method)))


@cache
def is_free(name: str) -> bool:
    """Whether attributions may have this name, so that no importance can be meant by it."""
    return bool(_NAME.fullmatch(name)) and len(name) <= _LONGEST and _taken(name) is None


def _taken(name: str) -> str | None:
    """The name of the tool's own that `name` is, or is a mistyped form of; None where it is free.

    A policy that has a slip in the name of an importance must not gate attributions that nobody
    made.
    """
    near = difflib.get_close_matches(name, (*IMPORTANCES, *RESERVED), n=1, cutoff=_ALIKE)
    return near[0] if near else None


def read_attributions(given: Sequence[str | Attribution]) -> tuple[Attribution, ...]:
    """The importances that `--attributions FILE` adds, in the order of their names.

    What was read before stays as it is. Raises InputError for a file that cannot be read, and for a
    name that cannot be or stands twice.
    """
    found: dict[str, Attribution] = {}
    for each in given:
        one = each if isinstance(each, Attribution) else _read(each)
        if one.name in found:
            raise InputError(
                f"--attributions: {found[one.name].path} and {one.path} both have the name"
                f" {one.name!r}",
                hint=_RENAME,
            )
        found[one.name] = one
    return tuple(found[name] for name in sorted(found))


_RENAME = 'give another name in the first line of the file: {"attributions": "my_name"}'


def _read(given: str) -> Attribution:
    path = Path(given)
    head = read_head(path)
    name = head.name or re.sub(r"[-.\s]+", "_", path.stem.lower())
    if not is_free(name):
        taken = _taken(name)
        what = f"{name!r} cannot be a name of attributions"
        if taken is not None:
            like = "is" if taken == name else "is too like"
            raise InputError(f"{what}: it {like} the name {taken!r}", where=path, hint=_RENAME)
        raise InputError(
            what,
            where=path,
            hint=f"{_RENAME}, of small letters, digits and _, at most {_LONGEST}, beginning with a"
            " letter",
        )
    check_size(path)
    return Attribution(
        name=name,
        path=given,
        sha256=sha256_file(path),
        tool=head.tool,
        version=head.version,
        method=head.method,
    )


def attributed(name: str) -> Importance:
    """The importance of that name, whose scores are `given` with a request."""

    def compute(request: Request) -> Tensor:
        return request.without_sign(name, request.given[name])

    return Importance(
        name=name,
        definition="Scores that another tool gave to the words, read from a file.",
        formula="|score|, one a word; a span of characters shares its score among its words",
        source="the file that `--attributions` names",
        traps="The tool does not know how these scores were made, nor whether they are of this"
        " model and of the predicted class.",
        compute=compute,
        work=_no_work,
    )


def _no_work(model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
    return {}
