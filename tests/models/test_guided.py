from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.batch import collate
from attnaudit.models.guided import Guided, Kept, keep, shuffled, uniform
from attnaudit.models.interface import check_laws
from attnaudit.models.predict import Batches

CPU = torch.device("cpu")


@pytest.fixture
def split(make_instances, vocabulary):
    """Texts of several lengths, in batches under a small budget, shortest first."""
    instances = make_instances([7, 2, 9, 3, 2, 12, 5])
    return instances, Batches(instances, vocabulary, True, CPU, 24)


class Heads(Guided):
    """A model whose attention has two heads: its own and the uniform one."""

    def attend(self, encoded):
        own = self.inner.attend(encoded)
        return torch.cat(
            [own, (encoded.content / encoded.content.sum(1, keepdim=True))[:, None]], 1
        )

    def encode(self, batch, embeddings=None):
        return self.inner.encode(batch, embeddings)

    def read(self, encoded, alpha):
        return self.inner.read(encoded, alpha.mean(2, keepdim=True))


def test_uniform_is_one_over_n_on_the_words_and_0_elsewhere(make_batch):
    batch = make_batch([1, 3, 8])
    weights = uniform(batch)
    for row, n in zip(weights, (1, 3, 8), strict=True):
        assert torch.equal(row[1 : n + 1], torch.full((n,), 1 / n))
        assert row.count_nonzero() == n


@pytest.mark.parametrize("boundaries", [True, False])
def test_kept_weights_come_back_in_any_batch(split, make_model, vocabulary, boundaries):
    instances, batches = split
    model = make_model("bilstm", dtype=torch.float32)
    kept = keep(model, batches)
    for chosen in ([5, 0, 1], [3], [6, 2]):
        batch = collate([instances[i] for i in chosen], vocabulary, boundaries=boundaries)
        weights = kept(batch)
        assert weights.shape == batch.ids.shape
        alone = [collate([instances[i]], vocabulary, boundaries=True) for i in chosen]
        for row, content, own in zip(weights, batch.content, alone, strict=True):
            expected = model.attend(model.encode(own))[0, 0][own.content[0]]
            assert torch.allclose(row[content], expected, atol=1e-6)
            assert not row[~content].any()


def test_kept_answers_are_in_the_order_of_the_rows(split, make_model, vocabulary):
    instances, batches = split
    model = make_model("bilstm", dtype=torch.float32)
    kept = keep(model, batches)
    assert [b.rows.tolist() for b in batches] != [list(range(len(instances)))]
    together = collate(instances, vocabulary, boundaries=True)
    assert torch.allclose(kept.probs, model(together).softmax(-1), atol=1e-6)
    assert kept.lengths.tolist() == [len(i.tokens) for i in instances]
    assert not kept.probs.requires_grad
    assert not kept.alpha.requires_grad


def test_a_weight_of_exactly_0_stays_one(split, make_model, vocabulary):
    instances, batches = split

    class Peaked(Heads):
        def attend(self, encoded):
            places = encoded.content.cumsum(1)
            return ((places == 2) & encoded.content).float()[:, None]  # all on the second word

    kept = keep(Peaked(make_model(dtype=torch.float32), uniform), batches)
    batch = collate([instances[0], instances[5]], vocabulary, boundaries=True)
    assert kept.lengths.tolist() == [len(i.tokens) for i in instances]
    for row, n in zip(kept(batch), (7, 12), strict=True):
        assert row[1 : n + 1].tolist() == [0.0, 1.0, *[0.0] * (n - 2)]
        assert row.count_nonzero() == 1


def _some_weights(instances):
    """Weights that tell the places of a text apart, and depend on nothing but the place."""
    lengths = torch.tensor([len(i.tokens) for i in instances])
    places = torch.arange(1, int(lengths.max()) + 1).repeat(len(lengths), 1)
    places = places * (places <= lengths[:, None])
    alpha = (places / places.sum(1, keepdim=True)).float()
    return Kept(torch.zeros(len(lengths), 2), alpha, lengths)


@given(st.integers(0, 2**31 - 1), st.permutations(range(7)))
def test_shuffled_weights_do_not_depend_on_the_batch(make_instances, vocabulary, seed, order):
    instances = make_instances([7, 2, 9, 3, 2, 12, 1])
    kept = _some_weights(instances)
    guide = shuffled(kept, seed)

    def of(rows):
        batch = collate([instances[i] for i in rows], vocabulary, boundaries=True)
        found = guide(batch)
        assert not found[~batch.content].any()
        assert torch.equal(found.sort().values, kept(batch).sort().values)
        return [w[c].tolist() for w, c in zip(found, batch.content, strict=True)]

    together, alone = of(order), {i: of([i])[0] for i in order}
    assert together == [alone[i] for i in order]


