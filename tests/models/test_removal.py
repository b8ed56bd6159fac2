"""Texts without some of their words, against texts that were written without them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.batch import collate
from attnaudit.models.guided import Kept, keep
from attnaudit.models.interface import AttentionModel, Encoded, check_laws, masked_softmax
from attnaudit.models.predict import Batches
from attnaudit.models.removal import ARMS, MASS, Removal, Shortened, attended_words, removals

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ([0.1, 0.0, 0.6, 0.3, 0.0], [2]),
        ([0.1, 0.2, 0.3, 0.2, 0.2], [2]),  # a fifth of five words, though they hold less
        ([0.3, 0.0, 0.1, 0.2, 0.4, 0, 0, 0, 0, 0], [4, 0]),
        ([0.5, 0.0, 0.5, 0.0, 0.0, 0, 0, 0, 0, 0], [0]),  # half is enough; of equals the first
        ([0.1] * 10, [0, 1]),
        ([0.05] * 20, [0, 1, 2, 3]),
        ([0.0] * 5, [0]),  # at least one
        ([1.0, 0.0, 0.0, 0.0], []),  # too short
        ([1.0], []),
    ],
)
def test_the_fewest_words_that_hold_half(weights, found):
    assert attended_words(np.array(weights, float)).tolist() == found


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=25))
def test_what_is_attended(weights):
    row = np.array(weights)
    chosen = attended_words(row)
    assert len(set(chosen.tolist())) == len(chosen) <= len(row) // 5
    assert (len(chosen) == 0) == (len(row) < 5)
    rest = np.delete(row, chosen)
    if not len(chosen) or not row.any():
        return
    assert row[chosen].min() >= rest.max()
    held, half = row[chosen].sum(), MASS * row.sum()
    assert held >= half * (1 - 1e-5) or len(chosen) == len(row) // 5
    assert held - row[chosen].min() < half or len(chosen) == 1  # one fewer does not hold it


def kept_of(texts, reached=None):
    """What a model shows of texts, as weights a content position."""
    lengths = torch.tensor([len(t) for t in texts])
    alpha = torch.zeros(len(texts), int(lengths.max()))
    for row, weights in enumerate(texts):
        alpha[row, : len(weights)] = torch.tensor(weights)
    return Kept(torch.zeros(len(texts), 2), alpha, lengths, reached)


def removed(removal, row):
    """The content positions of a text that are removed."""
    return removal.removed[row].nonzero().flatten().tolist()


def test_as_many_others_are_drawn(make_instances):
    texts = [[0.6, 0.3, *[0.1 / (n - 2)] * (n - 2)] for n in (12, 40, 4, 7)]
    instances = make_instances([len(t) for t in texts])
    found = removals(kept_of(texts), instances, "test")
    assert found.keys() == set(ARMS)
    attended, other = (found[arm] for arm in ARMS)
    assert attended.counts.tolist() == other.counts.tolist() == [1, 1, 0, 1]
    for row, count in enumerate(attended.counts):
        ours, theirs = removed(attended, row), removed(other, row)
        assert ours == [0][:count]
        assert len(theirs) == count
        assert not set(ours) & set(theirs)


def test_a_draw_depends_on_the_text_and_the_split_alone(make_instances):
    instances = make_instances([50] * 6)
    texts = [[1.0, *[0.0] * 49]] * 6

    def drawn(instances, split="train"):
        found = removals(kept_of(texts), instances, split)["other"]
        return {i.id: removed(found, i.row) for i in instances}

    first = drawn(instances)
    assert drawn(list(reversed(instances))) == first
    moved = [replace(i, row=5 - i.row) for i in instances]
    assert drawn(moved) == first
    assert drawn(instances, "dev") != first
    assert len({tuple(each) for each in first.values()}) > 1


def test_every_other_word_is_as_likely(make_instances):
    instances = make_instances([6] * 1000)
    found = removals(kept_of([[0, 1, 0, 0, 0, 0]] * 1000), instances, "test")["other"]
    shares = found.removed.double().mean(0)
    assert shares[1] == 0
    assert torch.allclose(shares[[0, 2, 3, 4, 5]], torch.tensor(0.2).double(), atol=0.06)


def test_words_go_with_all_their_pieces(make_instance):
    """Pieces that hold little each can be of the word that holds most."""
    words = [0, 1, 1, 1, 2, 3, 4, 5]
    text = make_instance([f"w{k}" for k in range(8)], words=words)
    found = removals(kept_of([[0.3, 0.2, 0.2, 0.2, 0.1, 0, 0, 0]]), [text], "test")
    assert removed(found["attended"], 0) == [1, 2, 3]
    assert found["other"].counts.tolist() == [1]
    assert {words[k] for k in removed(found["other"], 0)} < {0, 2, 3, 4, 5}


def test_what_cannot_be_reached_is_neither_counted_nor_removed(make_instances):
    reached = torch.ones(2, 12, dtype=torch.bool)
    reached[0, :6], reached[1, :8] = False, False
    texts = [[*[0.0] * 6, 0.9, 0.1, 0, 0, 0, 0], [*[0.0] * 8, 0.9, 0.1, 0, 0]]
    found = removals(kept_of(texts, reached), make_instances([12, 12]), "test")
    assert found["attended"].counts.tolist() == [1, 0]  # 6 words, and 4
    assert removed(found["attended"], 0) == [6]
    assert removed(found["other"], 0)[0] > 6


# --- the wrapper ------------------------------------------------------------------------------


def removal_of(*positions, width=12, lengths=None):
    """The removal of these content positions of each text."""
    gone = torch.zeros(len(positions), width, dtype=torch.bool)
    for row, each in enumerate(positions):
        gone[row, list(each)] = True
    lengths = torch.tensor(lengths)
    counts = gone.sum(1).numpy()
    return Removal(gone, torch.arange(width) < lengths[:, None], lengths, counts)


LENGTHS, GONE = (12, 5, 9, 3), ((0, 7), (4,), (2, 3, 8), ())


@pytest.fixture
def removal():
    return removal_of(*GONE, lengths=LENGTHS)


def written_without(instances, gone):
    """The same texts, written without the words."""
    return [
        replace(
            i,
            tokens=tuple(t for k, t in enumerate(i.tokens) if k not in each),
            words=tuple(range(len(i.tokens) - len(each))),
        )
        for i, each in zip(instances, gone, strict=True)
    ]


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ["average", "bilstm", "cnn"])
def test_it_answers_and_attends_as_to_texts_without_the_words(
    make_model, make_instances, vocabulary, removal, encoder, paired
):
    inner = make_model(encoder, paired=paired)
    instances = make_instances(LENGTHS, paired=paired)
    whole = collate(instances, vocabulary, boundaries=True)
    shorter = collate(written_without(instances, GONE), vocabulary, boundaries=True)
    model = Shortened(inner, removal).eval()
    torch.testing.assert_close(model(whole), inner(shorter))
    assert not torch.allclose(model(whole), inner(whole), atol=1e-3)
    alpha, expected = (m.attend(m.encode(b)) for m, b in ((model, whole), (inner, shorter)))
    for row, each in enumerate(GONE):
        content = whole.content[row]
        left = [k for k in range(LENGTHS[row]) if k not in each]
        ours = alpha[row, 0][content]
        torch.testing.assert_close(ours[left], expected[row, 0][shorter.content[row]])
        assert not ours[list(each)].any()
        assert float(ours.detach().sum()) == pytest.approx(1)
    assert torch.equal(model.encode(whole).content, whole.content)  # removed words too


@pytest.mark.parametrize("encoder", ["average", "bilstm", "cnn"])
def test_neither_batch_nor_padding_matters(
    make_model, make_instances, vocabulary, encoder, removal
):
    model = Shortened(make_model(encoder), removal).eval()
    instances = make_instances(LENGTHS)
    together = model(collate(instances, vocabulary, boundaries=True))
    for budget in (10, 30, 100):
        for batch in Batches(instances, vocabulary, True, CPU, budget):
            torch.testing.assert_close(model(batch), together[batch.rows])


def test_it_keeps_the_laws(make_model, make_instances, vocabulary, removal):
    batch = collate(make_instances(LENGTHS), vocabulary, boundaries=True)
    for encoder in ("average", "bilstm"):
        check_laws(Shortened(make_model(encoder, dtype=torch.float32), removal), batch, 2)


def test_a_weight_on_a_removed_word_changes_nothing(make_model, make_batch, removal):
    model, batch = Shortened(make_model("bilstm"), removal).eval(), make_batch(LENGTHS)
    encoded = model.encode(batch)
    alpha = model.attend(encoded).unsqueeze(1)
    more = alpha.clone()
    more[0, 0, 0, 1] = 5.0  # behind <SOS>
    assert torch.equal(model.read(encoded, more), model.read(encoded, alpha))
    more[0, 0, 0, 2] = 5.0
    assert not torch.allclose(model.read(encoded, more)[0], model.read(encoded, alpha)[0])


def test_texts_of_other_lengths_are_refused(make_model, make_batch, removal):
    with pytest.raises(ValueError, match="other texts"):
        Shortened(make_model(), removal)(make_batch([12, 5, 9, 4]))


def test_pieces_or_words_are_the_same_texts(make_model, make_instance, vocabulary):
    text = make_instance([f"w{k}" for k in range(6)], words=[0, 0, 1, 2, 3, 4])
    model = Shortened(make_model("bilstm"), removal_of((0, 1), width=6, lengths=[6])).eval()
    as_words, as_pieces = (
        collate([text], vocabulary, boundaries=True, pieces=pieces) for pieces in (False, True)
    )
    assert torch.equal(model(as_words), model(as_pieces))


@dataclass(frozen=True)
class Numbers(Encoded):
    values: torch.Tensor


class Last(AttentionModel):
    """Attends evenly to the last three words; its value is the number of a word."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding.from_pretrained(torch.arange(40.0)[:, None])

    def encode(self, batch, embeddings=None):
        later = batch.content.flip(1).cumsum(1).flip(1)
        reached = batch.content & (later <= 3)
        return Numbers(reached, reached, self.embed(batch) if embeddings is None else embeddings)

    def attend(self, encoded):
        scores = torch.zeros_like(encoded.attendable, dtype=torch.float32)
        return masked_softmax(scores, encoded.attendable).unsqueeze(1)

    def read(self, encoded, alpha):
        z = torch.einsum("bvt,bt->bv", alpha[:, :, 0], encoded.values[..., 0])
        return torch.stack([torch.zeros_like(z), z], -1)


