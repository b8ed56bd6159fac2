from __future__ import annotations

import pytest

from attnaudit.measures.summary import Estimate
from attnaudit.questions.deceive.settings import DeceiveSettings
from attnaudit.questions.deceive.verdict import verdict

SETTINGS = DeceiveSettings()


def of(mass, use, seeds=5):
    both = (Estimate(sum(ends) / 2, *ends, n=100) for ends in (mass, use))
    return verdict(*both, SETTINGS, seeds)


@pytest.mark.parametrize(
    ("mass", "use", "status"),
    [
        ((0.0, 0.01), (0.4, 0.6), "deceived"),
        ((0.3, 0.5), (0.4, 0.6), "shown"),
        ((0.0, 0.01), (-0.01, 0.02), "not_used"),
        ((0.3, 0.5), (-0.01, 0.02), "not_used"),
        ((0.0, 0.01), (0.02, 0.6), "undecided"),
        ((0.01, 0.2), (0.4, 0.6), "undecided"),
    ],
)
def test_intervals_decide(mass, use, status):
    found = of(mass, use)
    assert found.status == status
    assert bool(found.reason) == (status == "undecided")


def test_few_seeds_decide_nothing_and_the_audited_model_stands_for_itself():
    assert of((0.0, 0.01), (0.4, 0.6), 4) == ("undecided", "4 of at least 5 models")
    assert of((0.0, 0.01), (0.4, 0.6), None).status == "deceived"


def test_without_an_interval_the_reason_is_given():
    known, unknown = Estimate(0.5, 0.4, 0.6, 100), Estimate(None, reason="every training diverged")
    assert verdict(unknown, known, SETTINGS, None).reason == "every training diverged"
    assert verdict(known, unknown, SETTINGS, None).status == "undecided"
