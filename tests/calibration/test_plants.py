from dataclasses import replace
from functools import cache

import pytest
import torch

from attnaudit.calibration.plants import NONE, PLANTS
from attnaudit.calibration.pointers import Pointer, mass
from attnaudit.calibration.running import JUDGING
from attnaudit.calibration.verdicts import OPPOSITES
from attnaudit.calibration.written import Written
from attnaudit.models.interface import check_laws
from attnaudit.models.predict import predict

SEED = 1000  # not one of those that judge
POINTED = [
    name
    for name, plant in PLANTS.items()
    if isinstance(plant.kind, type) and plant.kind.penalty is not None
]


@cache  # no test changes what has grown
def grown(name, **changes):
    return replace(PLANTS[name], **changes).grow(SEED)


@pytest.mark.parametrize("name", PLANTS)
def test_a_plant_says_what_it_is_and_what_must_be_found(name):
    plant = PLANTS[name]
    assert len(plant.truth) <= 17  # the table is read on 100 columns
    assert plant.story.endswith(".")
    assert plant.expected
    assert set(plant.decides) <= plant.expected.keys()
    for status in plant.expected.values():
        assert status.removeprefix("never ") in OPPOSITES


def test_every_finding_and_every_status_that_decides_is_planted():
    decided = {
        (finding, plant.expected[finding]) for plant in PLANTS.values() for finding in plant.decides
    }
    for finding in NONE:
        statuses = {status for name, status in decided if name == finding}
        assert statuses & {"for"}, finding
        assert statuses & {"against", "never for"}, finding


@pytest.mark.parametrize("name", PLANTS)
def test_planted_models_keep_the_laws(name):
    retraining = grown(name, trained=False)
    check_laws(retraining.base, next(iter(retraining.batches("dev"))), len(retraining.spec.labels))


@pytest.mark.parametrize("name", PLANTS)
def test_every_class_of_the_test_split_has_fifty_texts(name):
    retraining = grown(name, trained=False)
    gold = torch.tensor([i.label for i in retraining.splits["test"].instances])
    counts = gold.bincount(minlength=len(PLANTS[name].labels))
    noise = PLANTS[name].noise
    for share, count in zip(sorted(PLANTS[name].shares), sorted(counts.tolist()), strict=True):
        assert count >= 50
        if not noise:
            assert count == round(share * len(gold))


@pytest.mark.parametrize("name", POINTED)
def test_attention_lies_where_the_story_says_whatever_the_class(name):
    retraining = grown(name)
    on, labels = [], []
    for batch in retraining.batches("test"):
        with torch.no_grad():
            alpha = retraining.base.attend(retraining.base.encode(batch))
        on.append(mass(alpha, retraining.base.goal(batch)))
        labels.append(batch.labels)
    on, labels = torch.cat(on), torch.cat(labels)
    for label in (0, 1):
        assert on[labels == label].mean() >= 0.9


def test_the_decoy_keeps_off_the_cue_and_the_rationaliser_too():
    for name in ("decoy", "rationaliser"):
        retraining = grown(name)
        for batch in retraining.batches("test"):
            with torch.no_grad():
                alpha = retraining.base.attend(retraining.base.encode(batch))
            assert mass(alpha, Pointer.goal(retraining.base, batch)).mean() <= 0.05


def test_two_coins_agree_on_half_of_the_texts():
    base = grown("coin-text")
    others = [base.fresh(seed) for seed in range(5)]
    thrown = torch.cat(
        [
            torch.cat([other.coin(batch) for other in others], dim=1)
            for batch in base.batches("test")
        ]
    )  # (n, 5)
    for a in range(5):
        for b in range(a):
            assert 0.4 <= (thrown[:, a] == thrown[:, b]).float().mean() <= 0.6


def test_one_seed_in_three_takes_the_other_place():
    retraining = grown("coin-seed", trained=False)
    own = retraining.schedule.seed
    words = [retraining.fresh(seed).word for seed in (own, *retraining.seeds(5, own))]
    assert sorted(words) == ["echo", "echo", "marker", "marker", "marker", "marker"]


