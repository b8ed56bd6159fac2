from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from attnaudit.errors import ModelError
from attnaudit.models.interface import (
    AttentionModel,
    Encoded,
    capability,
    check_laws,
    masked_softmax,
)


@dataclass(frozen=True)
class Hidden(Encoded):
    states: Tensor


class Lawful(AttentionModel):
    """Two heads over embeddings, one of them flat; the classes below break one law each."""

    def __init__(self, words: int = 34) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.embedding = nn.Embedding(words, 5)
            self.score, self.output = nn.Linear(5, 1), nn.Linear(5, 2)
        self.asked = 0

    def encode(self, batch, embeddings=None):
        states = self.embed(batch) if embeddings is None else embeddings
        return Hidden(batch.content, batch.content, states)

    def attend(self, encoded):
        scores = self.score(encoded.states).transpose(1, 2)  # (B, 1, T)
        scores = torch.cat([scores, torch.zeros_like(scores)], dim=1)
        return masked_softmax(scores, encoded.attendable.unsqueeze(1).expand_as(scores))

    def read(self, encoded, alpha):
        return self.output((alpha.mean(2) @ encoded.states).tanh())


class ThreeClasses(Lawful):
    def read(self, encoded, alpha):
        return torch.cat([super().read(encoded, alpha), alpha.new_zeros(*alpha.shape[:2], 1)], -1)


class Infinite(Lawful):
    def read(self, encoded, alpha):
        return super().read(encoded, alpha) / 0


class Fickle(Lawful):
    def forward(self, batch):
        self.asked += 1
        return super().forward(batch) + 1e-7 * self.asked


class Headless(Lawful):
    def forward(self, batch):
        encoded = self.encode(batch)
        return self.read(encoded, super().attend(encoded).unsqueeze(1)).squeeze(1)

    def attend(self, encoded):
        return super().attend(encoded)[:, 0]


class SumsToTwo(Lawful):
    def attend(self, encoded):
        return 2 * super().attend(encoded)


class Negative(Lawful):
    def attend(self, encoded):
        flat = super().attend(encoded)[:, 1:]
        tilt = torch.zeros_like(flat)
        tilt[..., 0], tilt[..., 1] = 2.0, -2.0
        return flat + tilt


class Spills(Lawful):
    def encode(self, batch, embeddings=None):
        encoded = super().encode(batch, embeddings)
        narrow = batch.content & (batch.words > 0)
        return replace(encoded, attendable=narrow, content=narrow)

    def attend(self, encoded):
        everywhere = torch.ones_like(encoded.attendable)
        return super().attend(replace(encoded, attendable=everywhere))


class NotANumber(Lawful):
    def attend(self, encoded):
        return super().attend(encoded) * torch.nan

    def forward(self, batch):
        return torch.zeros(len(batch), 2)


class PaddingAttendable(Lawful):
    def encode(self, batch, embeddings=None):
        encoded = super().encode(batch, embeddings)
        return replace(encoded, attendable=torch.ones_like(batch.mask))

    def attend(self, encoded):
        return super().attend(replace(encoded, attendable=encoded.content))


class ContentBeyondTheWindow(Lawful):
    def encode(self, batch, embeddings=None):
        encoded = super().encode(batch, embeddings)
        return replace(encoded, attendable=batch.content & (batch.words < 2))


class SpecialsAsContent(Lawful):
    boundaries = True

    def encode(self, batch, embeddings=None):
        return replace(super().encode(batch, embeddings), attendable=batch.mask, content=batch.mask)


class OtherLogits(Lawful):
    def forward(self, batch):
        return super().forward(batch) + 1e-3


class LogitsOfOtherShape(Lawful):
    def forward(self, batch):
        return super().forward(batch).squeeze(-1)

    def read(self, encoded, alpha):
        return super().read(encoded, alpha).unsqueeze(-1)


class Renormalises(Lawful):
    def read(self, encoded, alpha):
        return super().read(encoded, alpha / alpha.sum(-1, keepdim=True))


class VariantsMix(Lawful):
    def read(self, encoded, alpha):
        logits = super().read(encoded, alpha)
        return logits + 1e-3 * (alpha.shape[1] - 1)


class OtherEmbeddings(Lawful):
    def encode(self, batch, embeddings=None):
        shifted = None if embeddings is None else embeddings + 1e-2
        return super().encode(batch, shifted)


