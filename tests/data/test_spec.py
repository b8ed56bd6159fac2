from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from attnaudit.data.settings import Fields, ReadingSettings
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import InputError


def tokeniser_json() -> str:
    tokeniser = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    tokeniser.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokeniser.to_str()


@pytest.fixture
def spec(tmp_path):
    def load(text, reading=None):
        path = tmp_path / "data.yaml"
        path.write_text(text, encoding="utf-8")
        return load_spec(path, reading)

    return load


@pytest.fixture
def complaint(spec):
    def read(text, reading=None):
        with pytest.raises(InputError) as caught:
            spec(text, reading)
        assert "\n" not in str(caught.value)
        return str(caught.value).partition("data.yaml")[2]

    return read


def test_paths_are_relative_to_the_spec(spec, tmp_path):
    loaded = spec("train: a/train.jsonl\ntest: /b/test.CSV")
    assert loaded.splits() == ("train", "test")
    assert loaded.path("train") == tmp_path / "a/train.jsonl"
    assert loaded.path("test") == Path("/b/test.CSV")
    assert loaded.source == tmp_path / "data.yaml"


def test_defaults_are_the_documented_ones(spec):
    loaded = spec("file: a.jsonl")
    assert loaded.tokeniser == TokeniserSettings()
    assert (loaded.min_length, loaded.max_length, loaded.max_query_length) == (1, 4096, 512)
    assert (loaded.lowercase, loaded.overlong, loaded.labels) == (False, "truncate", None)
    assert loaded.splits() == ()
    assert loaded.fields.column("query") == "query"


def test_named_optional_columns_are_required(spec):
    loaded = spec("file: a.csv\nfields: {text: sentence, query: question}")
    assert [loaded.fields.column(r) for r in ("text", "query", "id")] == [
        "sentence",
        "question",
        "id",
    ]
    assert [loaded.required(r) for r in ("text", "label", "query", "id")] == [
        True,
        True,
        True,
        False,
    ]


def test_labels_are_kept_as_written(spec):
    assert spec("file: a.csv\nlabels: [no, yes, 0, 2.0, true]").labels == (
        "no",
        "yes",
        "0",
        "2.0",
        "true",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "file: a.csv\ntrain: b.csv",
            ": give either `file` or `train`, `dev` and `test`, not both",
        ),
        (
            "lowercase: true",
            ": does not say where the data are: give `train`, `dev` and `test`, or `file`",
        ),
        (
            "lowercase: false\ntest: a.txt",
            ":2: test: 'a.txt' is not a .jsonl, .csv, .tsv, .xlsx, .parquet file, nor a folder",
        ),
        ("file: a.csv\nlabels: [a, b, a]", ":2: labels: the label 'a' occurs twice"),
        ("file: a.csv\nlabels: [1, '1']", ":2: labels: the label '1' occurs twice"),
        ("file: a.csv\nlabels: [a]", ":2: labels: at least two labels are needed"),
        ("file: a.csv\nlabels: [a, '']", ":2: labels: a label is empty"),
        ("file: a.csv\nlabels: [a, [b]]", ":2: labels.1: should be a valid string"),
        ("file: a.csv\nlabels: a", ":2: labels: should be a list, not 'a'"),
        ("file: a.csv\nlable: [a, b]", ":2: unknown key 'lable'; did you mean 'labels'?"),
        ("file: a.csv\nfields: {txt: a}", ":2: unknown key 'fields.txt'; did you mean 'text'?"),
        ("file: a.csv\nfields: {text: 1}", ":2: fields.text: should be a valid string, not 1; put"),
        (
            "file: a.csv\ntokeniser: spaces",
            ":2: tokeniser: should be whitespace, {regex: PATTERN} or",
        ),
        ("file: a.csv\ntokeniser:", ":2: tokeniser: should be whitespace, {regex: PATTERN} or"),
        (
            "file: a.csv\ntokeniser: {regx: a}",
            ":2: unknown key 'tokeniser.regx'; did you mean 'regex'",
        ),
        (
            "file: a.csv\ntokeniser:\n  regex: (",
            ":3: tokeniser.regex: '(' is not a regular expression",
        ),
        (
            "file: a.csv\ntokeniser: {regex: 1}",
            ":2: tokeniser.regex: should be a valid string, not 1",
        ),
        (
            "file: a.csv\ntokeniser: {regex: a, file: b}",
            ":2: tokeniser: give regex or file",
        ),
        (
            "file: a.csv\nmin_length: 0",
            ":2: min_length: should be greater than or equal to 1, not 0",
        ),
        (
            "file: a.csv\nmin_length: 9\nmax_length: 8",
            ": min_length 9 is larger than max_length 8, so no row",
        ),
        ("file: a.csv\noverlong: cut", ":2: overlong: should be 'truncate' or 'skip', not 'cut'"),
        ("file: a.csv\nlowercase: 1", ":2: lowercase: should be a valid boolean, not 1"),
    ],
)
def test_mistakes_are_named_with_their_line(complaint, text, expected):
    assert complaint(text).startswith(expected)


