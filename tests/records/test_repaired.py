from __future__ import annotations

import pytest

from attnaudit.models.recipe import FineTuneConfig, Pretrained, TrainConfig, repair_facts
from attnaudit.models.schedule import REPAIRS, FineTuning, Schedule
from attnaudit.records.repaired import repairs_in_words

ORTHOGONAL = {"encoder": "orthogonal_bilstm", "attention": "additive"}


def test_repairs_are_said_with_their_weights():
    facts = {"recipe": ORTHOGONAL, "repairs": {"conicity": 0.5, "masked_words": 2.0}}
    assert repairs_in_words(facts) == ["orthogonal BiLSTM", "conicity=0.5", "masked_words=2"]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"recipe": None, "repairs": None},
        {"recipe": {"encoder": "bilstm"}, "repairs": {}},
        {"recipe": ["orthogonal_bilstm"], "repairs": {"conicity": "much", "other": 1.0}},
    ],
)
def test_a_model_that_is_not_repaired_or_says_it_oddly(facts):
    assert repairs_in_words(facts) == []


def test_every_repair_of_a_recipe_has_words():
    weights = dict.fromkeys(REPAIRS, 0.5)
    for config in (
        TrainConfig(training=Schedule(**weights)),
        FineTuneConfig(model=Pretrained(pretrained="a"), training=FineTuning(**weights)),
    ):
        facts = repair_facts(config)
        assert facts == {"repairs": weights}
        assert len(repairs_in_words(facts)) == len(REPAIRS)
    assert repair_facts(TrainConfig()) == repair_facts(None) == {}
