"""Texts that show which words were chosen, and not what the words are."""

from __future__ import annotations

from dataclasses import replace

import torch

from attnaudit.data.batch import collate
from attnaudit.models.choice_only import ChoiceOnly, two_symbols
from attnaudit.models.interface import check_laws
from attnaudit.models.removal import Shortened


def marked(chosen, removed, lengths, symbols=(5, 6)):
    width = max(lengths)
    tables = [torch.zeros(len(lengths), width, dtype=torch.bool) for _ in range(2)]
    for table, rows in zip(tables, (chosen, removed), strict=True):
        for row, places in enumerate(rows):
            table[row, list(places)] = True
    counts = torch.tensor(lengths)
    reached = torch.arange(width) < counts[:, None]
    return ChoiceOnly(tables[1], reached, counts, counts.numpy() * 0, tables[0], symbols)


def test_only_the_places_of_the_choice_are_seen(make_model, make_instances, vocabulary):
    lengths = (6, 3)
    model = Shortened(make_model("bilstm"), marked([(0, 4), (1,)], [(), ()], lengths)).eval()
    ours, theirs = (
        collate(make_instances(lengths, seed=seed), vocabulary, boundaries=True) for seed in (1, 2)
    )
    assert not torch.equal(ours.ids, theirs.ids)
    assert torch.equal(model(ours), model(theirs))
    other = Shortened(model.inner, marked([(0, 3), (1,)], [(), ()], lengths)).eval()
    assert not torch.equal(model(ours)[0], other(ours)[0])
    assert torch.equal(model(ours)[1], other(ours)[1])


def test_a_word_of_several_pieces_is_one_symbol(make_model, make_instance, vocabulary):
    words = ("w1", "w2", "w3", "w4")
    pieces = make_instance(words, words=(0, 1, 1, 2))
    whole = replace(make_instance(("w9", "w8", "w7")), row=0)
    inner = make_model("bilstm")
    ours = Shortened(inner, marked([(1, 2)], [(2,)], (4,))).eval()
    theirs = Shortened(inner, marked([(1,)], [()], (3,))).eval()
    said = [
        model(collate([text], vocabulary, boundaries=True))
        for model, text in ((ours, pieces), (theirs, whole))
    ]
    torch.testing.assert_close(*said)


def test_it_keeps_the_laws(make_model, make_instances, vocabulary):
    lengths = (6, 3, 9)
    model = Shortened(
        make_model("bilstm", dtype=torch.float32), marked([(0,), (1,), (8,)], [()] * 3, lengths)
    )
    check_laws(model, collate(make_instances(lengths), vocabulary, boundaries=True), 2)


def test_the_symbols_are_the_commonest_tokens(make_instance, vocabulary):
    texts = [make_instance(("w3", "w3", "w5", "w5", "w5", "w1")), make_instance(("w3", "w2"), 1)]
    batch = collate(texts, vocabulary, boundaries=True)
    ids = vocabulary.ids(("w3", "w5"))
    assert two_symbols([batch], len(vocabulary)) == tuple(sorted(ids))  # 3 of each
    assert two_symbols([batch, batch.select(torch.tensor([1]))], len(vocabulary)) == tuple(ids)
