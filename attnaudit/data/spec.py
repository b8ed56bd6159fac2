"""What a data set is: its files, the columns that matter, its labels, and how text is cut."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pydantic

from attnaudit.config import Document, read_document
from attnaudit.data import hub
from attnaudit.data.arrow_rows import is_saved, saved_splits
from attnaudit.data.names import OneLabel, Renaming, check_labels
from attnaudit.data.reader import ROW_SUFFIXES
from attnaudit.data.settings import Fields, ReadingSettings, Role
from attnaudit.data.shares import shares_of
from attnaudit.data.split_names import OTHER_NAMES, SPLITS, split_named
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import InputError, did_you_mean

SPEC_SUFFIXES = (".yaml", ".yml")
LARGEST_SEED = 2**31 - 1


def _check_shares(text: str) -> str:
    shares_of(text)
    return text


ShareText = Annotated[str, pydantic.AfterValidator(_check_shares)]  # such as 80/10/10
SplitSeed = Annotated[int, pydantic.Field(ge=0, le=LARGEST_SEED)]


class DatasetSpec(ReadingSettings):
    """A data set: one file a split, or one `file` for all, whose rows may name their split.

    A file may be a folder that Hugging Face `datasets` saved; `hub` is a data set of the hub, of
    which `revision` and `subset` say more. `split` splits the one file into shares of train, dev
    and test, and `split_seed` decides which rows go where. `labels` are in the order of the classes
    (of two, the last is the positive one). A spec may give them as a mapping from what the rows say
    to the name of the class, such as {0: bad, 1: good}.

    With `docs` the files are annotations in the form of ERASER, and `docs` holds the documents: see
    `data.eraser`. A query is only taken where `fields` names it.

    A text may have several labels, or none. Its label field is then a list, or names that the
    `label_separator` separates; or `label_columns`, one for each label, hold 0 or 1.
    """

    train: Path | None = None
    dev: Path | None = None
    test: Path | None = None
    file: Path | None = None
    hub: str | None = None
    revision: str | None = None
    subset: str | None = None
    docs: Path | None = None
    split: ShareText | None = None
    split_seed: SplitSeed = 0
    labels: tuple[str, ...] | None = None
    label_separator: Annotated[str, pydantic.Field(min_length=1, max_length=10)] | None = None
    label_columns: Annotated[tuple[str, ...], pydantic.Field(min_length=1)] | None = None
    _one: OneLabel | None = pydantic.PrivateAttr(None)
    _source: Path | None = pydantic.PrivateAttr(None)
    _renaming: Renaming = pydantic.PrivateAttr(default_factory=Renaming)
    _left_out: tuple[str, ...] = pydantic.PrivateAttr(())
    _tokeniser_file: Path | None = pydantic.PrivateAttr(None)

    @pydantic.field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        if len(labels) < 2:
            raise ValueError("at least two labels are needed")
        if "" in labels:
            raise ValueError("a label is empty")
        twice = next((name for name, n in Counter(labels).items() if n > 1), None)
        if twice is not None:
            raise ValueError(f"the label {twice!r:.80} occurs twice")
        check_labels(labels)
        return labels

    @pydantic.model_validator(mode="after")
    def _check_columns(self) -> DatasetSpec:
        columns = self.label_columns
        if columns is None:
            return self
        if self.label_separator is not None:
            raise ValueError("`label_separator` is for one field, and `label_columns` are several")
        if self.fields.label != Fields().label:
            raise ValueError("give either `label_columns` or the field `label`, not both")
        if len(set(columns)) < len(columns):
            raise ValueError("`label_columns` names a column twice")
        return self

    @pydantic.model_validator(mode="after")
    def _check_files(self) -> DatasetSpec:
        if self.file is not None and self.splits():
            raise ValueError("give either `file` or `train`, `dev` and `test`, not both")
        if self.hub is not None and (self.file is not None or self.splits()):
            raise ValueError("give either `hub` or files, not both")
        if self.hub is None and (self.revision is not None or self.subset is not None):
            raise ValueError("`revision` and `subset` go with `hub`")
        if self.file is None and self.hub is None and not self.splits():
            raise ValueError(
                "does not say where the data are: give `train`, `dev` and `test`, or `file`"
            )
        if self.docs is not None and (self.hub is not None or self.label_columns is not None):
            raise ValueError(
                "`docs` goes with files of annotations, without `hub`, `label_columns`"
            )
        if self.split is not None and self.file is None:
            raise ValueError("`split` cuts one `file`, and this names a file for each split")
        if self.split is not None and self.fields.split is not None:
            raise ValueError(
                "gives shares as `split`, and a field in which rows name their split: leave one out"
            )
        if self.split is None and self.split_seed != 0:
            raise ValueError("`split_seed` goes with `split`, such as `split: 80/10/10`")
        return self

    @property
    def one(self) -> OneLabel | None:
        """The label that is asked about, of data whose texts may have several."""
        return self._one

    def about(self, one: OneLabel) -> DatasetSpec:
        """The same data, as yes and no to one of several labels."""
        spec = self.model_copy(update={"labels": one.classes})
        spec._one = one
        return spec

    def columns(self, role: Role) -> tuple[str, ...]:
        """The columns that hold `role`: one, except for labels that have a column each."""
        if role == "label" and self.label_columns is not None:
            return self.label_columns
        return (self.fields.column(role),)

    def eraser_columns(self) -> dict[str, str]:
        """What a row made of an annotation calls each role; a query that nobody named is left out.

        In ERASER every annotation has a query, also where it is the same for all texts.
        """
        roles: tuple[Role, ...] = ("text", "label", "id", "group", "rationale", "query")
        wanted = [r for r in roles if r != "query" or self.fields.query is not None]
        return {role: self.fields.column(role) for role in wanted}

    @property
    def source(self) -> Path | None:
        """The file that the user named: the spec itself, or the bare data file."""
        return self._source

    @property
    def renaming(self) -> Renaming:
        """What the spec calls the labels of the rows."""
        return self._renaming

    @property
    def tokeniser_file(self) -> Path | None:
        """The tokenizer.json that the spec names, whose content `tokeniser` holds."""
        return self._tokeniser_file

    @property
    def left_out(self) -> tuple[str, ...]:
        """The splits of a Hugging Face data set that are none of train, dev and test."""
        return self._left_out

    def splits(self) -> tuple[str, ...]:
        """The splits that have a file of their own; none where one `file` holds all rows."""
        return tuple(name for name in SPLITS if getattr(self, name) is not None)

    def path(self, split: str) -> Path:
        """The file that holds `split`; raises InputError where there is none."""
        if self.file is not None:
            return self.file
        split = split_named(split)
        if split not in self.splits():
            raise InputError(
                f"has no split {split!r}",
                where=self.source,
                hint=did_you_mean(split, self.splits()),
            )
        path: Path = getattr(self, split)
        return path

    def at(self, source: Path, file: Path) -> DatasetSpec:
        """The same spec, as if it stood in `source` and named its one file so."""
        spec = self.model_copy(update={"file": file})
        spec._source = source
        return spec

    def required(self, role: Role) -> bool:
        """Whether every row must have `role`: text and label, and what the spec names itself.

        A bare file inherits its model's column names, but of those it must only have the query.
        """
        if role in ("text", "label"):
            return True
        inherited = self.source is not None and self.source == self.file
        return getattr(self.fields, role) is not None and (role == "query" or not inherited)

    def reading(self) -> ReadingSettings:
        """How this data set is read, free of its files and with any tokenizer.json embedded.

        Raises:
            InputError: the tokenizer.json cannot be used.
        """
        kept: dict[str, Any] = {name: getattr(self, name) for name in ReadingSettings.model_fields}
        return ReadingSettings(**{**kept, "tokeniser": self.tokeniser.embedded()})


def load_spec(
    path: Path, reading: ReadingSettings | None = None, limits: ReadingSettings | None = None
) -> DatasetSpec:
    """The data set that `path` describes: a spec in YAML, or data themselves.

    Those are a file of rows, a folder that Hugging Face `datasets` saved, or a data set of the hub.

    Args:
        path: the spec; its own paths are relative to its folder.
        reading: how a model read its training data. A bare file is read that way; a spec gets
            from it what it does not say itself, except the column names.
        limits: the longest that a model can read, whatever the spec says.

    Raises:
        InputError: the spec cannot be used, or it contradicts the model's tokeniser, case or
            limits.
    """
    suffix = path.suffix.lower()
    saved = path.is_dir() and (is_saved(path) or saved_splits(path) is not None)
    bare = suffix in ROW_SUFFIXES and not path.is_dir()
    if path.is_dir() and not saved:
        inside = path / "data.yaml"
        hint = "give a file, a spec, or a folder that `save_to_disk` of datasets has left"
        hint = f"did you mean {str(inside)!r}?" if inside.is_file() else hint
        raise InputError("is a folder, not a data set", where=path, hint=hint)
    if suffix in SPEC_SUFFIXES and not saved:
        spec = _read_spec(path, reading)
    elif bare or saved or hub.is_hub_name(path):
        kept = (
            {} if reading is None else {k: getattr(reading, k) for k in type(reading).model_fields}
        )
        named = {"file": path} if bare or saved else {"hub": path.as_posix()}
        spec = _found(DatasetSpec(**named, **kept), path)
    else:
        known = ", ".join((*ROW_SUFFIXES, *SPEC_SUFFIXES))
        hints = {
            ".json": "write each row as one JSON object on a line of its own, as .jsonl",
            ".xls": "save it as .xlsx or as 'CSV UTF-8'",
            **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst"), "unpack it first"),
        }
        raise InputError(
            f"is not a data set: {suffix!r} is none of {known}",
            where=path,
            hint=hints.get(suffix, "convert it, or describe it in a YAML spec"),
        )
    spec._source = path
    return spec if limits is None else _within(spec, limits)


def _read_spec(path: Path, reading: ReadingSettings | None) -> DatasetSpec:
    document = _with_usual_names(read_document(path))
    labels = document.mapping.get("labels")
    renaming = Renaming()
    if isinstance(labels, dict):
        renaming = _renaming(labels, document)
        document.mapping["labels"] = renaming.classes
    elif isinstance(labels, list):
        # As written: YAML would turn `no` into False and 1.0 into a float, and rows do not.
        document.mapping["labels"] = [
            document.texts.get(("labels", i), label) for i, label in enumerate(labels)
        ]
    spec = document.parse(DatasetSpec)
    changed: dict[str, Any] = {
        name: _data_file(_beside(path.parent, getattr(spec, name)), document, name)
        for name in (*SPLITS, "file")
        if getattr(spec, name) is not None
    }
    if spec.docs is not None:
        changed["docs"] = _beside(path.parent, spec.docs)
        _check_annotations(changed, document)
    if spec.tokeniser.file is not None:
        file = _beside(path.parent, spec.tokeniser.file)
        changed["tokeniser"] = TokeniserSettings(file=file).embedded()
        spec._tokeniser_file = file
    spec = _found(spec.model_copy(update=changed), path)
    spec._renaming = renaming
    return spec if reading is None else _follow(spec, reading, document)


def _with_usual_names(document: Document) -> Document:
    """The document with `dev` for `validation`, and so on; raises InputError where both stand."""
    for name, split in OTHER_NAMES.items():
        if name not in document.mapping:
            continue
        if split in document.mapping:
            raise InputError(
                f"gives both `{split}` and `{name}`, which mean the same split",
                where=document.path,
                line=document.line((name,)),
                hint="leave one out",
            )
        document.mapping[split] = document.mapping.pop(name)
        lines = dict(document.lines)
        if (name,) in lines:
            lines[(split,)] = lines[(name,)]
        document.lines = lines
    return document


def _beside(folder: Path, file: Path) -> Path:
    """`file` as seen from here, without a detour through `folder` where that is the same file."""
    joined = folder / file
    plain = Path(os.path.normpath(joined))
    try:
        return plain if plain.samefile(joined) else joined
    except (OSError, ValueError):
        return joined


def _data_file(file: Path, document: Document, name: str) -> Path:
    """The file or folder of rows; raises InputError for one that can be none by its name."""
    if file.suffix.lower() in ROW_SUFFIXES or is_saved(file) or saved_splits(file) is not None:
        return file
    raise InputError(
        f"{name}: {file.name!r} is not a {', '.join(ROW_SUFFIXES)} file, nor a folder that"
        " `save_to_disk` of datasets has left",
        where=document.path,
        line=document.line((name,)),
    )


def _check_annotations(files: Mapping[str, Path], document: Document) -> None:
    """Raise InputError unless the files with `docs` beside them can be annotations."""
    for name, file in files.items():
        if name != "docs" and file.suffix.lower() != ".jsonl":
            raise InputError(
                f"{name}: {file.name!r} is no .jsonl file, and with `docs` it must hold annotations"
                " in the form of ERASER",
                where=document.path,
                line=document.line((name,)),
            )


def _found(spec: DatasetSpec, where: Path) -> DatasetSpec:
    """The spec with a file for each split of a Hugging Face data set that it names as a whole."""
    if spec.hub is not None:
        commit, found = hub.fetch(spec.hub, spec.revision, spec.subset, where)
        spec = spec.model_copy(update={"revision": commit})
        splits: dict[str, Path] | None = found
    else:
        splits = None if spec.file is None else saved_splits(spec.file)
    if splits is None:
        return spec
    if spec.split is not None:
        raise InputError(
            f"`split` cuts one file, and {spec.file} has splits: {', '.join(splits)}", where=where
        )
    by_name: dict[str, Path] = {}
    for name, file in splits.items():
        if by_name.setdefault(split_named(name), file) != file:
            raise InputError(
                f"two of the splits {', '.join(splits)} mean {split_named(name)}",
                where=where,
                hint="name the folders as `train:`, `dev:` and `test:` in a spec",
            )
    usual = {name: by_name.pop(name) for name in SPLITS if name in by_name}
    if not usual:
        raise InputError(
            f"has no split train, dev or test, but {', '.join(splits)}",
            where=where,
            hint="name the folders as `train:`, `dev:` and `test:` in a spec",
        )
    spec = spec.model_copy(update={"file": None, **usual})
    spec._left_out = tuple(by_name)
    return spec


def _renaming(labels: dict[Any, Any], document: Document) -> Renaming:
    """What a mapping of `labels` calls each label of the rows; raises InputError."""
    made = {}
    for key, value in labels.items():  # both as written: no number has become another
        name = document.texts.get(("labels", key), value)
        if not isinstance(name, str):
            raise InputError(
                f"labels: {key!r:.40}: {name!r:.40} does not name a class",
                where=document.path,
                line=document.line(("labels",)),
                hint="write the label in the rows, a colon, and the name: `labels: {0: bad, 1: "
                "good}`",
            )
        made[str(key)] = name
    try:
        return Renaming(made)
    except ValueError as error:
        raise InputError(
            f"labels: {error}", where=document.path, line=document.line(("labels",))
        ) from None


def _follow(spec: DatasetSpec, reading: ReadingSettings, document: Document) -> DatasetSpec:
    """`spec` with what it leaves out taken from the model's `reading`."""
    said = spec.model_fields_set
    for name, differs, model in (
        ("tokeniser", not spec.tokeniser.same_as(reading.tokeniser), str(reading.tokeniser)),
        ("lowercase", spec.lowercase != reading.lowercase, str(reading.lowercase).lower()),
    ):
        if name in said and differs:
            raise InputError(
                f"{name} differs from the model's: the model was trained with {name} {model}",
                where=document.path,
                line=document.line((name,)),
                hint="leave this key out",
            )
    if reading.tokeniser.prompt is not None and spec.order not in (None, reading.order):
        raise InputError(
            "order differs from the prompt's, which says where a text and its query stand",
            where=document.path,
            line=document.line(("order",)),
            hint="leave this key out",
        )
    if reading.tokeniser.prompt is not None:
        said = said - {"tokeniser", "order"}  # both say the same, and the model's has the prompt
    left_out = set(ReadingSettings.model_fields) - said - {"fields"}
    return spec.model_copy(update={name: getattr(reading, name) for name in left_out})


def _within(spec: DatasetSpec, limits: ReadingSettings) -> DatasetSpec:
    """`spec` with no length above what `limits` allows."""
    changed = {}
    for name in ("max_length", "max_query_length", "max_pair_length"):
        lengths = [getattr(side, name) for side in (spec, limits)]
        changed[name] = min((n for n in lengths if n is not None), default=None)
    if spec.min_length > limits.max_length:
        raise InputError(
            f"min_length {spec.min_length} is larger than the {limits.max_length} tokens that "
            "the model can read, so no row fits",
            where=spec.source,
        )
    return spec.model_copy(update=changed)
