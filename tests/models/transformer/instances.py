"""Instances of texts as a transformer's tokenizer cuts them up."""

from __future__ import annotations

from attnaudit.data.instance import Instance


def instance_of(text, tokenise, row, query=None):
    """The instance in a row of a data set, of the first class."""
    tokens, asked = tokenise(text), None if query is None else tokenise(query)
    return Instance(
        id=str(row),
        row=row,
        line=row + 1,
        tokens=tuple(t.text for t in tokens),
        words=tuple(t.word for t in tokens),
        label=0,
        query=None if asked is None else tuple(t.text for t in asked),
        rationale=None,
        group=None,
        truncated=False,
    )
