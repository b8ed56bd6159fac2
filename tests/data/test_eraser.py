"""Annotations in the form of ERASER, read as rows."""

from __future__ import annotations

import json

import pytest

from attnaudit.data.loading import load_dataset, splits_of
from attnaudit.data.spec import load_spec
from attnaudit.data.written import spec_text
from attnaudit.errors import InputError

DOCS = {"d1": "a fine film\nwith no plot", "d2": "so bad . so long ."}


def span(docid, start, end):
    return {"docid": docid, "start_token": start, "end_token": end, "text": "never read"}


ROWS = [
    {
        "annotation_id": "one",
        "classification": "POS",
        "query": "Is it good ?",
        "evidences": [[span("d1", 1, 3)], [span("d1", 2, 4), span("d1", 5, 6)]],
    },
    {"annotation_id": "two", "classification": "NEG", "evidences": [], "docids": ["d2"]},
    {"annotation_id": "d2", "classification": "NEG", "evidences": None},
]


@pytest.fixture
def data(tmp_path):
    """Write annotations with their documents, and a spec."""

    def write(rows=ROWS, folder=False, docs=DOCS, spec=""):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "test.jsonl").write_text(lines)
        if folder:
            (tmp_path / "docs").mkdir(exist_ok=True)
            for name, text in docs.items():
                (tmp_path / "docs" / name).write_text(text)
        else:
            lines = "".join(json.dumps({"docid": d, "document": t}) + "\n" for d, t in docs.items())
            (tmp_path / "docs.jsonl").write_text(lines)
        named = "docs" if folder else "docs.jsonl"
        path = tmp_path / "data.yaml"
        path.write_text(f"test: test.jsonl\ndocs: {named}\n{spec}")
        return path

    return write


def loaded(path, **more):
    return load_dataset(load_spec(path), "test", **more)


@pytest.mark.parametrize("folder", [False, True])
def test_evidence_becomes_a_rationale(data, folder):
    found = loaded(data(folder=folder))
    assert found.labels == ("NEG", "POS")
    one, two, three = found.instances
    assert (one.id, one.label, one.group, one.query) == ("one", 1, "d1", None)
    assert one.tokens == ("a", "fine", "film", "with", "no", "plot")
    assert one.rationale == (0, 1, 1, 1, 0, 1)  # all groups; the end does not belong to a span
    assert (two.id, two.group, two.rationale) == ("two", "d2", (0,) * 6)
    assert (three.id, three.group, three.rationale) == ("d2", "d2", None)


def test_a_query_is_read_where_it_is_named(data):
    rows = [{**row, "query": f"is it {k} ?"} for k, row in enumerate(ROWS)]
    found = loaded(data(rows, spec="fields: {query: query}\n"))
    assert [i.query for i in found.instances] == [("is", "it", str(k), "?") for k in range(3)]


def test_other_documents_are_other_data(data):
    digests = {
        loaded(data(docs=docs, folder=folder)).sha256
        for docs in (DOCS, {**DOCS, "d2": "so good ."})
        for folder in (False, True)
    }
    assert len(digests) == 4
    assert loaded(data()).sha256 == loaded(data()).sha256


def test_a_spec_that_is_written_reads_the_same(data, tmp_path):
    path = data()
    again, spec = tmp_path / "again.yaml", load_spec(path)
    again.write_text(spec_text(spec, ("NEG", "POS"), splits_of(spec), tmp_path))
    assert "docs: docs.jsonl" in again.read_text()
    ours, theirs = loaded(path), loaded(again)
    assert [*ours.instances] == [*theirs.instances]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"evidences": [[span("d1", 4, 7)]]}, "from token 4 to 7 lies beyond the 6 tokens"),
        ({"evidences": [[span("d1", -1, -1)]]}, "from token -1 to -1 lies beyond"),
        ({"evidences": [[span("d1", 2, 2)]]}, "from token 2 to 2 lies beyond"),
        ({"evidences": [[span("d1", True, 2)]]}, "lies beyond"),
        ({"evidences": [[span("gone", 0, 1)]]}, "there is no document 'gone' in"),
        ({"evidences": [[span("../data.yaml", 0, 1)]]}, "there is no document '../data.yaml' in"),
        ({"evidences": [[span("d1", 0, 1), span("d2", 0, 1)]]}, "it is about 2 documents"),
        ({"evidences": [[span(7, 0, 1)]]}, "a docid is no short text"),
        ({"evidences": [span("d1", 0, 1)]}, "'evidences' is no list of lists of spans"),
        ({"evidences": 3}, "'evidences' is no list of lists of spans"),
        ({"classification": None}, "the field 'classification' is missing"),
        ({"annotation_id": 7}, "'annotation_id' is no text"),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_mistakes_name_their_line(data, change, says, folder):
    with pytest.raises(InputError, match=r"test\.jsonl:1: ") as caught:
        loaded(data([{**ROWS[0], **change}], folder=folder))
    assert says in str(caught.value)


def test_documents_are_checked(data, tmp_path):
    path = data()
    file = tmp_path / "docs.jsonl"
    for line, says in (
        ({"docid": "d1", "document": "b"}, "docs.jsonl:3: the document 'd1' occurs twice"),
        ({"docid": 1, "document": "b"}, "docs.jsonl:3: the row does not have `docid`"),
    ):
        before = file.read_text()
        file.write_text(before + json.dumps(line) + "\n")
        with pytest.raises(InputError) as caught:
            loaded(path)
        assert says in str(caught.value)
        file.write_text(before)
    file.unlink()
    with pytest.raises(InputError, match="no such file"):
        loaded(path)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("test: test.csv\ndocs: docs.jsonl\n", "'test.csv' is no .jsonl file, and with `docs`"),
        ("hub: a/b\ndocs: docs.jsonl\n", "`docs` goes with files of annotations"),
    ],
)
def test_docs_go_with_annotations(tmp_path, spec, says):
    (tmp_path / "test.csv").write_text("text,label\na,b\n")
    path = tmp_path / "data.yaml"
    path.write_text(spec)
    with pytest.raises(InputError) as caught:
        load_spec(path)
    assert says in str(caught.value)
