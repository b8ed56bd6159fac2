"""Texts that may have several labels, or none: how rows say so, and how one is asked about."""

from __future__ import annotations

import json

import pytest

from attnaudit.data.check import check_dataset, remarks, spec_read, to_tables
from attnaudit.data.loading import load_dataset
from attnaudit.data.several import asked_about, has_several
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError

NAMES = ("toxic", "insult", "threat")
TEXTS = ("a good film", "the bad film", "good and bad", "bad bad film")
HAVE = (["toxic"], [], ["insult", "toxic"], ["insult"])
YES = [1, 0, 1, 0]  # of toxic


def lines(labels, **more):
    return "".join(
        json.dumps({"text": text, "label": label, **more}) + "\n"
        for text, label in zip(TEXTS, labels, strict=False)
    )


@pytest.fixture
def spec(tmp_path):
    """A spec of some rows, as text of a file of some kind, and of what else it says."""

    def make(rows, says="", ending="jsonl"):
        (tmp_path / f"rows.{ending}").write_text(rows)
        (tmp_path / "data.yaml").write_text(f"file: rows.{ending}\n{says}")
        return load_spec(tmp_path / "data.yaml")

    return make


def answers(spec, label="toxic", labels=NAMES):
    """The classes of the texts for a model of these labels."""
    seen = asked_about(spec, spec.path("all"), labels, label)
    return load_dataset(seen, labels=(f"not {label}", label))


SEPARATED = "text,label\n" + "".join(
    f"{t},{' ; '.join(h)}\n" for t, h in zip(TEXTS, HAVE, strict=True)
)
COLUMNS = "text,toxic,insult,threat\n" + "".join(
    f"{t},{','.join(str(int(n in h)) for n in NAMES)}\n" for t, h in zip(TEXTS, HAVE, strict=True)
)


@pytest.mark.parametrize(
    ("rows", "says", "ending"),
    [
        (lines(HAVE), "", "jsonl"),
        (
            lines([[NAMES.index(n) for n in have] for have in HAVE]),
            "labels: {0: toxic, 1: insult, 2: threat}\n",
            "jsonl",
        ),
        (lines([["toxic"], [], ["insult", "toxic"], "insult"]), "", "jsonl"),
        (SEPARATED, "label_separator: ;\n", "csv"),
        (COLUMNS, "label_columns: [toxic, insult, threat]\n", "csv"),
        (
            COLUMNS.replace("1", "True").replace("0", "0.0"),
            "label_columns: [toxic, insult, threat]\n",
            "csv",
        ),
        (
            COLUMNS.replace("toxic,insult,threat", "t,i,h"),
            "label_columns: [t, i, h]\nlabels: {t: toxic, i: insult, h: threat}\n",
            "csv",
        ),
    ],
    ids=["names", "ids", "a name alone", "separated", "columns", "spellings", "named columns"],
)
def test_all_ways_to_say_it(spec, rows, says, ending):
    made = spec(rows, says, ending)
    data = answers(made)
    assert data.labels == ("not toxic", "toxic")
    assert [instance.label for instance in data.instances] == YES
    assert (dict(data.having), data.unlabelled) == ({"toxic": 2, "insult": 2}, 1)
    assert [i.label for i in answers(made, "threat").instances] == [0, 0, 0, 0]


def test_names_are_matched_as_those_of_classes_are(spec):
    made = spec(lines([["TOXIC"], [], ["Insult", "TOXIC"], ["Insult"]]))
    assert [i.label for i in answers(made).instances] == YES
    nameless = ("LABEL_0", "LABEL_1", "LABEL_2")
    numbers = spec(lines([[0], [], [1, 0], [1]]))
    assert [i.label for i in answers(numbers, "LABEL_0", nameless).instances] == YES
    with pytest.raises(InputError, match="the labels '0', '1' are numbers, but the model's clas"):
        answers(numbers)


def test_a_yes_no_data_set_of_one_label_will_do(spec):
    made = spec(lines(["toxic", "not toxic", "toxic", "not toxic"]))
    assert asked_about(made, made.path("all"), NAMES, "toxic") is made
    assert [i.label for i in answers(made).instances] == YES


