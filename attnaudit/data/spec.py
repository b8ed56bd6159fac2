"""What a data set is: its files, the columns that matter, its labels, and how text is cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import pydantic

from attnaudit.config import Document, read_document
from attnaudit.data.names import check_labels
from attnaudit.data.settings import ReadingSettings, Role
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import InputError, did_you_mean

ROW_SUFFIXES = (".jsonl", ".csv", ".tsv")
SPEC_SUFFIXES = (".yaml", ".yml")


def _check_suffix(path: Path) -> Path:
    if path.suffix.lower() not in ROW_SUFFIXES:
        raise ValueError(f"{path.name!r} is not a {', '.join(ROW_SUFFIXES)} file")
    return path


DataFile = Annotated[Path, pydantic.AfterValidator(_check_suffix)]


class DatasetSpec(ReadingSettings):
    """A data set: one file a split, or one `file` for all, whose rows may name their split.

    `labels` are in the order of the classes (of two, the last is the positive one). A spec may give
    them as a mapping from what the rows say to the name of the class, such as {0: bad, 1: good}.
    """

    train: DataFile | None = None
    dev: DataFile | None = None
    test: DataFile | None = None
    file: DataFile | None = None
    labels: tuple[str, ...] | None = None
    _source: Path | None = pydantic.PrivateAttr(None)
    _renamed: dict[str, str] = pydantic.PrivateAttr(default_factory=dict)

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
    def _check_files(self) -> DatasetSpec:
        if self.file is not None and self.splits():
            raise ValueError("give either `file` or `train`, `dev` and `test`, not both")
        if self.file is None and not self.splits():
            raise ValueError(
                "does not say where the data are: give `train`, `dev` and `test`, or `file`"
            )
        return self

    @property
    def source(self) -> Path | None:
        """The file that the user named: the spec itself, or the bare data file."""
        return self._source

    @property
    def renamed(self) -> dict[str, str]:
        """The name of the class for each label of the rows that the spec renames."""
        return self._renamed

    def splits(self) -> tuple[str, ...]:
        """The splits that have a file of their own; none where one `file` holds all rows."""
        return tuple(name for name in ("train", "dev", "test") if getattr(self, name) is not None)

    def path(self, split: str) -> Path:
        """The file that holds `split`; raises InputError where there is none."""
        if self.file is not None:
            return self.file
        if split not in self.splits():
            raise InputError(
                f"has no split {split!r}",
                where=self.source,
                hint=did_you_mean(split, self.splits()),
            )
        path: Path = getattr(self, split)
        return path

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
    """The data set that `path` describes: a spec in YAML, or a bare .jsonl, .csv or .tsv file.

    Args:
        path: the spec; its own paths are relative to its folder.
        reading: how a model read its training data. A bare file is read that way; a spec gets
            from it what it does not say itself, except the column names.
        limits: the longest text that a model can read; the spec cannot change it.

    Raises:
        InputError: the spec cannot be used, or it contradicts the model's tokeniser, case or
            limits.
    """
    if path.is_dir():
        inside = path / "data.yaml"
        hint = f"did you mean {str(inside)!r}?" if inside.is_file() else None
        raise InputError("is a folder, not a data set", where=path, hint=hint)
    suffix = path.suffix.lower()
    if suffix in SPEC_SUFFIXES:
        spec = _read_spec(path, reading)
    elif suffix in ROW_SUFFIXES:
        kept = (
            {} if reading is None else {k: getattr(reading, k) for k in type(reading).model_fields}
        )
        spec = DatasetSpec(file=path, **kept)
    else:
        known = ", ".join((*ROW_SUFFIXES, *SPEC_SUFFIXES))
        raise InputError(
            f"is not a data set: {suffix!r} is none of {known}",
            where=path,
            hint="convert it, or describe it in a YAML spec",
        )
    spec._source = path
    return spec if limits is None else _within(spec, limits)


def _read_spec(path: Path, reading: ReadingSettings | None) -> DatasetSpec:
    document = read_document(path)
    labels = document.mapping.get("labels")
    renamed: dict[str, str] = {}
    if isinstance(labels, dict):
        renamed = _renaming(labels, document)
        document.mapping["labels"] = list(dict.fromkeys(renamed.values()))
    elif isinstance(labels, list):
        # As written: YAML would turn `no` into False and 1.0 into a float, and rows do not.
        document.mapping["labels"] = [
            document.texts.get(("labels", i), label) for i, label in enumerate(labels)
        ]
    spec = document.parse(DatasetSpec)
    changed: dict[str, Any] = {
        name: path.parent / getattr(spec, name)
        for name in ("train", "dev", "test", "file")
        if getattr(spec, name) is not None
    }
    if spec.tokeniser.file is not None:
        file = path.parent / spec.tokeniser.file
        changed["tokeniser"] = TokeniserSettings(file=file).embedded()
    spec = spec.model_copy(update=changed)
    spec._renamed = renamed
    return spec if reading is None else _follow(spec, reading, document)


def _renaming(labels: dict[Any, Any], document: Document) -> dict[str, str]:
    """What a mapping of `labels` calls each label of the rows; raises InputError."""
    made = {}
    for key, value in labels.items():
        name = document.texts.get(("labels", key), value)
        if isinstance(key, bool):  # as rows spell it
            key = str(key).lower()
        if not isinstance(name, str) or isinstance(key, float) or key is None:
            raise InputError(
                f"labels: {key!r:.40}: {name!r:.40} does not name a class",
                where=document.path,
                line=document.line(("labels",)),
                hint="write the label in the rows, a colon, and the name: `labels: {0: bad, 1: "
                "good}`",
            )
        made[str(key)] = name
    return made


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