@pytest.mark.parametrize("name", ["data.txt", "data", "data.jsonl.gz"])
def test_other_files_are_no_data_sets(tmp_path, name):
    with pytest.raises(
        InputError, match=r"is not a data set: .* is none of .jsonl, .csv, .tsv, .xlsx"
    ):
        load_spec(tmp_path / name)


def test_a_missing_spec_is_named(tmp_path):
    with pytest.raises(InputError, match=r"data.yml: no such file"):
        load_spec(tmp_path / "data.yml")


def test_a_split_without_a_file_is_refused(spec):
    with pytest.raises(InputError, match=r"data.yaml: has no split 'tset'; did you mean 'test'\?"):
        spec("test: a.csv").path("tset")


def test_a_tokenizer_json_is_relative_to_the_spec_and_embedded(spec, tmp_path):
    (tmp_path / "t.json").write_text(tokeniser_json(), encoding="utf-8")
    loaded = spec("file: a.csv\ntokeniser: {file: t.json}")
    assert loaded.tokeniser == TokeniserSettings(content=tokeniser_json())


def test_a_tokenizer_json_that_is_not_there_or_no_good_is_named(spec, tmp_path):
    with pytest.raises(InputError, match=r"t.json: no such file"):
        spec("file: a.csv\ntokeniser: {file: t.json}")
    (tmp_path / "t.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"t.json: cannot be used as a tokenizer.json"):
        spec("file: a.csv\ntokeniser: {file: t.json}")


def test_reading_survives_json(spec, tmp_path):
    (tmp_path / "t.json").write_text(tokeniser_json(), encoding="utf-8")
    reading = spec(
        "file: a.csv\nfields: {text: sentence}\ntokeniser: {file: t.json}\nmax_length: 7"
    ).reading()
    assert type(reading) is ReadingSettings
    assert reading.fields == Fields(text="sentence")
    assert reading.max_length == 7
    assert ReadingSettings.model_validate_json(reading.model_dump_json()) == reading


def test_reading_embeds_the_tokeniser_of_a_spec_made_in_code(tmp_path):
    (tmp_path / "t.json").write_text(tokeniser_json(), encoding="utf-8")
    made = DatasetSpec(
        file=tmp_path / "a.csv", tokeniser=TokeniserSettings(file=tmp_path / "t.json")
    )
    assert made.reading().tokeniser.content == tokeniser_json()


MODEL = ReadingSettings(
    fields=Fields(text="sentence", query="question", rationale="evidence"),
    tokeniser=TokeniserSettings(regex=r"\w+"),
    lowercase=True,
    max_length=50,
)


def test_a_bare_file_is_read_as_the_model_read_its_data(tmp_path):
    bare = load_spec(tmp_path / "a.jsonl", MODEL)
    assert bare.reading() == MODEL
    assert bare.file == bare.source == tmp_path / "a.jsonl"
    # Of the columns that the model's data had, new data must have what the model reads.
    assert [bare.required(role) for role in ("text", "query", "rationale")] == [True, True, False]


def test_a_spec_takes_from_the_model_what_it_does_not_say(spec):
    loaded = spec("file: a.jsonl\nmin_length: 3", MODEL)
    assert loaded.tokeniser == MODEL.tokeniser
    assert (loaded.lowercase, loaded.max_length, loaded.min_length) == (True, 50, 3)
    assert loaded.fields == Fields()


def test_a_spec_may_repeat_what_the_model_says(spec):
    loaded = spec(
        "file: a.jsonl\ntokeniser: {regex: '\\w+'}\nlowercase: true\nmax_length: 9", MODEL
    )
    assert (loaded.tokeniser, loaded.max_length) == (MODEL.tokeniser, 9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "tokeniser: whitespace",
            "tokeniser differs from the model's: the model was trained with tokeniser regex \\w+",
        ),
        (
            "lowercase: false",
            "lowercase differs from the model's: the model was trained with lowercase true",
        ),
    ],
)
def test_a_spec_that_contradicts_the_model_is_refused(complaint, text, expected):
    assert complaint(f"file: a.jsonl\n{text}", MODEL).startswith(f":2: {expected}; leave")


