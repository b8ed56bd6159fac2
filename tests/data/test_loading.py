from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.instance import Instance
from attnaudit.data.loading import cut, default_split, load_dataset, splits_of
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.data.tokenise import Token, TokeniserSettings
from attnaudit.errors import InputError

REAL = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the shared real data are not here")


def jsonl(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(text="a b c", label="x", **others):
    return {"text": text, "label": label, **others}


PAIR = [row(), row("d e", "y")]


@pytest.fixture
def load(tmp_path):
    """Loads rows from a bare file; `spec` are the keys of the spec, the others of the call."""

    def read(rows, spec=None, split=None, **call):
        path = jsonl(tmp_path / "a.jsonl", rows)
        return load_dataset(DatasetSpec(file=path, **(spec or {})), split, **call)

    return read


@pytest.fixture
def complaint(load, tmp_path):
    def read(*args, **kwargs):
        with pytest.raises(InputError) as caught:
            load(*args, **kwargs)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(str(tmp_path / "a.jsonl"))

    return read


def test_an_instance_says_all_that_its_row_says(load):
    rows = [
        row("", "y", id="none"),
        row("A b", "x", id=7, query="q r s", rationale=[0, 1], group="g"),
        row("c", "y", query="q", rationale=[1], group=3),
    ]
    rows[0]["query"] = "q"
    data = load(rows, {"lowercase": True})
    assert data.instances == [
        Instance("7", 0, 2, ("a", "b"), (0, 1), 0, ("q", "r", "s"), (0, 1), "g", False),
        Instance("3", 1, 3, ("c",), (0,), 1, ("q",), (1,), "3", False),
    ]
    assert (data.labels, data.split, data.partial) == (("x", "y"), "all", False)
    assert (data.skipped, data.truncated) == ({"empty": 1}, 0)


def test_the_hash_is_of_the_whole_file(load):
    data = load(PAIR, limit=1)
    assert data.sha256 == hashlib.sha256(data.path.read_bytes()).hexdigest()


def test_a_limit_that_cuts_nothing_is_not_partial(load):
    assert [i.tokens for i in load(PAIR, limit=1).instances] == [("a", "b", "c")]
    assert load(PAIR, limit=1).partial
    assert not load(PAIR, limit=2).partial
    assert not load(PAIR).partial


def test_labels_come_from_all_rows_even_under_a_limit(load):
    assert load(PAIR, limit=1).labels == ("x", "y")


def test_the_model_s_order_of_labels_wins(load):
    data = load(PAIR, {"labels": ("x", "y")}, labels=("y", "x"))
    assert data.labels == ("y", "x")
    assert [i.label for i in data.instances] == [1, 0]


def test_rows_without_use_are_counted_by_reason(load):
    rows = [row(""), row(" \t"), row("a"), row("a b"), row("a b c", "y"), row("a b c")]
    data = load(rows, {"min_length": 3})
    assert data.skipped == {"empty": 2, "one_word": 1, "too_short": 1}
    assert [(i.row, i.line) for i in data.instances] == [(0, 5), (1, 6)]
    assert load(rows, {"labels": ("x", "y")}, min_words=2).skipped == {"empty": 2, "one_word": 1}


def test_long_rows_are_cut_or_skipped(load):
    rows = [row("a b c d", rationale=[0, 0, 1, 1]), row("a b", "y")]
    cut_short = load(rows, {"max_length": 3})
    assert cut_short.instances[0].tokens == ("a", "b", "c")
    assert cut_short.instances[0].rationale == (0, 0, 1)
    assert cut_short.truncated == 1
    assert [i.truncated for i in cut_short.instances] == [True, False]
    skipped = load(rows, {"max_length": 3, "overlong": "skip"})
    assert (skipped.skipped, skipped.truncated) == ({"too_long": 1}, 0)


def test_queries_have_a_length_of_their_own(load):
    rows = [row("a b c", query="q r s"), row("a", "y", query="q")]
    cut_short = load(rows, {"max_query_length": 2})
    assert [i.query for i in cut_short.instances] == [("q", "r"), ("q",)]
    assert [i.truncated for i in cut_short.instances] == [True, False]
    assert load(rows, {"max_query_length": 2, "overlong": "skip"}).skipped == {"too_long": 1}


def test_a_pair_shares_what_a_model_reads_at_once(load):
    rows = [row("a b c d", query="q r s"), row("a b c", "y", query="q"), row("a", query="q")]
    data = load(rows, {"max_pair_length": 4, "max_query_length": 2})
    assert [i.query for i in data.instances] == [("q", "r"), ("q",), ("q",)]
    assert [i.tokens for i in data.instances] == [("a", "b"), ("a", "b", "c"), ("a",)]
    assert [i.truncated for i in data.instances] == [True, False, False]
    assert data.truncated == 1
    alone = [row("a b c d e"), row("a", "y")]
    assert load(alone, {"max_pair_length": 4}).instances[0].tokens == tuple("abcde")
    assert load(rows, {"max_pair_length": 3}).skipped == {"too_long": 1}


def test_an_empty_query_is_a_reason_to_skip(load):
    assert load(
        [row(query=" "), *(row(query="q") for _ in "ab"), row("d", "y", query="q")]
    ).skipped == {"empty_query": 1}


@given(
    st.lists(st.integers(1, 4), max_size=12),
    st.integers(1, 20),
)
def test_cutting_never_splits_a_word(sizes, length):
    tokens = [Token("t", 0, 1, word) for word, size in enumerate(sizes) for _ in range(size)]
    short = cut(tokens, length)
    whole = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    assert list(short) == tokens[: max(n for n in whole if n <= length)]


def test_a_first_word_that_does_not_fit_leaves_nothing_to_use(load):
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##a": 2}, unk_token="[UNK]"))
    pieces.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    spec = {"tokeniser": TokeniserSettings(content=pieces.to_str()), "max_length": 3}
    data = load([row("aaaa"), row("aa aa", rationale=[0, 1]), row("a", "y")], spec)
    assert data.skipped == {"too_long": 1}
    assert [(i.tokens, i.words, i.rationale) for i in data.instances] == [
        (("a", "##a"), (0, 0), (0, 0)),
        (("a",), (0,), None),
    ]


@pytest.mark.parametrize("flags", [[0, 1, 1], "0 1 1", "[0, 1, 1]", [False, True, True]])
def test_rationales_come_in_several_forms(load, flags):
    assert load([row(rationale=flags), row("d", "y")]).instances[0].rationale == (0, 1, 1)


def test_rationales_follow_the_characters_to_other_tokens(load):
    spec = {"tokeniser": TokeniserSettings(regex=r"\w+|\W")}
    data = load([row("a, b", rationale=[1, 0]), row("c", "y")], spec)
    assert data.instances[0].tokens == ("a", ",", " ", "b")
    assert data.instances[0].rationale == (1, 1, 0, 0)


def test_what_is_null_or_empty_is_not_said(load):
    rows = [row(id="", group="", rationale="", query=None), row("d", "y", id=None, group=None)]
    first = load(rows).instances[0]
    assert (first.id, first.group, first.rationale, first.query) == ("1", None, None, None)


def test_csv_and_jsonl_give_the_same_instances(load, tmp_path):
    rows = [row("a b", "1", id="i", query="q", rationale="0 1", group="g")]
    rows += [row('say "b"\nc', "2", id="j", query="r", rationale="1 1 0", group="")]
    expected = load(rows).instances
    path = tmp_path / "a.tsv"
    cells = ['"' + '"\t"'.join(v.replace('"', '""') for v in r.values()) + '"' for r in rows]
    path.write_text("\t".join(rows[0]) + "\n" + "\n".join(cells), encoding="utf-8")
    found = load_dataset(load_spec(path)).instances
    assert [i.line for i in found] == [2, 3]
    assert [replace(i, line=i.row + 1) for i in found] == expected


@pytest.mark.parametrize(
    ("rows", "spec", "expected"),
    [
        (
            [*PAIR, row(label="z")],
            {"labels": ("xx", "y")},
            ":1: the label 'x' is not known; did",
        ),
        ([row(), row(label=None)], {}, ":2: the label None is neither a name nor a whole number"),
        ([row(), row(label=0.5)], {}, ":2: the label 0.5 is neither a name nor a whole number"),
        (
            [row(), row()],
            {},
            ": all rows have the label 'x', but a classifier needs at least two labels",
        ),
        ([row(id="i"), row(label="y", id="i")], {}, ":2: the id 'i' occurs twice; first on line 1"),
        ([row(), row(label="y", id="1")], {}, ":2: the id '1' occurs twice; first on line 1"),
        ([row(id=1.5), PAIR[1]], {}, ":1: the field 'id' is 1.5, not a string or a whole number"),
        ([row(group=True), PAIR[1]], {}, ":1: the field 'group' is True, not a string or a whole"),
        ([row(3), PAIR[1]], {}, ":1: the field 'text' is 3, not a string"),
        ([row(None), PAIR[1]], {}, ":1: the field 'text' is null"),
        ([row(query=["q"]), PAIR[1]], {}, ":1: the field 'query' is ['q'], not a string"),
        ([row(query="q"), PAIR[1]], {}, ":2: the row has no query, unlike the row on line 1"),
        (
            [row(), row("d", "y", query="q")],
            {},
            ":2: the row has a query, unlike the row on line 1",
        ),
        (
            [row(rationale=[1]), PAIR[1]],
            {},
            ":1: the field 'rationale' has 1 entries, but the text has 3 tok",
        ),
        (
            [row(rationale=[0, 1, 2]), PAIR[1]],
            {},
            ":1: the field 'rationale' is not a list of 0 and 1",
        ),
        (
            [row(rationale="0 1 x"), PAIR[1]],
            {},
            ":1: the field 'rationale' is not a list of 0 and 1",
        ),
        (
            [row(rationale="[0, 1"), PAIR[1]],
            {},
            ":1: the field 'rationale' is not a list of 0 and 1",
        ),
        ([row(rationale=3), PAIR[1]], {}, ":1: the field 'rationale' is not a list of 0 and 1"),
        ([{"text": "a"}], {}, ":1: the field 'label' is missing; known: 'text'"),
        (
            [row(""), row("a", "y")],
            {"min_length": 2},
            ": no usable row in split 'all' (2 skipped: 1 em",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(complaint, rows, spec, expected):
    assert complaint(rows, spec).startswith(expected)


def test_a_column_that_the_spec_names_must_be_there(load, tmp_path):
    jsonl(tmp_path / "a.jsonl", PAIR)
    (tmp_path / "a.yaml").write_text("file: a.jsonl\nfields: {group: patient}")
    with pytest.raises(InputError, match=r"a.jsonl:1: the field 'patient' is missing"):
        load_dataset(load_spec(tmp_path / "a.yaml"))
    jsonl(tmp_path / "a.jsonl", [row(patient=None), row("d", "y", patient=None)])
    with pytest.raises(InputError, match=r"a.jsonl:1: the field 'patient' is null"):
        load_dataset(load_spec(tmp_path / "a.yaml"))


def test_a_bare_file_needs_the_model_s_query_and_not_its_rationale(tmp_path):
    (tmp_path / "a.yaml").write_text("file: a.jsonl\nfields: {query: q, rationale: why}")
    model = load_spec(tmp_path / "a.yaml").reading()
    path = jsonl(tmp_path / "b.jsonl", [row(q="r"), row("d", "y", q="s")])
    assert load_dataset(load_spec(path, model)).instances[0].query == ("r",)
    jsonl(path, PAIR)
    with pytest.raises(InputError, match=r"b.jsonl:1: the field 'q' is missing"):
        load_dataset(load_spec(path, model))


SPLIT = [row("a", split="train"), row("b", "y", split="dev"), row("c", split="dev", label="x")]


def test_rows_of_other_splits_are_left_out(load):
    data = load([*SPLIT, row("", split="train")], split="dev")
    assert [i.tokens for i in data.instances] == [("b",), ("c",)]
    assert [i.row for i in data.instances] == [0, 1]
    assert (data.split, data.skipped) == ("dev", {})
    assert len(load(SPLIT, split="all").instances) == 3


def test_ids_may_recur_in_another_split(load):
    rows = [r | {"id": i} for i, r in zip("aab", SPLIT, strict=True)]
    assert len(load(rows, split="dev").instances) == 2


def test_the_split_to_audit_is_test_then_dev_then_all(load, tmp_path):
    assert load(SPLIT).split == "dev"
    assert load([*SPLIT, row("d", "y", split="test")]).split == "test"
    assert load(PAIR).split == "all"
    assert load([r | {"split": "train"} for r in PAIR]).split == "all"
    one = tmp_path / "a.csv"
    assert default_split(DatasetSpec(train=one, dev=one, test=one)) == "test"
    assert default_split(DatasetSpec(train=one, dev=one)) == "dev"
    assert default_split(DatasetSpec(train=one)) == "train"


def test_splits_are_the_spec_s_or_those_that_rows_name(tmp_path):
    path = jsonl(
        tmp_path / "a.jsonl", [row(split=s) for s in ("test", "b", "train", "a", "test", 3)]
    )
    assert splits_of(DatasetSpec(file=path)) == ("train", "test", "3", "a", "b")
    assert splits_of(DatasetSpec(train=path, test=path)) == ("train", "test")


def test_splits_that_are_not_there_are_named(complaint, tmp_path):
    assert complaint(SPLIT, split="tran").startswith(
        ": no row belongs to the split 'tran'; did you mean 'train'"
    )
    assert complaint(PAIR, split="dev").startswith(
        ":1: the row does not say to which split it belongs"
    )
    with pytest.raises(InputError, match="has no split 'all'; known: 'train'"):
        load_dataset(DatasetSpec(train=tmp_path / "a.jsonl"), "all")


@real
def test_sst_under_the_papers_length_filter():
    # Jain & Wallace's table has 863/862: their file holds one positive sentence fewer.
    spec = DatasetSpec(file=REAL / "sst2_jw" / "test.jsonl", min_length=6)
    data = load_dataset(spec, labels=("negative", "positive"), min_words=2)
    assert Counter(i.label for i in data.instances) == {0: 863, 1: 863}
    assert sum(data.skipped.values()) == 1821 - 1726


@real
def test_babi_supporting_facts_are_whole_sentences():
    data = load_dataset(DatasetSpec(file=REAL / "babi1" / "test.jsonl"))
    assert len(data.instances) == 1000
    for instance in data.instances:
        flagged = [
            t for t, flag in zip(instance.tokens, instance.rationale or (), strict=True) if flag
        ]
        assert flagged[-1] == "."
        assert instance.query is not None
        assert instance.query[-2] in flagged  # the person asked about
        assert data.labels[instance.label] in flagged  # the place answered


def test_words_of_pieces_are_shown_as_the_text_has_them(tmp_path):
    """A tokenizer.json lowers and cuts them; a plain tokeniser's tokens are the words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {"[UNK]": 0, "un": 1, "##fair": 2, "tests": 3, "!": 4}
    pieces = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    pieces.normalizer, pieces.pre_tokenizer = (
        normalizers.Lowercase(),
        pre_tokenizers.BertPreTokenizer(),
    )
    pieces.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "a.jsonl").write_text(
        '{"text": " Unfair  TESTS!", "label": 0}\n{"text": "Tests unfair tests", "label": 1}\n'
    )
    spec = tmp_path / "a.yaml"
    spec.write_text("file: a.jsonl\ntokeniser: {file: tokenizer.json}\nmax_length: 3\n")
    first, second = load_dataset(load_spec(spec)).instances
    assert first.tokens == ("un", "##fair", "tests")
    assert first.units(pieces=False) == ["Unfair", "TESTS"]
    assert first.units(pieces=True) == ["un", "##fair", "tests"]
    assert second.units(pieces=False) == ["Tests", "unfair"]
    spec.write_text("file: a.jsonl\nlowercase: true\n")
    assert load_dataset(load_spec(spec)).instances[0].units(pieces=False) == ["unfair", "tests!"]


@pytest.mark.parametrize("field", ["id", "group"])
def test_names_are_short(tmp_path, field):
    path = tmp_path / "a.jsonl"
    row = {"text": "a b", "label": "x", field: "n" * 1001}
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError) as caught:
        load_dataset(load_spec(path), labels=["x", "y"])
    assert str(caught.value) == (
        f"{path}:1: the field '{field}' has 1,001 characters, more than 1,000; ids and groups "
        "must be short names"
    )


@pytest.mark.parametrize("split", [["a"], 1.5, True, "s" * 1001])
def test_a_split_is_a_name(tmp_path, split):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "a b", "label": "x", "split": split}) + "\n")
    with pytest.raises(
        InputError, match=r"a.jsonl:1: the field 'split' is .*, which is not the name"
    ):
        splits_of(load_spec(path))


def test_more_splits_than_anybody_has(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"split": f"s{i}"}) + "\n" for i in range(1002)))
    with pytest.raises(InputError, match=r"a.jsonl:1001: the field 'split' has more than 1,000"):
        splits_of(load_spec(path))


def test_a_pattern_that_takes_too_long_is_named_with_the_row(tmp_path, monkeypatch):
    monkeypatch.setattr("attnaudit.data.pattern.SECONDS", 0.2)
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text": "a b", "label": "x"})
        + "\n"
        + json.dumps({"text": "x" * 5000 + "yz", "label": "x"})
    )
    (tmp_path / "d.yaml").write_text(
        "file: a.jsonl\nlabels: [x, y]\ntokeniser: {regex: '(x+x+)+(?=y)z|[ab]'}\n"
    )
    with pytest.raises(InputError) as caught:
        load_dataset(load_spec(tmp_path / "d.yaml"))
    assert str(caught.value) == (
        f"{tmp_path}/a.jsonl:2: the pattern '(x+x+)+(?=y)z|[ab]' takes more than 0.2 s on one text"
        " of 5,002 characters; simplify the tokeniser's pattern"
    )


def test_what_is_cut_off_a_long_text_is_not_kept(tmp_path):
    """Eight million tokens would take a gigabyte."""
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "a " * (4 * 10**6), "label": "x"}))
    tracemalloc.start()
    data = load_dataset(load_spec(path), labels=["x", "y"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.truncated == 1
    assert len(data.instances[0].tokens) == 4096
    assert peak < 100 * 2**20


@pytest.mark.parametrize("name", ["max_length", "max_query_length", "max_pair_length"])
def test_lengths_without_bounds_are_refused(tmp_path, name):
    (tmp_path / "d.yaml").write_text(f"file: a.jsonl\n{name}: 1000000000000\n")
    with pytest.raises(InputError, match=rf"d.yaml:2: {name}: should be less than or equal to"):
        load_spec(tmp_path / "d.yaml")


def test_rows_may_call_splits_by_other_names(load, complaint):
    rows = [row("a", split="Training"), row("b", "y", split="validation"), row("c", split="eval")]
    assert [i.tokens for i in load(rows, split="val", labels=("x", "y")).instances] == [("b",)]
    data = load(rows, labels=("x", "y"))
    assert (data.split, data.instances[0].tokens) == ("test", ("c",))
    both = [*rows, row("d", "y", split="test")]
    assert complaint(both, labels=("x", "y")).startswith(
        ":4: in the field 'split' 'eval' and 'test' both mean the split test; call each split by"
    )


def test_a_row_of_no_split_is_named(load, complaint):
    rows = [row("a", split="dev"), row("b", "y", split="")]
    assert complaint(rows).startswith(
        ":2: the row does not say to which split it belongs (it has no field 'split'), so the "
        "split 'dev' cannot be read; add that field, "
    )
    assert len(load(rows, split="all").instances) == 2
    assert load([row("a", split=""), row("b", "y", split="")]).split == "all"


MAPPED = "labels: {0: negative, 1: positive}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\na,0\nb,1\n"),
        ("a.csv", "text,label\na,0.0\nb,1.0\n"),
        ("a.csv", "text,label\na,False\nb,True\n"),
        ("a.csv", "text,label\na,0\nb,positive\n"),
        ("a.jsonl", '{"text": "a", "label": 0}\n{"text": "b", "label": 1}\n'),
        ("a.jsonl", '{"text": "a", "label": 0.0}\n{"text": "b", "label": 1.0}\n'),
        ("a.jsonl", '{"text": "a", "label": false}\n{"text": "b", "label": true}\n'),
        ("a.jsonl", '{"text": "a", "label": "0"}\n{"text": "b", "label": "1"}\n'),
    ],
)
@pytest.mark.parametrize(
    "labels",
    [MAPPED, "labels: {false: negative, true: positive}", "labels: {0.0: negative, '1': positive}"],
)
def test_numbers_and_truth_have_the_names_that_the_spec_gives(tmp_path, name, content, labels):
    (tmp_path / name).write_text(content)
    (tmp_path / "a.yaml").write_text(f"file: {name}\n{labels}\n")
    data = load_dataset(load_spec(tmp_path / "a.yaml"))
    assert data.labels == ("negative", "positive")
    assert [i.label for i in data.instances] == [0, 1]


def test_several_labels_may_be_one_class(tmp_path):
    (tmp_path / "a.csv").write_text("text,stars\n" + "".join(f"a,{n}\n" for n in range(1, 6)))
    (tmp_path / "a.yaml").write_text(
        "file: a.csv\nfields: {label: stars}\nlabels: {1: bad, 2: bad, 3: bad, 4: good, 5: good}\n"
    )
    data = load_dataset(load_spec(tmp_path / "a.yaml"))
    assert data.labels == ("bad", "good")
    assert [i.label for i in data.instances] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (
            MAPPED,
            "a.csv:4: the label '2' is not known; the spec's `labels` say what '0', '1' mean:"
            " add '2' to them",
        ),
        (
            "labels: [negative, positive]",
            "a.csv:2: the label '0' is not known; say in a spec which class each number is:"
            " `labels: {0: ..., ...}` with the names 'negative', 'positive'",
        ),
        ("labels: {0: a, 0.5: b, false: c}", "a.yaml:2: labels: '0' and 'false' mean the same, a"),
        ("labels: {0: [a], 1: b}", "a.yaml:2: labels: '0': ['a'] does not name a class"),
    ],
)
def test_what_a_label_means_must_be_said_once(tmp_path, labels, says):
    (tmp_path / "a.csv").write_text("text,label\na,0\nb,1\nc,2\n")
    (tmp_path / "a.yaml").write_text(f"file: a.csv\n{labels}\n")
    with pytest.raises(InputError) as caught:
        load_dataset(load_spec(tmp_path / "a.yaml"))
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(says)