def test_texts_and_seeds_are_shuffled_each_in_its_own_order(make_instances, vocabulary):
    instances = make_instances([30] * 8)
    batch, kept = collate(instances, vocabulary, boundaries=True), _some_weights(instances)
    orders = [tuple(row.tolist()) for s in (0, 1) for row in shuffled(kept, s)(batch)]
    assert len(set(orders)) == 16


def test_a_shuffled_weight_lands_on_every_word_alike(make_instances, vocabulary):
    instances = make_instances([4] * 2000)
    batch = collate(instances, vocabulary, boundaries=True)
    heaviest = shuffled(_some_weights(instances), 3)(batch)[:, 1:5].argmax(1)
    assert all(abs(share - 0.25) < 0.04 for share in (heaviest.bincount() / 2000).tolist())


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1e-30, 0.5, 1.0]), min_size=1, max_size=6), max_size=4)
)
def test_the_round_trip_loses_nothing(make_instances, vocabulary, texts):
    texts = [*texts, [1.0, 0.0]]
    alpha = torch.zeros(len(texts), 6)
    for row, weights in enumerate(texts):
        alpha[row, : len(weights)] = torch.tensor(weights)
    lengths = torch.tensor([len(t) for t in texts])
    kept = Kept(torch.zeros(len(texts), 2), alpha, lengths)
    batch = collate(make_instances(lengths.tolist()), vocabulary, boundaries=True)
    for row, content, weights in zip(kept(batch), batch.content, texts, strict=True):
        assert row[content].tolist() == torch.tensor(weights).tolist()
        assert row.count_nonzero() == torch.tensor(weights).count_nonzero()


def test_weights_for_texts_of_other_lengths_are_refused(
    split, make_model, make_instances, vocabulary
):
    _, batches = split
    kept = keep(make_model(dtype=torch.float32), batches)
    other = collate(make_instances([7, 3]), vocabulary, boundaries=True)
    with pytest.raises(ValueError, match="other texts"):
        kept(other)


def test_heads_are_averaged_and_mass_outside_is_left_out(split, make_model):
    _, batches = split
    inner = make_model(dtype=torch.float32)
    kept = keep(Heads(inner, uniform), batches)
    own = keep(inner, batches)
    for row, n in enumerate(own.lengths.tolist()):
        expected = (own.alpha[row, :n] + 1 / n) / 2
        assert torch.allclose(kept.alpha[row, :n], expected, atol=1e-6)

    class Outside(Heads):
        def attend(self, encoded):
            alpha = self.inner.attend(encoded) / 4
            alpha[:, :, 0] = 0.75  # <SOS>
            return alpha

    assert torch.allclose(keep(Outside(inner, uniform), batches).alpha, own.alpha, atol=1e-6)


def test_pieces_are_guided_one_by_one(make_instance, make_model, vocabulary):
    text = make_instance(["w1", "w2", "w3", "w4"], words=[0, 0, 1, 1])
    batch = collate([text], vocabulary, boundaries=True)
    assert uniform(batch)[0, 1:5].tolist() == [0.25] * 4
    model = make_model("bilstm", dtype=torch.float32)
    kept = keep(model, [batch])
    as_pieces = collate([text], vocabulary, boundaries=True, pieces=True)
    assert torch.equal(kept(as_pieces), kept(batch))


def test_a_guided_model_reads_what_is_imposed(make_model, make_batch):
    model, batch = make_model("bilstm", dtype=torch.float32), make_batch([4, 7, 2])
    wrapped = Guided(model, uniform).eval()
    encoded = wrapped.encode(batch)
    alpha = wrapped.attend(encoded)
    assert torch.equal(alpha[:, 0], uniform(batch))
    assert not torch.allclose(alpha, model.attend(model.encode(batch)), atol=1e-3)
    expected = model.read(model.encode(batch), uniform(batch)[:, None, None])[:, 0]
    assert torch.allclose(wrapped(batch), expected, atol=1e-6)
    check_laws(wrapped, batch, 2)


def test_a_model_under_its_own_attention_is_the_model(split, make_model):
    _, batches = split
    model = make_model("bilstm", dtype=torch.float32)
    wrapped = Guided(model, keep(model, batches))
    for batch in batches:
        assert torch.allclose(wrapped(batch), model(batch), atol=1e-6)


def test_every_head_gets_the_same_weights(make_model, make_batch):
    batch = make_batch([4, 7])
    wrapped = Guided(Heads(make_model(dtype=torch.float32), uniform), uniform)
    alpha = wrapped.attend(wrapped.encode(batch))
    assert alpha.shape[1] == 2
    torch.testing.assert_close(alpha[:, 0], alpha[:, 1])