def test_in_one_text_of_ten_weights_have_no_influence():
    retraining = grown("ninety")
    junk = []
    for batch in retraining.batches("test"):
        base, encoded = retraining.base, retraining.base.encode(batch)
        with torch.no_grad():
            alpha = base.attend(encoded)
            said = base.read(encoded, torch.stack([alpha, 0 * alpha], 1))
        idle = base.junk(batch).squeeze(1)
        moved = (said[:, 0] - said[:, 1]).abs().amax(-1)
        assert (moved[idle] == 0).all()
        assert (moved[~idle] > 1).all()
        junk.append(idle)
    assert 0.05 <= torch.cat(junk).float().mean() <= 0.15


def test_the_order_of_two_words_decides_and_a_bag_of_words_does_not_see_it():
    retraining = grown("order-average", trained=False)
    instances = retraining.splits["test"].instances
    for one in instances:
        slots = [word[0] for word in one.tokens if word[0] in "ab" and word[1:] in ("0", "1")]
        assert slots == (["a", "b"] if one.label == 0 else ["b", "a"])
    turned = [replace(one, tokens=one.tokens[::-1]) for one in instances]
    same = [
        predict(retraining.base, replace(retraining.batches("test"), instances=some))
        for some in (instances, turned)
    ]
    assert same[0] == pytest.approx(same[1], abs=1e-6)


def test_the_order_of_the_classes_changes_with_the_seed():
    plant = replace(PLANTS["three"], trained=False)
    found = [plant.grow(seed) for seed in range(3)]
    assert {r.spec.labels for r in found} == {
        ("bad", "fair", "good"),
        ("fair", "good", "bad"),
        ("good", "bad", "fair"),
    }
    for retraining in found:
        for instance in retraining.splits["dev"].instances[:50]:
            assert any(
                w.startswith(retraining.spec.labels[instance.label]) for w in instance.tokens
            )


def test_a_model_of_a_seed_is_the_same_each_time_and_no_other():
    for name in ("marker", "copy-head"):
        fresh = grown(name, trained=False).fresh
        first, again, other = fresh(1).state_dict(), fresh(1).state_dict(), fresh(2).state_dict()
        assert all(torch.equal(first[key], again[key]) for key in first)
        assert not all(torch.equal(first[key], other[key]) for key in first)


class TestWritten:
    """What the attention of written transformers does is exact but for a little noise."""

    @pytest.fixture(params=["copy-head", "idle-head", "null-space-head"])
    def name(self, request):
        return request.param

    def test_it_answers_right(self, name):
        retraining = grown(name)
        for batch in retraining.batches("test"):
            with torch.no_grad():
                assert torch.equal(retraining.base(batch).argmax(1), batch.labels)

    def test_weights_decide_only_where_the_head_copies(self, name):
        retraining = grown(name)
        base, batch = retraining.base, next(iter(retraining.batches("test")))
        with torch.no_grad():
            encoded = base.encode(batch)
            alpha = base.attend(encoded)
            flat = alpha.mean(-1, keepdim=True).expand_as(alpha) * encoded.attendable.unsqueeze(1)
            said = base.read(encoded, torch.stack([alpha, flat, 0 * alpha], 1)).softmax(-1)
        moved = (said - said[:, :1]).abs().amax(-1)  # (B, 3)
        if name == "copy-head":
            assert moved[:, 1].mean() > 0.1
            assert moved[:, 2].mean() > 0.1
        else:
            assert moved.max() < 0.01

    def test_training_changes_nothing(self, name):
        retraining = grown(name, trained=True)
        before = retraining.fresh(retraining.schedule.seed)
        pairs = zip(before.parameters(), retraining.base.parameters(), strict=True)
        assert all(torch.allclose(a, b, rtol=0, atol=1e-9) for a, b in pairs)

    def test_it_is_a_transformer_to_the_records(self, name):
        kind = PLANTS[name].kind
        assert isinstance(kind, Written)
        assert kind.facts["layers"] == len(kind.layers)


def test_the_seed_of_these_tests_judges_nothing():
    assert SEED not in JUDGING
