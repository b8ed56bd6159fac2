from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from attnaudit.api.rows import as_file
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError


def lines(data):
    with as_file(data) as named:
        assert named.name == Path("data in memory")
        return [json.loads(line) for line in named.file.read_text().splitlines()]


def test_a_path_is_taken_as_it_is():
    for given in ("x/data.yaml", Path("x/data.yaml")):
        with as_file(given) as named:
            assert (named.name, named.file) == (Path("x/data.yaml"), None)


def test_rows_become_lines():
    pair = {"text": "é\n", "label": 1}
    assert lines([("é\n", 1)]) == [pair]
    assert lines((["é\n", np.int64(1)],)) == [pair]
    full = {"text": "a b", "label": "x", "rationale": np.array([0, 1]), "id": None}
    assert lines([full]) == [{**full, "rationale": [0, 1]}]


def test_the_file_is_gone_afterwards():
    with as_file([("a b", 1)]) as named:
        assert named.file.is_file()
    assert not named.file.parent.exists()


def test_a_spec_finds_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = {"test": Path("t.jsonl"), "labels": {0: "a", 1: "b"}, "tokeniser": {"file": "t.json"}}
    with as_file(spec) as named:
        read = yaml.safe_load(named.file.read_text())
    assert read == {
        "test": str(tmp_path / "t.jsonl"),
        "labels": {0: "a", 1: "b"},
        "tokeniser": {"file": str(tmp_path / "t.json")},
    }


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "data in memory: has no rows"),
        (iter([]), "which cannot be used as data"),
        (b"text", "is a bytes"),
        (["a text"], "data in memory:1: the row is a str"),
        ([("a", 1), ("b",)], "data in memory:2: the row is a tuple"),
        ([("a", object())], "data in memory:1: the row contains something that JSON cannot hold"),
        (
            [("a", float("nan"))],
            "data in memory:1: the row contains something that JSON cannot hold",
        ),
        ({"test": object()}, "not a text, number, list or mapping"),
    ],
)
def test_mistakes(data, says):
    with pytest.raises(InputError) as refused, as_file(data):
        pass
    assert says in str(refused.value)


def test_what_is_wrong_in_the_rows_is_said_of_them():
    with pytest.raises(InputError) as refused, as_file([("a", 1)]) as named:
        raise InputError("is odd", where=named.file, line=1, hint="mend it")
    assert str(refused.value) == "data in memory:1: is odd; mend it"
    with pytest.raises(InputError, match=r"^other.csv: is odd$"), as_file([("a", 1)]):
        raise InputError("is odd", where="other.csv")


def test_files_of_splits_by_other_names_are_found_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with as_file({"training": "a.csv", "validation": Path("b.csv")}) as named:
        spec = load_spec(named.file)
    assert (spec.train, spec.dev) == (tmp_path / "a.csv", tmp_path / "b.csv")
    with as_file({"file": "a.csv", "split": "80/10/10"}) as named:
        assert load_spec(named.file).split == "80/10/10"