class LooksWordsUp(Lawful):
    """Its embeddings are the ids' whatever it is handed: no gradient would reach them."""

    def encode(self, batch, embeddings=None):
        return super().encode(batch)


class CountsPadding(Lawful):
    def encode(self, batch, embeddings=None):
        encoded = super().encode(batch, embeddings)
        return replace(encoded, states=encoded.states * batch.ids.shape[1])


class MixesTexts(Lawful):
    def encode(self, batch, embeddings=None):
        encoded = super().encode(batch, embeddings)
        mean = encoded.states[:, :1].mean(0, keepdim=True)
        return replace(encoded, states=encoded.states - mean)


BROKEN = {
    ThreeClasses: r"its logits have shape \(4, 3\), not \(4, 2\)",
    Infinite: "its logits are not finite",
    Fickle: "it gives different answers to the same text",
    Headless: r"its attention has shape \(4, 7\), not \(batch, heads, tokens\)",
    SumsToTwo: "its attention is not a distribution",
    Negative: "its attention is not a distribution",
    Spills: "its attention is not a distribution",
    NotANumber: "its attention is not a distribution",
    PaddingAttendable: "padding is attendable",
    ContentBeyondTheWindow: "content lies outside the attendable positions",
    SpecialsAsContent: "content lies outside the attendable positions, or is not a word",
    OtherLogits: "reading its own attention does not give its own logits",
    LogitsOfOtherShape: "reading its own attention does not give its own logits",
    Renormalises: "some weights give logits that are not finite",
    VariantsMix: "variants influence each other in `read`",
    OtherEmbeddings: "encoding its embeddings gives another result than encoding the ids",
    LooksWordsUp: "neither its attention nor its answer depends on the embeddings given to `enco",
    CountsPadding: "padding, or the other texts of a batch, change its answer",
    MixesTexts: "padding, or the other texts of a batch, change its answer",
}


def test_a_model_that_keeps_every_law_passes(make_batch):
    check_laws(Lawful(), make_batch([3, 7, 5, 2], boundaries=False), 2)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda c: c.__name__)
def test_a_model_that_breaks_a_law_is_refused(make_batch, broken):
    model = broken()
    batch = make_batch([3, 7, 5, 2], boundaries=model.boundaries)
    with pytest.raises(ModelError, match=f"the model cannot be audited: {BROKEN[broken]}"):
        check_laws(model, batch, 2)


def test_every_law_has_a_model_that_breaks_it():
    laws = re.findall(r"^    law\(", inspect.getsource(check_laws), re.MULTILINE)
    assert len(set(BROKEN.values()) - {BROKEN[SpecialsAsContent]}) == len(laws)


def test_laws_are_checked_in_eval_mode(make_batch):
    class Drops(Lawful):
        def read(self, encoded, alpha):
            return nn.functional.dropout(super().read(encoded, alpha), 0.5, self.training)

    check_laws(Drops().train(), make_batch([3, 7, 5, 2], boundaries=False), 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("attention", ["additive", "dot", "uniform"])
@pytest.mark.parametrize("encoder", ["bilstm", "cnn", "average"])
def test_every_classic_model_keeps_the_laws(
    make_model, make_batch, encoder, attention, paired, classes, dtype
):
    model = make_model(encoder, attention, classes, paired, dtype=dtype)
    check_laws(model, make_batch([3, 7, 5, 2], paired=paired), classes)


def test_masked_softmax_is_the_softmax_of_what_is_there():
    scores = torch.tensor([[0.0, 100.0, torch.log(torch.tensor(3.0))]], dtype=torch.float64)
    weights = masked_softmax(scores, torch.tensor([[True, False, True]]))
    assert weights[0, 1] == 0
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0, 0.75]]).double(), rtol=1e-7, atol=0)


def test_masked_softmax_refuses_a_text_without_positions():
    mask = torch.tensor([[True, True], [False, False]])
    with pytest.raises(ValueError, match="no position that can be attended to"):
        masked_softmax(torch.zeros(2, 2), mask)


def test_capabilities_are_methods_found_by_name(make_model):
    model = make_model()
    assert capability(model, "token_logits") == model.token_logits
    assert capability(Lawful(), "token_logits") is None
    assert capability(make_model(paired=True), "token_logits") is None


def test_a_layer_that_happens_to_have_the_name_is_no_capability():
    model = Lawful()
    model.values = nn.Linear(5, 5)
    assert capability(model, "values") is None
