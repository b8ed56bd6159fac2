"""What the questions make of a site where many rows are audited."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.models.interface import AttentionModel, Encoded, ManyRows, check_laws, masked_softmax
from attnaudit.questions import find_question
from attnaudit.questions.answers import answer
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.questions.settling import settle_reading
from attnaudit.readings import find_reading

SCORES = torch.randn(40, 3, generator=torch.Generator().manual_seed(2))


@dataclass(frozen=True)
class Words(ManyRows):
    vectors: Tensor


@dataclass(frozen=True)
class Row(Encoded):
    many: Words


class Pooled(AttentionModel):
    """Two heads; the answer is the mean over rows and heads of what each attends to.

    It is therefore linear in the column mass, which `OneRow` has as its one row.
    """

    many_rows = True

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(SCORES)

    def encode(self, batch, embeddings=None):
        vectors = self.embed(batch) if embeddings is None else embeddings
        reach = batch.content.unsqueeze(1) & batch.content.unsqueeze(2)
        return Words(batch.content, batch.content, reach, vectors)

    def attend(self, encoded):
        keys = encoded.vectors[:, :, :2].transpose(1, 2)  # (B, H, T)
        scores = 3 * keys.unsqueeze(3).sin() * keys.unsqueeze(2)  # (B, H, Q, T)
        anywhere = encoded.reach | ~encoded.reach.any(-1, keepdim=True)
        alpha = masked_softmax(scores, anywhere.unsqueeze(1).expand_as(scores))
        return alpha * encoded.reach.unsqueeze(1)

    def read(self, encoded, alpha):
        rows = encoded.reach.any(-1)
        mass = (alpha * rows[:, None, None, :, None]).mean(2).sum(2) / rows.sum(1)[:, None, None]
        z = torch.einsum("bvt,bt->bv", mass, 4 * encoded.vectors[:, :, 2])
        return torch.stack([torch.zeros_like(z), z], dim=-1)


class OneRow(AttentionModel):
    """Attends, in one head, by the column mass of `Pooled`."""

    def __init__(self):
        super().__init__()
        self.inner = Pooled()

    @property
    def embedding(self):
        return self.inner.embedding

    def embed(self, batch):
        return self.inner.embed(batch)

    def encode(self, batch, embeddings=None):
        many = self.inner.encode(batch, embeddings)
        return Row(many.attendable, many.content, many)

    def attend(self, encoded):
        alpha = self.inner.attend(encoded.many)
        return find_reading("column_mass").weigh(alpha).unsqueeze(1)

    def read(self, encoded, alpha):
        z = torch.einsum("bvt,bt->bv", alpha[:, :, 0], 4 * encoded.many.vectors[:, :, 2])
        return torch.stack([torch.zeros_like(z), z], dim=-1)


def made(name, model, batches, settings):
    question = find_question(name)
    settings = question.maker.settle(settings, model)
    found = question.maker.records(model, batches, settings, Silent())
    return {r["id"]: r for part in found for r in part}


def test_a_model_of_many_rows_keeps_the_laws(batches):
    for batch in batches():
        check_laws(Pooled().eval(), batch, 2)


def test_permuting_every_row_alike_is_permuting_the_column_mass(batches):
    settings = PermuteSettings(permutations=30)
    many = made("permute", Pooled().eval(), batches(), settings)
    single = made("permute", OneRow().eval(), batches(), settings)
    assert {id_: r["words"] for id_, r in many.items()} == {
        id_: r["words"] for id_, r in single.items()
    }
    for id_, record in many.items():
        for key in ("probs", "outside", "max_attention"):
            assert record[key] == pytest.approx(single[id_][key], abs=1e-6)
        assert record["tvd"] == pytest.approx(single[id_]["tvd"], abs=1e-6)
        assert record["all_erased"]["tvd"] == pytest.approx(
            single[id_]["all_erased"]["tvd"], abs=1e-6
        )
    assert max(record["tvd"]["median"] for record in many.values()) > 0.01


def test_permutations_in_parts_are_the_same(batches):
    model, settings = Pooled().eval(), PermuteSettings(permutations=9, per_head=True)
    whole = made("permute", model, batches(budget=1 << 20), settings)
    parts = made("permute", model, batches(budget=1), settings)
    for id_, record in whole.items():
        assert parts[id_]["tvd"] == pytest.approx(record["tvd"], abs=1e-6)


def test_attention_of_many_rows_is_shown_as_its_column_mass(batches):
    model = Pooled().eval()
    records = made(
        "correlate", model, batches(), CorrelateSettings(measures=("attention_gradient",))
    )
    for batch in batches():
        by_row = {i.row: i for i in batches().instances}
        known = answer(model, batch, by_row, find_reading("column_mass"))
        for b, instance in enumerate(known.instances):
            n = int(batch.mask[b].sum())
            rows = [q for q in range(n) if batch.content[b, q]]
            by_hand = sum(known.alpha[b, :, q].mean(0) for q in rows) / len(rows)
            shown = batch.per_word(by_hand.unsqueeze(0).expand(len(batch), -1))[b]
            found = records[instance.id]["attention"]
            assert found == pytest.approx(shown[: len(found)].tolist(), abs=1e-6)
            assert sum(found) == pytest.approx(1)
            # The answer is linear in the weights: alpha . dp/dalpha sums what each word gives.
            p = known.probs[b, 1]
            given = 4 * by_hand * known.encoded.vectors[b, :, 2] * p * (1 - p)
            words = batch.per_word(given.unsqueeze(0).expand(len(batch), -1))[b].abs()
            scores = records[instance.id]["importance"]["attention_gradient"]
            assert scores == pytest.approx(words[: len(scores)].tolist(), abs=1e-5)


def test_words_are_erased_in_every_row(batches):
    model = Pooled().eval()
    records = made("erase", model, batches(), EraseSettings(measures=("random",)))
    assert all("residual_ratio" not in record for record in records.values())
    by_row = {i.row: i for i in batches().instances}
    for batch in batches():
        known = answer(model, batch, by_row, find_reading("column_mass"))
        for b, instance in enumerate(known.instances):
            record = records[instance.id]
            # All erased: nothing is left of either head and any row, so that z is 0.
            moved = abs(0.5 - float(known.probs[b, 1]))
            assert record["all_erased"]["tvd"] == pytest.approx(moved, abs=1e-6)
            top = int((known.shown[b] * batch.content[b]).argmax())
            left = known.alpha[b].clone()
            left[:, :, top] = 0
            left = left / left.sum(-1, keepdim=True).clamp_min(1e-30)
            said = model.read(known.encoded, left.expand(len(batch), 1, -1, -1, -1))[b, 0]
            flips = bool(said.argmax() != known.probs[b].argmax())
            assert record["single"]["flip"]["top"] == flips
            if flips:
                assert record["fractions"]["attention"] == pytest.approx(
                    1 / int(batch.content[b].sum())
                )


@pytest.mark.parametrize("measure", ["gradient_own_logit", "attention_null"])
def test_importances_of_one_row(batches, measure):
    with pytest.raises(InputError, match="here many rows are audited"):
        made("correlate", Pooled().eval(), batches(), CorrelateSettings(measures=(measure,)))


def test_the_reading_that_a_site_gets(model):
    pooled = Pooled()
    assert settle_reading(PermuteSettings(), pooled).reading == "column_mass"
    settled = settle_reading(PermuteSettings(reading="column_mass"), pooled)
    assert settle_reading(settled, pooled) == settled
    with pytest.raises(InputError, match=r"--reading head0: it reads one row.*column_mass"):
        settle_reading(PermuteSettings(reading="head0"), pooled)
    with pytest.raises(InputError, match="--reading column_mass: it is of a site where many rows"):
        settle_reading(PermuteSettings(reading="column_mass"), model)
