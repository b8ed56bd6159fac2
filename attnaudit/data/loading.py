"""Reading the rows of a data set: which can be used, and what becomes of the others."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import get_args

from attnaudit.data.cutting import Cut, cut_of
from attnaudit.data.dataset import JOINED, REASONS, Dataset
from attnaudit.data.eraser import documents_sha256
from attnaudit.data.instance import Instance
from attnaudit.data.labels import label_names
from attnaudit.data.opening import key_of, rows_of
from attnaudit.data.prompt import QUERY
from attnaudit.data.prompted import prompted_by
from attnaudit.data.reader import Row, Rows, file_sha256
from attnaudit.data.row_label import row_label, row_labels, unknown_label
from attnaudit.data.rows import LONGEST_NAME
from attnaudit.data.settings import MARKS, Role
from attnaudit.data.shares import shares_of
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.split_names import SPLITS, Spellings, split_named
from attnaudit.data.store import Hashes, Instances
from attnaudit.data.tokenise import Token, align, build_tokeniser
from attnaudit.errors import InputError, did_you_mean

ALL = "all"  # the split that is every row of a file
MOST_SPLITS = 1_000


def splits_of(spec: DatasetSpec) -> tuple[str, ...]:
    """The splits that can be read: the spec's, those that the rows name, or else `all`.

    Rows may call them by other names: `validation`, `valid` and `val` mean dev, `testing` and
    `eval` mean test, `training` means train.

    Raises:
        InputError: the file that holds all splits cannot be read, or calls one by two names.
    """
    if spec.file is None:
        return spec.splits()
    if spec.split is not None:
        return tuple(shares_of(spec.split))
    column = spec.fields.column("split")
    named: set[str] = set()
    met = Spellings()
    with closing(rows_of(spec, spec.file, ("split",) if spec.required("split") else ())) as rows:
        for line, row in rows:
            if row.get(column) not in (None, ""):
                named.add(_split_name(row[column], column, spec.file, line, met))
                if len(named) > MOST_SPLITS:
                    raise InputError(
                        f"the field {column!r} has more than {MOST_SPLITS:,} different splits",
                        where=spec.file,
                        line=line,
                        hint="is it the right field?",
                    )
    known = [split for split in SPLITS if split in named]
    return (*known, *sorted(named.difference(known))) or (ALL,)


def _split_name(value: object, column: str, path: Path, line: int, met: Spellings) -> str:
    """The split that a row names: short text, or a whole number."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        name = str(value)
        if len(name) <= LONGEST_NAME:
            try:
                return met.add(name)
            except ValueError as error:
                raise InputError(
                    f"in the field {column!r} {error}",
                    where=path,
                    line=line,
                    hint="call each split by one name: train, dev and test",
                ) from None
    raise InputError(
        f"the field {column!r} is {value!r:.60}, which is not the name of a split",
        where=path,
        line=line,
    )


def lacks(spec: DatasetSpec, split: str, named: Sequence[str], why: str, ways: str) -> InputError:
    """The mistake of data without a split that is needed.

    Args:
        spec: the data.
        split: what is lacking.
        named: the splits that there are, by `splits_of`.
        why: what needs it, behind a comma.
        ways: how to have one file cut into splits, in words.
    """
    if spec.file is None:
        hint = f"name its file as `{split}:` in a dataset spec"
        return InputError(f"has no {split} split, {why}", where=spec.source, hint=hint)
    if spec.split is not None:
        what, hint = f"splits by {spec.split}, without {split}, {why}", "give it a share"
        return InputError(what, where=spec.source, hint=hint)
    if tuple(named) == (ALL,):
        what, hint = f"has no {split} split, {why}: its rows name no split", ways
    else:
        there = ", ".join(repr(name) for name in named[:12])
        what = f"has no {split} split, {why}: its rows name {there}"
        hint = f"name some of them {split} in the field {spec.fields.column('split')!r}"
    return InputError(what, where=spec.source or spec.file, hint=hint)


def default_split(spec: DatasetSpec) -> str:
    """The split to audit where none is asked for: test, else dev, else all rows there are."""
    splits = splits_of(spec)
    rest = ALL if spec.file is not None else splits[0]
    return next((split for split in ("test", "dev") if split in splits), rest)


