"""What attributions are called, and the importance that they become."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.attributed import Attribution, attributed, is_free, read_attributions
from attnaudit.importance.compute import importances
from attnaudit.importance.importance import Request

ROW = {"id": "a", "scores": [1, 2]}


@pytest.fixture
def write(tmp_path):
    def make(name, *rows):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(tmp_path / name)

    return make


def test_the_name_is_that_of_the_header_or_of_the_file(write):
    head = {"attributions": "kernel", "tool": "shap", "version": "1", "method": "m"}
    first, second = write("Captum-IG v2.jsonl", ROW), write("x.jsonl", head, ROW)
    found = read_attributions([second, first])
    assert [one.name for one in found] == ["captum_ig_v2", "kernel"]
    assert [one.origin for one in found] == ["", "shap 1, m"]
    assert found[1].path == second
    assert found[1].sha256 == hashlib.sha256(Path(second).read_bytes()).hexdigest()
    assert read_attributions(found) == found


def test_a_name_that_could_be_mistaken_is_refused(write):
    for name in ("gradient", "random", "attention", "optimum", "leave_one_out"):
        with pytest.raises(InputError, match=f"it is the name '{name}'; give another name in the"):
            read_attributions([write(f"{name}.jsonl", ROW)])
    with pytest.raises(InputError, match="it is too like the name 'gradient'"):
        read_attributions([write("gradients.jsonl", ROW)])
    for name, like in (("rollout", "is"), ("norm", "is too like"), ("head7", "is")):
        with pytest.raises(InputError, match=f"it {like} the name"):
            read_attributions([write(f"{name}.jsonl", ROW)])
    for name in ("7", "été", "a~b", "_x", "a.b", "A", "x" * 61):
        head = {"attributions": name}
        with pytest.raises(InputError, match="cannot be a name of attributions; give another"):
            read_attributions([write("x.jsonl", head, ROW)])
    with pytest.raises(InputError, match="both have the name 'x'"):
        read_attributions([write("x.jsonl", ROW), write("y.jsonl", {"attributions": "x"}, ROW)])
    assert all(map(is_free, ("shap", "captum_ig", "integrated_gradients_captum", "lxt", "x0")))
    assert not any(map(is_free, (*IMPORTANCES, "mean", "contributions", "head0", "head12")))
    with pytest.raises(ValueError, match="cannot be the name of attributions"):
        Attribution(name="gradient", path="x", sha256="y")


def test_scores_are_magnitudes_with_their_signs(classic, instances, batch_of, answers):
    some = instances((3, 2))
    batch, model = batch_of(some), classic("average")
    alpha, probs = answers(model, batch)
    given = torch.tensor([[0.5, -2.0, 0.0], [float("nan"), float("nan"), 0.0]])
    request = Request(
        *(model, batch, batch.per_word(alpha.mean(1)), probs, probs.argmax(1)),
        *(["a", "b"], 0, 100, ["random"], {"shap": given}),
    )
    found = importances(request)
    assert list(found.scores) == ["random", "shap"]
    np.testing.assert_array_equal(found.scores["shap"], given.abs())
    assert found.signs["shap"].tolist() == [[1, -1, 0], [0, 0, 0]]


def test_it_is_an_importance_like_the_others():
    made = attributed("shap")
    assert made.name == "shap"
    assert made.definition.endswith(".")
    assert made.formula
    assert made.source
    assert made.traps
    assert not made.control
    assert made.baseline is None
    assert made.work(None, None) == {}
