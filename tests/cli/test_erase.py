from __future__ import annotations

import json

import pytest


@pytest.fixture
def erase(cli, tiny):
    def run(*args):
        return cli("erase", tiny / "model.pt", tiny / "data.yaml", "--measure", "random", *args)

    return run


def test_options_have_their_effect(erase, here):
    result = erase(
        "--json", "--optimum-items", 0, "--seed", 4, "--text", "--records", "r.jsonl", "--limit", 5
    )
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    assert report["audit"] == "erase"
    assert report["settings"] == {
        "measures": ["random"],
        "left_out": [],
        "attributions": [],
        "reading": "mean",
        "optimum_items": 0,
        "seed": 4,
        "text": True,
    }
    assert report["metrics"]["erase.flip_fraction.attention"]["n"] == 5
    assert "tokens" in json.loads((here / "r.jsonl").read_text().splitlines()[1])


def test_tables_fit_a_plain_terminal(erase):
    shown = erase("-v").out
    for title in (
        "One weight erased",
        "Items erased until the decision flips",
        "Words deleted, or kept alone",
        "Plausibility",
    ):
        assert title in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_what_the_model_cannot_do_is_refused_before_any_work(refused, here, tiny):
    for audit in ("erase", "correlate"):
        job = (audit, tiny / "model.pt", tiny / "data.yaml", "--records", "r.jsonl")
        refused(
            *job,
            "--measure",
            "leave_one_out_mask",
            says=["a mask token, and the model has none", "leave_one_out"],
        )
        refused(*job, "--reading", "head1", says=["has no head 1", "it has one head, 0"])
        refused(*job, "--reading", "median", says=["unknown reading 'median'"])
    assert not list(here.iterdir())


def test_mistakes_are_one_line(refused, tiny):
    model, data = tiny / "model.pt", tiny / "data.yaml"
    refused("erase", model, data, "--measure", "gradiant", says=["did you mean 'gradient'?"])
    refused("erase", model, data, "--optimum-items", 17, says=["--optimum-items", "16"])