def load_dataset(
    spec: DatasetSpec,
    split: str | None = None,
    *,
    labels: Sequence[str] | None = None,
    min_words: int = 1,
    limit: int | None = None,
    keep_text: bool = False,
) -> Dataset:
    """The usable rows of `split`, tokenised; those of no use are counted, mistakes are errors.

    Args:
        spec: the data set.
        split: a split of it, or `all` for every row of its one file; None: `default_split`.
        labels: a model's labels in its order; None: the spec's, or else those in the file.
        min_words: the fewest words of use, where the spec asks for no more.
        limit: how many usable rows to stop after.
        keep_text: whether instances keep the text as the row has it.

    Raises:
        InputError: the file cannot be read, or a row or its label is wrong, or no row is usable.
    """
    split = default_split(spec) if split is None else split_named(split)
    path = spec.path(split)
    names = label_names(spec, path, labels)
    parts = None if split == ALL else cut_of(spec, names)
    maker = _Maker(spec, split, names, min_words, parts, keep_text)
    kept, truncated = Instances(), 0
    skipped: Counter[str] = Counter()
    partial = False
    having: Counter[str] = Counter()
    unlabelled = 0
    with closing(_rows_of(spec, split, parts)) as rows:
        for line, row in rows:
            if len(kept) == limit:
                partial = True
                break
            made = maker.make(line, row, len(kept))
            if isinstance(made, Instance):
                kept.add(made)
                truncated += made.truncated
                if spec.one is not None and (has := row_labels(row, spec, path, line)) is not None:
                    having.update(has)
                    unlabelled += not has
            else:
                skipped[made] += 1
    if not kept:
        why = ", ".join(f"{n} {reason}" for reason, n in skipped.items())
        raise InputError(
            f"no usable row in split {split!r} ({skipped.total()} skipped: {why})",
            where=path,
            hint="check the text column, min_length and max_length"
            if not skipped[JOINED]
            else "leave a space between {text} and a line break behind it in the prompt",
        )
    return Dataset(
        instances=kept,
        labels=names,
        split=split,
        path=path,
        sha256=_sha256(spec, path),
        skipped={reason: skipped[reason] for reason in REASONS if skipped[reason]},
        truncated=truncated,
        partial=partial,
        order=spec.order,
        cut=parts,
        renamed=spec.renaming.names,
        having=having,
        unlabelled=unlabelled,
    )


def _sha256(spec: DatasetSpec, path: Path) -> str:
    """The SHA-256 of a file of rows; of annotations that of the file and of the documents."""
    found = file_sha256(path)
    if spec.docs is None:
        return found
    return hashlib.sha256(f"{found} {documents_sha256(spec.docs)}".encode()).hexdigest()


def ids_of(spec: DatasetSpec) -> Iterator[str]:
    """The ids of all rows of a data set, of every split and whether or not they can be used.

    Raises InputError for a row that cannot be read.
    """
    paths = [spec.file] if spec.file is not None else [spec.path(name) for name in spec.splits()]
    for path in paths:
        with closing(rows_of(spec, path, ())) as rows:
            for line, row in rows:
                yield key_of(spec, row, "id", path, line) or str(line)


def _rows_of(spec: DatasetSpec, split: str, parts: Cut | None) -> Rows:
    """The rows of `split`, from its own file or picked from the file that holds all."""
    path, column = spec.path(split), spec.fields.column("split")
    required = [role for role in get_args(Role) if spec.required(role)]
    pick = spec.file is not None and split != ALL
    seen: set[str] = set()
    spellings = Spellings()
    met = False
    with closing(rows_of(spec, path, required)) as rows:
        if parts is not None:
            if split not in parts.rows:
                hint = did_you_mean(split, parts.rows)
                raise InputError(f"no row belongs to the split {split!r}", where=path, hint=hint)
            wanted = list(parts.rows).index(split)
            yield from (found for found, at in zip(rows, parts.places, strict=True) if at == wanted)
            return
        for line, row in rows:
            if pick:
                if row.get(column) in (None, ""):
                    raise InputError(
                        "the row does not say to which split it belongs (it has no field "
                        f"{column!r}), so the split {split!r} cannot be read",
                        where=path,
                        line=line,
                        hint="add that field, write `split: 80/10/10` in a spec to have the file"
                        " split, or ask for no split to use all rows",
                    )
                named = _split_name(row[column], column, path, line, spellings)
                if len(seen) < MOST_SPLITS:
                    seen.add(named)
                if named != split:
                    continue
                met = True
            yield line, row
    if pick and not met:
        raise InputError(
            f"no row belongs to the split {split!r}",
            where=path,
            hint=did_you_mean(split, sorted(seen)),
        )


