from collections import Counter
from dataclasses import replace

import pytest
import torch
from tests.planted.audit import Auditing, audit_plant
from tests.planted.models import answer, mass
from tests.planted.plants import NONE, PLANTS
from tests.planted.verdicts import holds

from attnaudit.findings.context import out_of_context
from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.rules import Deltas
from attnaudit.models.interface import check_laws

QUICK = ("xor-average",)  # the others take 10 to 40 s of CPU
SEED = 1000  # not one of those that judge: RESULTS.md


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.whole) for n in PLANTS]
)
def test_a_plant_is_found_out(name):
    plant = PLANTS[name]
    found = {n: Counter([str(f.status)]) for n, f in audit_plant(plant, SEED).items()}
    assert found.keys() == plant.expected.keys()
    for finding, expected in plant.expected.items():
        assert holds(expected, found[finding], 1), (finding, found[finding])


def test_the_pointer_points_whatever_the_class():
    retraining = PLANTS["marker"].grow(SEED)
    for batch in retraining.batches("test"):
        with torch.no_grad():
            alpha = retraining.base.attend(retraining.base.encode(batch))
        on_cue = mass(alpha, answer(batch))
        for label in (0, 1):
            assert on_cue[batch.labels == label].mean() >= 0.9


@pytest.mark.whole  # a minute: all retraining that the two findings need, in full size
def test_what_a_decoy_shows_speaks_against_it_even_where_it_is_not_assessed():
    auditing = Auditing(PLANTS["decoy"].grow(SEED)).run("seed-baseline", "model-adversary", "probe")
    evidence, deltas = auditing.evidence, Deltas()
    assert hard_to_manipulate(evidence, evidence.of("seed-baseline"), deltas).status != "for"
    assert out_of_context(evidence, deltas.out_of_context).status == "against"


@pytest.mark.parametrize("name", ["marker", "decoy", "label-coded", "noise"])
def test_planted_models_keep_the_laws(name):
    retraining = PLANTS[name].grow(SEED) if name == "marker" else _untrained(name)
    check_laws(retraining.base, next(iter(retraining.batches("dev"))), classes=2)


def _untrained(name):
    return replace(PLANTS[name], trained=False).grow(SEED)


def test_verdicts():
    assert holds("for", Counter({"for": 19, "inconclusive": 1}), 20)
    assert not holds("for", Counter({"for": 19, "against": 1}), 20)
    assert not holds("for", Counter({"for": 18, "inconclusive": 2}), 20)
    assert holds("never for", Counter({"against": 20}), 20)
    assert not holds("never for", Counter({"against": 19, "for": 1}), 20)
    assert all(status == "not_assessed" for status in NONE.values())
