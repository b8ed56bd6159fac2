from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.batch import collate
from attnaudit.execution.observer import Silent
from attnaudit.models.guided import Guided, Kept, keep, uniform
from attnaudit.models.imitation import KL_CLIP, Imitation, distances
from attnaudit.models.predict import Batches
from attnaudit.models.schedule import Schedule
from attnaudit.models.training import TrainingData, train

CPU = torch.device("cpu")


@pytest.fixture
def base(make_instances, make_model, vocabulary):
    """Texts, their batches, a model, and what it attends to and answers there."""
    instances = make_instances([5, 3, 8, 6, 2, 7] * 3)
    batches = list(Batches(instances, vocabulary, True, CPU, 40))
    model = make_model("bilstm", dtype=torch.float32)
    return instances, batches, model, keep(model, batches)


class Given(Guided):
    """A model that attends as it is told, with any number of heads."""

    def __init__(self, inner, alpha):
        super().__init__(inner, uniform)
        self.alpha = alpha

    def attend(self, encoded):
        return self.alpha

    def read(self, encoded, alpha):
        return self.inner.read(encoded.inner, alpha.mean(2, keepdim=True))


def test_a_model_is_no_way_from_itself(base):
    _, batches, model, kept = base
    for batch in batches:
        tvd, kl = distances(model, batch, kept)
        assert tvd.tolist() == pytest.approx([0] * len(batch), abs=1e-6)
        assert kl.tolist() == pytest.approx([0] * len(batch), abs=1e-5)


def test_tvd_is_the_full_one(base, make_model):
    _, batches, _, kept = base
    other = make_model("bilstm", seed=1, dtype=torch.float32)
    for batch in batches:
        tvd, _ = distances(other, batch, kept)
        moved = (other(batch).softmax(-1) - kept.probs[batch.rows])[:, 1].abs()
        assert torch.allclose(tvd, moved, atol=1e-6)
        assert (tvd > 0).all()


@given(
    st.lists(st.floats(0.02, 1), min_size=4, max_size=4),
    st.lists(st.floats(0.02, 1), min_size=4, max_size=4),
)
def test_kl_is_by_hand_and_never_below_0(make_batch, make_model, ours, theirs):
    p, q = (torch.tensor(w) / sum(w) for w in (ours, theirs))
    batch, inner = make_batch([4]), make_model(dtype=torch.float32)
    alpha = torch.zeros(1, 1, 6)
    alpha[0, 0, 1:5] = p
    kept = Kept(torch.tensor([[0.5, 0.5]]), q[None], torch.tensor([4]))
    _, kl = distances(Given(inner, alpha), batch, kept)
    assert float(kl) >= 0
    assert float(kl) == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-5)


def test_kl_is_bounded_where_the_base_attends_to_nothing(make_batch, make_model):
    batch, inner = make_batch([3]), make_model(dtype=torch.float32)
    alpha = torch.tensor([[[0.0, 0.0, 1.0, 0.0, 0.0]]])
    kept = Kept(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([3]))
    _, kl = distances(Given(inner, alpha), batch, kept)
    assert float(kl) == pytest.approx(KL_CLIP)


def test_attention_outside_the_content_is_left_out_and_heads_are_averaged(make_batch, make_model):
    batch, inner = make_batch([2]), make_model(dtype=torch.float32)
    alpha = torch.tensor([[[0.5, 0.4, 0.1, 0.0], [0.2, 0.2, 0.6, 0.0]]])  # the first is <SOS>
    kept = Kept(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.5, 0.5]]), torch.tensor([2]))
    _, kl = distances(Given(inner, alpha), batch, kept)
    p = torch.tensor([0.3, 0.35]) / 0.65
    assert float(kl) == pytest.approx(float((p * (2 * p).log()).sum()), abs=1e-6)


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_gradients_are_finite_at_padding_and_at_weights_of_0(base, make_model, strength):
    _, batches, _, kept = base
    zeroed = kept.alpha.clone()
    zeroed[:, 1] = 0  # as an adversary's, or one that underflowed
    goal = Imitation(strength, Kept(kept.probs, zeroed, kept.lengths), kept, batches)
    model = make_model("bilstm", seed=1, dtype=torch.float32)
    losses = goal.losses(model, batches[-1])
    assert losses.shape == (len(batches[-1]),)
    losses.mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    moved = any(float(p.grad.abs().sum()) > 0 for p in model.attention.parameters())
    assert moved


def test_the_objective_is_tvd_less_lambda_kl(base, make_model):
    _, batches, _, kept = base
    other = make_model("bilstm", seed=1, dtype=torch.float32)
    goal = Imitation(0.25, kept, kept, batches)
    parts = [distances(other, batch, kept) for batch in batches]
    for batch, (tvd, kl) in zip(batches, parts, strict=True):
        assert torch.allclose(goal.losses(other, batch), tvd - 0.25 * kl, atol=1e-6)
    tvd, kl = (torch.cat(part).mean() for part in zip(*parts, strict=True))
    assert goal.score(other) == pytest.approx((0.25 * kl - tvd).item(), abs=1e-6)


def test_labels_are_not_used(base, make_model):
    _, batches, _, kept = base
    other = make_model("bilstm", seed=1, dtype=torch.float32)
    goal = Imitation(0.1, kept, kept, batches)
    turned = replace(batches[0], labels=1 - batches[0].labels)
    assert torch.equal(goal.losses(other, turned), goal.losses(other, batches[0]))


def test_lambda_0_from_the_base_stays_there(base, vocabulary):
    instances, batches, model, kept = base
    data = TrainingData(instances, instances, vocabulary, 2, CPU)
    copied = copy.deepcopy(model)
    schedule = Schedule(epochs=3, batch_size=8, learning_rate=1e-4)
    goal = Imitation(0.0, kept, kept, batches)
    progress = train(copied, data, schedule, Silent(), objective=goal)
    assert max(abs(e["objective"]) for e in progress.epochs) < 2e-3
    assert abs(goal.score(copied)) < 1e-3


def test_lambda_0_comes_near_and_a_large_one_attends_elsewhere(base, make_model, vocabulary):
    instances, batches, _, kept = base
    data = TrainingData(instances, instances, vocabulary, 2, CPU)
    schedule = Schedule(epochs=8, batch_size=4, learning_rate=0.01)
    found = {}
    for strength in (0.0, 2.0):
        model = make_model("bilstm", seed=1, dtype=torch.float32)
        goal = Imitation(strength, kept, kept, batches)
        before = goal.score(model)
        train(model, data, schedule, Silent(), objective=goal)
        assert goal.score(model) > before
        parts = [distances(model, batch, kept) for batch in batches]
        found[strength] = [torch.cat(part).mean().item() for part in zip(*parts, strict=True)]
    assert found[0.0][0] < found[2.0][0]  # TVD
    assert found[2.0][1] > 0.3 > found[0.0][1]  # KL
    assert math.isfinite(found[2.0][1])


def test_texts_of_other_lengths_are_refused(base, make_instances, vocabulary, make_model):
    _, _, model, kept = base
    with pytest.raises(ValueError, match="other texts"):
        distances(model, collate(make_instances([9]), vocabulary, boundaries=True), kept)