def cut(tokens: Sequence[Token], length: int) -> Sequence[Token]:
    """The first words of `tokens` that fit in `length` tokens: a word is kept whole or not."""
    if len(tokens) <= length:
        return tokens
    end = length
    while end > 0 and tokens[end].word == tokens[end - 1].word:
        end -= 1
    return tokens[:end]


def _surface(text: str, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The words of `tokens` as `text` spells them."""
    ends: dict[int, tuple[int, int]] = {}
    for token in tokens:
        start, _ = ends.get(token.word, (token.start, 0))
        ends[token.word] = (start, token.end)
    return tuple([text[start:end].strip() for start, end in ends.values()])


class _Maker:
    """Makes instances of one file's rows, and remembers what rows must not contradict."""

    def __init__(
        self,
        spec: DatasetSpec,
        split: str,
        labels: Sequence[str],
        min_words: int,
        parts: Cut | None,
        keep_text: bool,
    ) -> None:
        self.keep_text = keep_text
        self.spec, self.split, self.path, self.parts = spec, split, spec.path(split), parts
        self.tokenise = build_tokeniser(spec.tokeniser, spec.lowercase)
        self.template, self.prompted = spec.tokeniser.prompt, prompted_by(spec.tokeniser)
        self.labels = {name: i for i, name in enumerate(labels)}
        self.min_words = max(min_words, spec.min_length)
        self.ids = Hashes()
        self.paired: tuple[bool, int] | None = None  # whether rows have a query; the first's line

    def make(self, line: int, row: Row, number: int) -> Instance | str:
        """The instance of a row, or the reason to skip it; raises InputError for a mistake."""
        spec = self.spec
        name, label = self._name(line, row), self._class(line, row)
        text, query = self._text(line, row, "text") or "", self._text(line, row, "query")
        self._check_pairing(line, query)
        if self.template is not None and self.template.content == "prompt":
            self._check_unmarked(line, row)
            (text, _), query = self.template.filled(text, query), None
        joined = False
        tokens: Sequence[Token]
        asked: Sequence[Token] | None
        if self.prompted is not None:
            tokens, asked, around = self.prompted.cut(text, query)
            joined = around != self.prompted.around
        else:
            tokens = self._cut(line, text, max(spec.max_length, self.min_words))
            asked = None if query is None else self._cut(line, query, spec.max_query_length)
        flags = self._flags(line, row, "rationale", text, tokens)
        barred = self._flags(line, row, "impermissible", text, tokens)
        if not tokens:
            return "empty"
        words = tokens[-1].word + 1
        if words < self.min_words:
            return "one_word" if words == 1 else "too_short"
        if asked is not None and not asked:
            return "empty_query"
        if joined:
            return JOINED
        short_query = None if asked is None else cut(asked, spec.max_query_length)
        room = spec.max_length
        if short_query is not None and spec.max_pair_length is not None:
            room = min(room, max(0, spec.max_pair_length - len(short_query)))
        short = cut(tokens, room)
        truncated = len(short) < len(tokens) or len(short_query or ()) < len(asked or ())
        fits = bool(short) and short[-1].word + 1 >= self.min_words and short_query != []
        uncut = self.template is not None and self.template.content == "prompt"  # ends as it must
        if truncated and (spec.overlong == "skip" or uncut or not fits):
            return "too_long"
        return Instance(
            id=name,
            row=number,
            line=line,
            tokens=tuple([sys.intern(token.text) for token in short]),
            words=tuple([token.word for token in short]),
            label=label,
            query=None if short_query is None else tuple([sys.intern(t.text) for t in short_query]),
            rationale=None if flags is None else flags[: len(short)],
            impermissible=None if barred is None else barred[: len(short)],
            group=self._key(line, row, "group"),
            truncated=truncated,
            surface=_surface(text, short) if spec.tokeniser.cuts_words else None,
            text=text if self.keep_text else None,
        )

    def _cut(self, line: int, text: str, length: int) -> Sequence[Token]:
        """The tokens of a text: all of them, or so many that more than `length` are known to be."""
        try:
            return self.tokenise(text, length + 1)
        except ValueError as error:
            raise self._wrong(line, str(error), "simplify the tokeniser's pattern") from None

    def _wrong(self, line: int, what: str, hint: str | None = None) -> InputError:
        return InputError(what, where=self.path, line=line, hint=hint)

    def _value(self, line: int, row: Row, role: Role) -> tuple[str, object]:
        """The column of `role` and what the row has there; None where it may have nothing."""
        column = self.spec.fields.column(role)
        value = row.get(column)
        if value is None and self.spec.required(role):
            raise self._wrong(line, f"the field {column!r} is null")
        return column, value

    def _text(self, line: int, row: Row, role: Role) -> str | None:
        column, value = self._value(line, row, role)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(line, f"the field {column!r} is {value!r:.60}, not a string")
        return value

    def _key(self, line: int, row: Row, role: Role) -> str | None:
        """An id or a group, which may be a whole number; None where it is empty."""
        self._value(line, row, role)
        return key_of(self.spec, row, role, self.path, line)

    def _name(self, line: int, row: Row) -> str:
        name = self._key(line, row, "id") or str(line)
        if self.ids.add(name) and (first := self._line_of(name, line)) is not None:
            what = f"the id {name!r:.80} occurs twice"
            raise self._wrong(line, what, f"first on line {first}; give each row an id of its own")
        return name

    def _line_of(self, name: str, before: int) -> int | None:
        """The line of the row of that name, of those that stand before a line: read again."""
        with closing(_rows_of(self.spec, self.split, self.parts)) as rows:
            for line, row in rows:
                if line >= before:
                    break
                if (self._key(line, row, "id") or str(line)) == name:
                    return line
        return None

    def _class(self, line: int, row: Row) -> int:
        name = row_label(row, self.spec, self.path, line)
        if name not in self.labels:
            raise unknown_label(name, self.spec, self.labels, self.path, line)
        return self.labels[name]

    def _check_pairing(self, line: int, query: str | None) -> None:
        has = query is not None
        paired, first = self.paired = self.paired or (has, line)
        if has != paired:
            what = f"the row has {'a' if has else 'no'} query, unlike the row on line {first}"
            raise self._wrong(line, what, "give all rows a query, or no row")
        if self.template is None or has == (self.template.query is not None):
            return
        if has:
            what = f"the row has a query, but the prompt has no place for it: {QUERY}"
            raise self._wrong(line, what, f"put {QUERY} into the prompt")
        what = f"the row has no query, but the prompt has a place for one: {QUERY}"
        raise self._wrong(line, what, "name the `query` field in the data set's spec")

    def _check_unmarked(self, line: int, row: Row) -> None:
        """Marks are on words of a text, and there every word of the prompt is one to explain."""
        for role in MARKS:
            column, value = self._value(line, row, role)
            if value not in (None, ""):
                raise self._wrong(
                    line,
                    f"the field {column!r} marks words of the text, but with `content: prompt` all"
                    " words of the prompt are explained",
                    "write `content: text` into the prompt's file, or leave the field out",
                )

    def _flags(
        self, line: int, row: Row, role: Role, text: str, tokens: Sequence[Token]
    ) -> tuple[int, ...] | None:
        """What marks words, such as the rationale: one 0 or 1 a token."""
        column, value = self._value(line, row, role)
        if value is None or value == "":
            return None
        flags = _zeros_and_ones(value)
        if flags is None:
            what = f"the field {column!r} is not a list of 0 and 1"
            raise self._wrong(line, what, "give one for each token of the text (split at spaces)")
        wanted = len(text.split())
        if len(flags) != wanted:
            raise self._wrong(
                line,
                f"the field {column!r} has {len(flags)} entries, but the text has {wanted} tokens",
                "give one 0 or 1 for each token of the text (split at spaces)",
            )
        return align(flags, text, tokens)


def _zeros_and_ones(value: object) -> list[int] | None:
    """A list of 0/1, as JSON, as text that holds JSON, or as text with spaces; else None."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return None
        else:
            value = [{"0": 0, "1": 1}.get(flag) for flag in value.split()]
    if not isinstance(value, list) or any(flag not in (0, 1) for flag in value):
        return None
    return [int(flag) for flag in value]