def test_the_words_that_are_shown_are_those_that_the_audited_row_reaches(
    make_instances, vocabulary
):
    """Without a word the row reaches one more, which has weight and is not shown."""
    instances = make_instances([6])
    kept = keep(Last(), Batches(instances, vocabulary, False, CPU, 100))
    assert kept.reached.tolist() == [[False, False, False, True, True, True]]
    gone = torch.tensor([[False, False, False, False, True, False]])
    model = Shortened(Last(), Removal(gone, kept.reached, kept.lengths, np.array([1])))
    batch = collate(instances, vocabulary, boundaries=False)
    encoded = model.encode(batch)
    assert torch.equal(encoded.content, kept.reached)
    (alpha,) = model.attend(encoded)[0].tolist()
    assert alpha == pytest.approx([0, 0, 1 / 3, 1 / 3, 0, 1 / 3])


def test_a_penalty_does_not_apply(make_model, removal):
    inner = make_model()
    inner.penalty = lambda batch, alpha: alpha.sum()
    assert not hasattr(Shortened(inner, removal), "penalty")


def test_it_shares_the_parameters_and_removed_words_learn_nothing(
    make_model, make_instance, vocabulary
):
    inner = make_model("average")
    texts = [make_instance([f"w{k}" for k in range(5)])]
    model = Shortened(inner, removal_of((1,), width=5, lengths=[5]))
    assert {id(p) for p in model.parameters()} == {id(p) for p in inner.parameters()}
    assert model.boundaries == inner.boundaries
    model(collate(texts, vocabulary, boundaries=True)).sum().backward()
    moved = inner.get_submodule("embedding").weight.grad.abs().sum(1) > 0
    assert [bool(moved[i]) for i in vocabulary.ids([f"w{k}" for k in range(5)])] == [
        *(True, False, True, True, True)
    ]
