"""What outputs say: of a network that gives several labels, each is a yes or no of its own."""

from __future__ import annotations

import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.data.tokenise import build_tokeniser
from attnaudit.errors import InputError, ModelError
from attnaudit.models.asked_label import about_label
from attnaudit.models.distances import tvd
from attnaudit.models.interface import check_laws
from attnaudit.models.load import find_model
from attnaudit.models.transformer.in_memory import source_of
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.outputs import as_classes
from attnaudit.models.transformer.reference import Reference

from .instances import instance_of

TEXTS = ("the good film was bad", "bad film", "a good film and a bad film", "good !")
NAMES = ("toxic", "insult", "threat")
SEVERAL = {
    "problem_type": "multi_label_classification",
    "id2label": dict(enumerate(NAMES)),
    "label2id": {name: i for i, name in enumerate(NAMES)},
}
# By what is audited: the row of [CLS], that of the last token, every row below a head that pools.
KINDS = {
    "bert": {},
    "deberta-v2": {},
    "gpt2": {"n_positions": 64, "n_head": 2, "framed": False},
    "modernbert": {"classifier_pooling": "mean"},
}


@pytest.fixture(scope="module", params=KINDS)
def opened(request, write_pretrained, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "m"
    changes = {**SEVERAL, **KINDS[request.param]}
    return open_reference(
        Reference(str(write_pretrained(folder, request.param, head=3, **changes)))
    )


@pytest.fixture(scope="module")
def whole(opened):
    return load_classifier(opened).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def batch(opened):
    tokenise = build_tokeniser(opened.reading().tokeniser, False)
    texts = [instance_of(text, tokenise, row) for row, text in enumerate(TEXTS)]
    return collate(texts, opened.vocabulary, boundaries=True)


def test_a_label_is_one_output_against_zero(whole, batch):
    """And the others stay what they were: a view changes nothing of the model it is taken of."""
    said = whole(batch)
    assert said.shape == (4, 3)
    for k in range(3):
        view = whole.of_output(k)
        logits = view(batch)
        assert torch.equal(logits, torch.stack([torch.zeros(4), said[:, k]], 1))
        assert torch.equal(view.own_answer(batch)[:, 1], whole.own_answer(batch)[:, k])
        torch.testing.assert_close(logits.softmax(1)[:, 1], said[:, k].sigmoid())
        check_laws(view, batch, 2)
    assert torch.equal(whole(batch), said)


def test_other_weights_move_a_label_as_its_sigmoid(whole, batch):
    """TVD between two answers about a label is |sigmoid(z) - sigmoid(z')|."""
    encoded = whole.encode(batch)
    own = whole.attend(encoded)
    other = own.flip(-1) * encoded.attendable.view(4, *[1] * (own.ndim - 2), -1)
    variants = torch.stack([own, other], 1)
    for k in range(3):
        view = whole.of_output(k)
        said = view.read(view.encode(batch), variants)
        z = whole.read(encoded, variants)[..., k]
        assert torch.equal(said[..., 1], z)
        by_hand = (z[:, 0].sigmoid() - z[:, 1].sigmoid()).abs()
        assert by_hand.max() > 1e-4
        found = tvd(said[:, 0].softmax(-1), said[:, 1].softmax(-1))
        torch.testing.assert_close(found, by_hand, atol=1e-6, rtol=1e-4)


def test_what_else_answers_answers_about_the_label(whole, batch):
    factors = torch.zeros(1, whole.layer_count, whole.head_count, 1)
    view = whole.of_output(2)
    inner, seen = (getattr(model, "inner", model) for model in (whole, view))
    for ours, theirs in (
        (seen.uniform_layers(batch), inner.uniform_layers(batch)),
        (seen.scale_heads(batch, factors), inner.scale_heads(batch, factors)),
    ):
        assert torch.equal(ours, as_classes(theirs, 2))


def test_no_label_is_chosen(opened):
    source = find_model(opened.reference.name, 0)
    assert source.several == NAMES
    with pytest.raises(InputError, match="several labels to a text: toxic, insult, threat; choose"):
        about_label(source, None)
    with pytest.raises(InputError, match=r"has no such label; .*; did you mean 'threat'\?"):
        about_label(source, "thraet")
    seen = about_label(source, "threat")
    assert seen.labels == ("not threat", "threat")
    assert (seen.facts["label"], seen.facts["label_of"]) == ("threat", 3)


def test_several_outputs_without_a_problem_are_classes(write_pretrained, tmp_path):
    """As transformers itself takes them."""
    folder = write_pretrained(tmp_path / "m", head=3)
    source = find_model(str(folder), 0)
    assert source.several == ()
    assert about_label(source, None) is source
    with pytest.raises(InputError, match="gives one class to each text, so there are no labels"):
        about_label(source, "LABEL_1")


def test_one_label_is_a_label_too(write_pretrained, tmp_path):
    changes = {"problem_type": "multi_label_classification", "id2label": {0: "toxic"}}
    source = find_model(str(write_pretrained(tmp_path / "m", head=1, **changes)), 0)
    assert source.several == ("toxic",)
    assert about_label(source, "toxic").labels == ("not toxic", "toxic")


def test_a_model_in_memory(opened):
    import transformers

    folder = opened.reference.folder
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert about_label(source_of(network, tokenizer), "insult").labels == ("not insult", "insult")
    network.config.problem_type = "regression"
    with pytest.raises(ModelError, match="predicts numbers, not a class"):
        source_of(network, tokenizer)