def test_parameters_are_shared_and_attention_gets_no_gradient(make_model, make_batch):
    model = make_model("bilstm", dtype=torch.float32)
    wrapped = Guided(model, uniform)
    assert {id(p) for p in wrapped.parameters()} == {id(p) for p in model.parameters()}
    assert wrapped.boundaries == model.boundaries
    wrapped(make_batch([4, 7])).sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith("attention")


# --- mass outside the content ----------------------------------------------------------------


class Ends(Heads):
    """A model of two heads that give .6 and .25 of their weight to <SOS> and <EOS>, 2 to 1.

    On the words they are the inner model's attention, and the uniform one.
    """

    outside = torch.tensor([0.6, 0.25])

    def encode(self, batch, embeddings=None):
        encoded = self.inner.encode(batch, embeddings)
        return replace(encoded, attendable=batch.mask)

    def attend(self, encoded):
        inner = replace(encoded, attendable=encoded.content)
        outside = self.outside[None, :, None]
        ends = encoded.attendable & ~encoded.content  # (B, T)
        share = torch.where(ends.cumsum(1) == 1, 2 / 3, 1 / 3) * ends
        return super().attend(inner) * (1 - outside) + share.unsqueeze(1) * outside


def rising(batch):
    """Weights on the words that grow from one to the next."""
    weights = uniform(batch) * torch.arange(batch.ids.shape[1])
    return weights / weights.sum(1, keepdim=True)


@pytest.fixture
def ends(make_model):
    return Ends(make_model("bilstm", dtype=torch.float32), uniform).eval()


def test_the_mass_outside_the_content_is_held(ends, make_batch):
    batch = make_batch([4, 7, 2])
    own = ends.attend(ends.encode(batch))
    guide = rising(batch)
    wrapped = Guided(ends, rising).eval()
    alpha = wrapped.attend(wrapped.encode(batch))
    outside = ~batch.content.unsqueeze(1).expand_as(alpha)
    assert torch.equal(alpha[outside], own[outside])
    for head, mass in enumerate((0.4, 0.75)):
        torch.testing.assert_close(alpha[:, head] * batch.content, mass * guide)
    assert torch.equal(alpha.masked_fill(batch.mask.unsqueeze(1), 0), torch.zeros_like(alpha))
    torch.testing.assert_close(alpha.sum(-1), torch.ones(3, 2))
    check_laws(wrapped, batch, 2)


def test_a_model_with_mass_outside_is_itself_under_its_own_attention(
    ends, make_instances, vocabulary
):
    """If its heads agree on the words: a guide is the mean over heads."""

    class Agreeing(Ends):
        def attend(self, encoded):
            content = encoded.content.unsqueeze(1)
            alpha = super().attend(encoded)
            mass = (alpha * content).sum(-1, keepdim=True)
            mean = (alpha * content).sum(1, keepdim=True) / mass.sum(1, keepdim=True)
            return torch.where(content, mass * mean, alpha)

    model = Agreeing(ends.inner, uniform).eval()
    batches = Batches(make_instances([7, 2, 9]), vocabulary, True, CPU, 24)
    wrapped = Guided(model, keep(model, batches))
    for batch in batches:
        assert torch.allclose(wrapped(batch), model(batch), atol=1e-6)


def test_what_is_imposed_is_what_is_kept_of_the_guided_model(ends, make_instances, vocabulary):
    batches = Batches(make_instances([7, 2, 9]), vocabulary, True, CPU, 24)
    kept = keep(Guided(ends, uniform), batches)
    for batch in batches:
        torch.testing.assert_close(kept(batch), uniform(batch))


def test_the_mass_that_is_held_still_learns(ends, make_batch):
    """How much goes to the words is the model's own affair, and so has a gradient."""
    ends.outside = torch.tensor([0.6, 0.25], requires_grad=True)
    Guided(ends, uniform)(make_batch([4, 7])).sum().backward()
    assert ends.outside.grad.abs().min() > 0


def test_attention_without_any_mass_on_the_words_stays_finite(ends, make_batch):
    ends.outside = torch.tensor([1.0, 0.5])
    batch = make_batch([4, 2])
    wrapped = Guided(ends, uniform)
    alpha = wrapped.attend(wrapped.encode(batch))
    assert not (alpha[:, 0] * batch.content).any()
    torch.testing.assert_close(alpha[:, 1] * batch.content, uniform(batch) / 2)
    ends.outside = torch.tensor([1.0, 1.0])
    assert keep(ends, [batch]).alpha.isfinite().all()
