"""A data set's spec as YAML: how it was read, to be kept and changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from attnaudit.data.settings import Role
from attnaudit.data.shares import EXAMPLE
from attnaudit.data.spec import DatasetSpec
from attnaudit.yaml_writer import written

_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,15}")


def spec_text(
    spec: DatasetSpec,
    labels: Sequence[str],
    splits: Sequence[str],
    folder: Path,
    there: Sequence[str] = (),
) -> str:
    """The spec as a YAML file in `folder` would have it, which reads the same data in the same way.

    `labels` are those of the data in their order, `splits` those that can be read, and `there` what
    else some rows say. What the data might be told further stands in comments.
    """
    return "".join(f"{line}\n" for line in _lines(spec, labels, splits, folder, there))


def _lines(
    spec: DatasetSpec,
    labels: Sequence[str],
    splits: Sequence[str],
    folder: Path,
    there: Sequence[str],
) -> Iterator[str]:
    if spec.hub is not None:
        yield _entry("hub", spec.hub)
        for name in ("revision", "subset"):
            if (value := getattr(spec, name)) is not None:
                yield _entry(name, value)
    elif spec.file is not None:
        yield _entry("file", _from(spec.file, folder))
    else:
        for split in spec.splits():
            yield _entry(split, _from(spec.path(split), folder))
    if spec.docs is not None:
        yield _entry("docs", _from(spec.docs, folder))
    if spec.split is not None:
        yield _entry("split", spec.split)
        yield _entry("split_seed", spec.split_seed)
    elif tuple(splits) == ("all",):
        yield f"# split: {EXAMPLE}  # splits the file by label into train, dev and test"
    named: dict[str, str] = {
        role: spec.fields.column(role)
        for role in get_args(Role)
        if role in ("text", "label") or getattr(spec.fields, role) is not None
    }
    if spec.label_columns is not None:
        del named["label"]
    yield _entry("fields", named)
    if spec.label_columns is not None:
        yield _entry("label_columns", list(spec.label_columns))
    if spec.label_separator is not None:
        yield _entry("label_separator", spec.label_separator)
    if others := [role for role in there if role not in named]:
        yield f"# fields of these names are read too: {', '.join(others)}"
    if spec.renaming:
        yield _entry("labels", {_key(old): new for old, new in spec.renaming.names.items()})
    else:
        yield _entry("labels", list(labels))
        if all(map(_NUMBER.fullmatch, labels)):
            asked = ", ".join(f"{label}: ..." for label in labels[:3])
            more = ", ..." if len(labels) > 3 else ""
            yield f"# labels: {{{asked}{more}}}  # in place of the line above gives them names"
    yield from _reading(spec, folder)


def _reading(spec: DatasetSpec, folder: Path) -> Iterator[str]:
    """How text is cut: what the spec says, and the other defaults as comments.

    A spec must not say what the user left open: a transformer brings a tokeniser and limits of its
    own, and refuses others. Of what is for pairs alone no default is shown.
    """
    values: dict[str, Any] = {"tokeniser": _tokeniser(spec, folder)}
    values |= {name: getattr(spec, name) for name in ("lowercase", "min_length", "max_length")}
    values |= {"overlong": spec.overlong}
    shown = dict.fromkeys(values)
    for name in ("max_query_length", "max_pair_length", "order"):
        value = getattr(spec, name)
        values[name] = list(value) if isinstance(value, tuple) else value
    said = [n for n in values if getattr(spec, n) != type(spec).model_fields[n].default]
    yield from (_entry(name, values[name]) for name in said)
    if open_ := [name for name in shown if name not in said]:
        yield "# These defaults apply. A transformer has its own tokeniser and limits instead:"
        yield from (f"# {_entry(name, values[name])}" for name in open_)


def _tokeniser(spec: DatasetSpec, folder: Path) -> str | dict[str, str]:
    if spec.tokeniser.regex is not None:
        return {"regex": spec.tokeniser.regex}
    if spec.tokeniser_file is not None:
        return {"file": _from(spec.tokeniser_file, folder)}
    if spec.tokeniser.content is not None:
        return {"content": spec.tokeniser.content}
    return "whitespace"


def _from(path: Path, folder: Path) -> str:
    """The path as a spec in `folder` names it."""
    if not path.is_absolute() and folder.resolve() == Path.cwd():
        return path.as_posix()
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


def _key(label: str) -> str | int:
    return int(label) if _NUMBER.fullmatch(label) else label


def _entry(name: str, value: str | int | bool | Sequence[str] | Mapping[Any, str]) -> str:
    """One line of YAML."""
    text = written(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return f"{name}: {text.rstrip().removesuffix('...').rstrip()}"