@pytest.mark.parametrize(
    ("rows", "says", "ending", "complaint"),
    [
        (lines([["toxc"], []]), "", "jsonl", "the labels 'toxc' are not the model's"),
        (
            lines([["toxc"], []]),
            "labels: [toxic, insult]\n",
            "jsonl",
            "rows.jsonl:1: the label 'toxc' is not known; did you mean 'toxic'",
        ),
        (
            lines([[1, 0, 0], []]),
            "labels: {0: toxic, 1: insult}\n",
            "jsonl",
            "rows.jsonl:1: the field 'label' has the label 'toxic' twice; .*`label_columns`",
        ),
        (lines([[None]]), "", "jsonl", "rows.jsonl:1: the label None is neither"),
        (
            lines(["toxic", "fine"]),
            "",
            "jsonl",
            "the labels 'fine', 'toxic' are not the model's, 'not toxic', 'toxic'; if a text may",
        ),
        (
            COLUMNS.replace(",1", ",2"),
            "label_columns: [toxic]\n",
            "csv",
            "rows.csv:2: the field 'toxic' is '2', not 0 or 1",
        ),
        (COLUMNS, "label_columns: [toxik]\n", "csv", "the field 'toxik' is missing; did you mean"),
    ],
)
def test_mistakes_in_rows(spec, rows, says, ending, complaint):
    with pytest.raises(InputError, match=complaint):
        answers(spec(rows, says, ending))


@pytest.mark.parametrize(
    ("says", "complaint"),
    [
        ("label_separator: ''\n", "label_separator"),
        ("label_columns: []\n", "label_columns"),
        ("label_columns: [a, a]\n", "names a column twice"),
        ("label_columns: [a]\nlabel_separator: ;\n", "is for one field"),
        ("label_columns: [a]\nfields: {label: b}\n", "give either `label_columns` or the field"),
    ],
)
def test_mistakes_in_a_spec(spec, says, complaint):
    with pytest.raises(InputError, match=complaint):
        spec(lines(HAVE), says)


def test_where_one_class_is_needed_a_list_is_refused(spec):
    with pytest.raises(InputError, match=r"rows.jsonl:1: the text has a list of labels, but one"):
        load_dataset(spec(lines(HAVE)))
    with pytest.raises(InputError, match="yes/no data set of each label; or, to audit a model"):
        load_dataset(spec(COLUMNS, "label_columns: [toxic, insult]\n", "csv"))


def test_a_check_counts_each_label(spec, tmp_path):
    made = spec(lines(HAVE))
    assert has_several(made, made.path("all"))
    reports = check_dataset(made)
    assert reports[0].labels == {"insult": 2, "toxic": 2}
    table = to_tables(reports, remarks(made, reports))[1]
    assert [row[:2] for row in table.rows] == [("insult", 2), ("toxic", 2), ("(no label)", 1)]
    assert "--label" in table.notes[0]


@pytest.mark.parametrize(
    ("rows", "says", "ending"),
    [
        (SEPARATED, "label_separator: ;\n", "csv"),
        (COLUMNS, "label_columns: [toxic, insult, threat]\n", "csv"),
    ],
)
def test_the_spec_that_a_check_prints_reads_the_same(spec, tmp_path, rows, says, ending):
    made = spec(rows, says, ending)
    (tmp_path / "again.yaml").write_text(spec_read(made, check_dataset(made), tmp_path))
    again = load_spec(tmp_path / "again.yaml")
    assert [i.label for i in answers(again, "insult", again.labels).instances] == [0, 0, 1, 1]


def test_one_file_is_split_alike_for_every_label(spec):
    """Rare labels would otherwise have other texts, or too few."""
    rows = "".join(
        json.dumps({"text": f"good film {n}", "label": ["toxic"] if n == 3 else []}) + "\n"
        for n in range(40)
    )
    made = spec(rows, "split: 80/10/10\nlabels: [toxic, insult]\n")
    seen = [asked_about(made, made.path("train"), NAMES[:2], name) for name in NAMES[:2]]
    first, second = (load_dataset(one, "train", labels=one.labels) for one in seen)
    assert [i.id for i in first.instances] == [i.id for i in second.instances]
    assert first.cut is not None
    assert first.cut.facts["by_label"] is False
    assert "by label" not in first.cut.words


def test_classes_of_a_list_have_their_names(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    classes = {"feature": {"names": list(NAMES), "_type": "ClassLabel"}, "_type": "Sequence"}
    told = json.dumps({"info": {"features": {"label": classes}}})
    table = pa.table({"text": list(TEXTS), "label": [[0], [], [1, 0], [1]]})
    parquet.write_table(
        table.replace_schema_metadata({"huggingface": told}), tmp_path / "a.parquet"
    )
    made = load_spec(tmp_path / "a.parquet")
    assert [i.label for i in answers(made).instances] == YES
