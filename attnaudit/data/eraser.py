"""Data in the form of ERASER: annotations that name spans of documents as evidence.

DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models", section 3. A file
holds an annotation a line, and the documents stand beside it: in a .jsonl file of `docid` and
`document`, or in a folder with a file for each document that has its docid as its name. Tokens are
what stands between spaces. An annotation has

* `annotation_id` and `classification`, the label;
* `evidences`: groups of spans, each with the `docid`, the `start_token` and the `end_token`, which
  does not belong to the span. All groups together are the rationale;
* `query`, and `docids` where there is no evidence.

Such a row becomes a row of text, label and rationale; its group is the document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import accumulate
from pathlib import Path

from attnaudit.data.json_rows import json_rows
from attnaudit.data.rows import LONGEST, LONGEST_NAME, Row, Rows
from attnaudit.errors import InputError
from attnaudit.inputs import open_input, opening, read_text
from attnaudit.measures.spool import Spool

_EXAMPLE = '{"annotation_id": ..., "classification": ..., "evidences": [[{"docid": ...}]]}'
_OF_DOCS = '{"docid": ..., "document": ...}'
_ABSENT = "write null for a missing number"
MOST_SPANS = 100_000  # of an annotation
Documents = Callable[[str], str]  # from a docid to its text; raises KeyError


def eraser_rows(path: Path, docs: Path, columns: Mapping[str, str]) -> Rows:
    """The annotations in `path` as rows, with the line of each; `docs` holds the documents.

    `columns` are the names that the row gives to text, label, id, group, rationale and, where it is
    named, query.

    Raises:
        InputError: a file cannot be read, or an annotation is wrong, named by its line.
    """
    document = _documents(docs)
    with closing(json_rows(path, _EXAMPLE, _ABSENT)) as rows:
        for line, row in rows:
            made = _Annotation(path, line, row).made(document, docs)
            yield line, {columns[role]: value for role, value in made.items() if role in columns}


def documents_sha256(docs: Path) -> str:
    """The SHA-256 of the documents: of the file, or of the names and contents in the folder."""
    digest = hashlib.sha256()
    with opening(docs):
        files = sorted(p for p in docs.iterdir() if p.is_file()) if docs.is_dir() else [docs]
    for file in files:
        digest.update(f"{file.name}\0".encode() if docs.is_dir() else b"")
        with open_input(file) as content, opening(file):
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _documents(docs: Path) -> Documents:
    if docs.is_dir():
        return lambda name: _of_folder(docs, name)
    spool, places = Spool(), dict[str, tuple[int, int]]()  # documents need not fit in memory
    with closing(json_rows(docs, _OF_DOCS)) as rows:
        for line, row in rows:
            name, text = row.get("docid"), row.get("document")
            if not isinstance(name, str) or not isinstance(text, str):
                what = "the row does not have `docid` and `document`, which are text"
                raise InputError(what, where=docs, line=line, hint=f"write {_OF_DOCS}")
            if name in places:
                what = f"the document {name!r:.80} occurs twice"
                raise InputError(what, where=docs, line=line)
            content = text.encode()
            places[name] = (spool.append(content), len(content))
    return lambda name: spool.read(*places[name]).decode()


def _of_folder(docs: Path, name: str) -> str:
    """The document of a file in the folder, and of no other file."""
    path = docs / name
    if Path(name).name != name or not path.is_file():
        raise KeyError(name)
    return read_text(path, LONGEST)


class _Annotation:
    """A row of an ERASER file; what is wrong with it is an InputError."""

    def __init__(self, path: Path, line: int, row: Row) -> None:
        self.path, self.line, self.row = path, line, row

    def made(self, document: Documents, docs: Path) -> Row:
        """What the row says, by role."""
        spans = self._spans()
        name = self._docid(spans)
        try:
            text = document(name)
        except KeyError:
            raise self._wrong(f"there is no document {name!r:.80} in {docs}") from None
        made: Row = {
            "id": self._text("annotation_id"),
            "text": text,
            "label": self._text("classification"),
            "group": name,
        }
        if self.row.get("query") is not None:
            made["query"] = self._text("query")
        if spans is not None:
            made["rationale"] = self._flags(spans, len(text.split()))
        return made

    def _text(self, field: str) -> str:
        value = self.row.get(field)
        if not isinstance(value, str):
            what = f"the field {field!r} is missing" if value is None else f"{field!r} is no text"
            raise self._wrong(what, f"write {_EXAMPLE}")
        return value

    def _spans(self) -> list[Row] | None:
        """The spans of all groups of evidence; None for a row that says nothing of evidence."""
        groups = self.row.get("evidences")
        if groups is None:
            return None
        spans: list[Row] = []
        for group in groups if isinstance(groups, list) else [None]:
            for span in group if isinstance(group, list) else [None]:
                if not isinstance(span, dict):
                    what = "the field 'evidences' is no list of lists of spans"
                    raise self._wrong(what, f"write {_EXAMPLE}")
                spans.append(span)
        if len(spans) > MOST_SPANS:
            raise self._wrong(f"the field 'evidences' has more than {MOST_SPANS:,} spans")
        return spans

    def _docid(self, spans: list[Row] | None) -> str:
        """The document that the annotation is about; there must be one."""
        listed = self.row.get("docids")
        names = [span.get("docid") for span in spans or ()]
        names += listed if isinstance(listed, list) else []
        if not all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in names):
            raise self._wrong("a docid is no short text")
        known = {str(name) for name in names}
        if len(known) > 1:
            what = f"it is about {len(known)} documents, and a text here is one document"
            raise self._wrong(what, "join them, and name the joined document")
        return known.pop() if known else self._text("annotation_id")

    def _flags(self, spans: list[Row], tokens: int) -> list[int]:
        """0 or 1 for each token of the document."""
        steps = [0] * (tokens + 1)  # by how many more spans, or fewer, a token is covered
        for span in spans:
            start, end = span.get("start_token"), span.get("end_token")
            if type(start) is not int or type(end) is not int or not 0 <= start < end <= tokens:
                what = f"the evidence from token {start!r:.20} to {end!r:.20} lies beyond the"
                raise self._wrong(f"{what} {tokens:,} tokens of the document")
            steps[start] += 1
            steps[end] -= 1
        return [int(covered > 0) for covered in accumulate(steps[:-1])]

    def _wrong(self, what: str, hint: str | None = None) -> InputError:
        return InputError(what, where=self.path, line=self.line, hint=hint)