LIMITS = ReadingSettings(max_length=62, max_query_length=30, max_pair_length=61)


@pytest.mark.parametrize(
    ("said", "lengths"),
    [
        ("", (62, 30, 61)),
        ("max_length: 500\nmax_query_length: 100\nmax_pair_length: 600\n", (62, 30, 61)),
        ("max_length: 20\nmax_query_length: 10\nmax_pair_length: 25\n", (20, 10, 25)),
    ],
)
def test_no_text_is_longer_than_a_model_can_read(tmp_path, said, lengths):
    path = tmp_path / "data.yaml"
    path.write_text(f"file: a.jsonl\n{said}")
    spec = load_spec(path, LIMITS, LIMITS)
    assert (spec.max_length, spec.max_query_length, spec.max_pair_length) == lengths
    assert spec.source == path
    trained = ReadingSettings(max_length=40)
    assert load_spec(Path("a.jsonl"), trained, LIMITS).max_length == 40
    assert load_spec(Path("a.jsonl"), None, LIMITS).max_length == 62


def test_a_model_that_reads_less_than_is_asked_for(tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text("file: a.jsonl\nmin_length: 63\n")
    with pytest.raises(
        InputError, match="min_length 63 is larger than the 62 tokens that the model can"
    ):
        load_spec(path, None, LIMITS)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("training", "train"),
        *((name, "dev") for name in ("validation", "valid", "val")),
        *((name, "test") for name in ("testing", "eval")),
    ],
)
def test_splits_have_other_names(tmp_path, name, split):
    (tmp_path / "a.yaml").write_text(f"{name}: a.csv\n")
    spec = load_spec(tmp_path / "a.yaml")
    assert spec.splits() == (split,)
    assert spec.path(name) == spec.path(split) == tmp_path / "a.csv"
    (tmp_path / "a.yaml").write_text(f"{split}: a.csv\n{name}: b.csv\n")
    with pytest.raises(InputError) as caught:
        load_spec(tmp_path / "a.yaml")
    assert str(caught.value).endswith(
        f"a.yaml:2: gives both `{split}` and `{name}`, which mean the same split; leave one out"
    )


def test_a_mistake_in_another_name_has_its_line(tmp_path):
    (tmp_path / "a.yaml").write_text("train: a.csv\nvalidation: b.txt\n")
    with pytest.raises(InputError, match=r"a.yaml:2: dev: 'b.txt' is not a .jsonl, .csv"):
        load_spec(tmp_path / "a.yaml")


def test_files_are_named_without_a_detour(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inside").mkdir()
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "inside" / "a.yaml").write_text("train: ../a.csv\ntest: ../none.csv\n")
    spec = load_spec(Path("inside/a.yaml"))
    assert (spec.train, spec.test) == (Path("a.csv"), Path("inside/../none.csv"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("a.json", "write each row as one JSON object on a line of its own, as .jsonl"),
        ("a.xls", "save it as .xlsx or as 'CSV UTF-8'"),
        ("a.csv.gz", "unpack it first"),
    ],
)
def test_files_that_are_nearly_data_have_a_way_out(name, hint):
    with pytest.raises(InputError) as caught:
        load_spec(Path(name))
    assert str(caught.value).endswith(hint)
