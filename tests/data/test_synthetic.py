from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.optimize import minimize
from scipy.special import expit

from attnaudit.data import review_words, synthetic
from attnaudit.data.synthetic import KINDS, LABELS, Review, reviews, write_reviews
from attnaudit.errors import OutputError

POLARITY = {
    word: polarity
    for classes in review_words.SENTIMENT.values()
    for polarity, group in enumerate(classes)
    for word in group
}
NEGATORS = {"not", "hardly", "never", "nobody", "nothing", "far from", "anything but"}


@pytest.fixture(scope="module")
def train() -> list[Review]:
    return list(reviews("train", 2000, 0))


@pytest.fixture(scope="module")
def held_out_split() -> list[Review]:
    return list(reviews("test", 500, 0))


def judge(text: str) -> tuple[set[str], list[int]]:
    """The labels that a text's clauses give, and its decisive tokens, read from the text alone.

    A clause that speaks of something else than the reviewed thing is an aside.
    """
    tokens = text.split()
    labels, rationale, start = set(), [0] * len(tokens), 0
    for end, token in enumerate([*tokens, "."]):
        if token not in {".", ",", ";"}:
            continue
        clause = tokens[start:end]
        cues = [i for i, word in enumerate(clause) if word in POLARITY]
        aside = set(clause) & {*review_words.FILLERS["other"], "previous"}
        if cues and not aside:
            assert len(cues) == 1
            negators = [
                range(i, i + len(words.split()))
                for words in NEGATORS
                for i in range(len(clause))
                if " ".join(clause[i : i + len(words.split())]) == words
            ]
            assert len(negators) <= 1
            labels.add(LABELS[POLARITY[clause[cues[0]]] ^ len(negators)])
            for i in [*cues, *(i for span in negators for i in span)]:
                rationale[start + i] = 1
        start = end + 1
    return labels, rationale


def test_the_rationale_decides(train, held_out_split):
    for review in [*train, *held_out_split]:
        labels, rationale = judge(review["text"])
        assert labels == {review["label"]}, review
        assert rationale == review["rationale"], review


def decisive(review: Review) -> list[str]:
    pairs = zip(review["text"].split(), review["rationale"], strict=True)
    return [word for word, mark in pairs if mark]


def test_each_kind_is_what_it_says(train):
    for review in train:
        words = review["text"].split()
        cues = [w for w in decisive(review) if w in POLARITY]
        others = [w for w in decisive(review) if w not in POLARITY]
        sentiment = [w for w in words if w in POLARITY]
        if review["kind"] == "negation":
            assert len(cues) == len(sentiment) == 1
            assert LABELS[POLARITY[cues[0]]] != review["label"]
            assert " ".join(others) in NEGATORS
            continue
        assert not others
        assert all(LABELS[POLARITY[w]] == review["label"] for w in cues)
        if review["kind"] == "redundant":
            assert 2 <= len(cues) == len(set(cues)) == len(sentiment) <= 3
        else:
            assert len(cues) == 1
            assert len(sentiment) == (2 if review["kind"] == "distractor" else 1)


def test_an_aside_says_nothing_about_the_label(train):
    """Neither its word nor its polarity, negation counted in, goes with the label."""
    agreeing = Counter()
    for review in (r for r in train if r["kind"] == "distractor"):
        clauses = re.split(r" [.,;] ", review["text"])
        [clause] = [
            c
            for c in clauses
            if set(c.split()) & {*review_words.FILLERS["other"], "previous"}
            and set(c.split()) & set(POLARITY)
        ]
        [word] = set(clause.split()) & set(POLARITY)
        polarity = POLARITY[word] ^ bool(set(clause.split()) & NEGATORS)
        agreeing[review["label"], polarity] += 1
    assert len(set(agreeing.values())) == 1
    assert len(agreeing) == 4


def test_a_negator_alone_does_not_tell_the_kind(train):
    holders = [r["kind"] for r in train if set(r["text"].split()) & NEGATORS]
    assert Counter(holders)["negation"] < 0.7 * len(holders)


# More texts are drawn in the same way.
@pytest.mark.parametrize("size", [16, 500, pytest.param(2000, marks=pytest.mark.whole)])
def test_labels_and_kinds_are_balanced(size):
    counts = Counter((r["label"], r["kind"]) for r in reviews("dev", size, 1))
    assert set(counts) == {(label, kind) for label in LABELS for kind in KINDS}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_no_text_stands_twice_within_or_across_splits_and_seeds(train, held_out_split):
    texts = [r["text"] for r in train]
    assert len(set(texts)) == 2000
    held_out = [r["text"] for s in range(3) for r in reviews("dev", 300, s)]
    held_out += [r["text"] for r in held_out_split]
    assert not set(texts) & set(held_out)
    assert not {r["text"] for r in reviews("dev", 300, 0)} & {r["text"] for r in held_out_split}


def test_splits_share_no_text_even_where_they_draw_the_same_numbers(monkeypatch):
    one_stream = synthetic._Random
    monkeypatch.setattr(synthetic, "_Random", lambda _: one_stream("the same for all"))
    texts = [{r["text"] for r in reviews(split, 100, 0)} for split in ("train", "dev", "test")]
    assert len(set.union(*texts)) == 300


def test_no_text_stands_twice_even_where_words_are_few(monkeypatch):
    monkeypatch.setattr(review_words, "CLAIMS", ("the {detail} was {adverb} {adjective}",))
    monkeypatch.setattr(
        review_words, "DETAILS", dict.fromkeys(review_words.DETAILS, ("plot", "cast", "end"))
    )
    few = {slot: group[:3] for slot, group in review_words.FILLERS.items()}
    monkeypatch.setattr(review_words, "FILLERS", few)
    bare = dict.fromkeys(review_words.NEUTRAL, ("i paid for it",) * 3)
    monkeypatch.setattr(review_words, "NEUTRAL", bare)
    adjectives = tuple(group[:3] for group in review_words.SENTIMENT["adjective"])
    monkeypatch.setitem(review_words.SENTIMENT, "adjective", adjectives)
    plain = [r["text"] for r in reviews("train", 800, 0) if r["kind"] == "plain"]
    assert len(plain) == len(set(plain)) == 200


def test_form(train):
    assert [r["id"] for r in train[:2]] == ["train-00000", "train-00001"]
    for review in train:
        words = review["text"].split()
        assert " ".join(words) == review["text"] == review["text"].lower()
        assert 8 <= len(words) <= 30
        assert len(review["rationale"]) == len(words)
        assert not re.search(r"[{}*]", review["text"])
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", review["text"])
    assert len({w for r in train for w in r["text"].split()}) >= 400


def test_words_of_sentiment_stand_nowhere_else():
    groups = [group for classes in review_words.SENTIMENT.values() for group in classes]
    assert len(POLARITY) == sum(map(len, groups))
    for negative, positive in review_words.SENTIMENT.values():
        assert abs(len(negative) - len(positive)) <= 1
    neutral = " ".join(s for group in review_words.NEUTRAL.values() for s in group).split()
    fillers = [review_words.FILLERS, review_words.THINGS, review_words.DETAILS]
    neutral += [word for lists in fillers for group in lists.values() for word in group]
    templates = [
        *review_words.CLAIMS,
        *review_words.NEGATED_CLAIMS,
        *review_words.ASIDES,
        *review_words.NEGATED_ASIDES,
    ]
    neutral += " ".join(templates).split()
    assert not set(neutral) & set(POLARITY)


def test_shorter_is_a_prefix_and_another_seed_is_another_corpus(train):
    assert list(reviews("train", 50, 0)) == train[:50]
    assert {r["text"] for r in reviews("train", 50, 1)}.isdisjoint(r["text"] for r in train)
    assert list(reviews("train", 0, 0)) == []


def test_the_same_reviews_everywhere_for_ever(train):
    """A change here changes every figure that users have for the embedded corpus."""
    text = "\n".join(r["text"] for r in train)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "45519d8c8d8bef18"


def test_unknown_split():
    with pytest.raises(ValueError, match="no split 'valid'; known: train, dev, test"):
        next(reviews("valid", 1, 0))


def test_files(tmp_path):
    spec = write_reviews(tmp_path / "new" / "reviews", train=20, dev=4, test=6, seed=5)
    assert spec == tmp_path / "new" / "reviews" / "data.yaml"
    assert yaml.safe_load(spec.read_text()) == {
        "train": "train.jsonl",
        "dev": "dev.jsonl",
        "test": "test.jsonl",
        "labels": ["negative", "positive"],
    }
    for split, size in (("train", 20), ("dev", 4), ("test", 6)):
        lines = (spec.parent / f"{split}.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == list(reviews(split, size, 5))
    assert len(list(spec.parent.iterdir())) == 4


def test_files_are_the_same_bytes_again(tmp_path):
    def contents(folder: Path) -> dict[str, bytes]:
        write_reviews(folder, train=30, dev=5, test=5)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    first = contents(tmp_path / "a")
    assert contents(tmp_path / "b") == first
    assert contents(tmp_path / "a") == first


def test_default_sizes(tmp_path):
    write_reviews(tmp_path)
    sizes = {p.stem: p.read_text().count("\n") for p in tmp_path.glob("*.jsonl")}
    assert sizes == {"train": 2000, "dev": 300, "test": 500}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    with pytest.raises(OutputError, match="file: cannot be written") as caught:
        write_reviews(blocker, train=1, dev=1, test=1)
    assert caught.value.where == blocker


def test_a_failed_write_leaves_no_draft(tmp_path):
    (tmp_path / "train.jsonl").mkdir()
    with pytest.raises(OutputError):
        write_reviews(tmp_path, train=1, dev=1, test=1)
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_needs_the_standard_library_alone():
    code = """
import sys
before = set(sys.modules)
import attnaudit.data.synthetic
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(tops - {"attnaudit"} - set(sys.stdlib_module_names)))
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def encode(rows: list[Review], vocabulary: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    counts = np.zeros((len(rows), len(vocabulary) + 1))
    for i, review in enumerate(rows):
        for word in review["text"].split():
            counts[i, vocabulary.get(word, -1)] += 1
    counts[:, -1] = 1  # the bias, in the place of unknown words
    return counts, np.array([LABELS.index(r["label"]) for r in rows])


def test_counting_words_does_not_solve_it(train, held_out_split):
    known = sorted({w for r in train for w in r["text"].split()})
    vocabulary = {word: i for i, word in enumerate(known)}
    x, y = encode(train, vocabulary)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Logistic loss with a little decay, and its slope."""
        z = x @ weights
        value = np.logaddexp(0, z).mean() - (y * z).mean() + 5e-4 * weights @ weights
        return value, x.T @ (expit(z) - y) / len(y) + 1e-3 * weights

    weights = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    held_out, gold = encode(held_out_split, vocabulary)
    right = (held_out @ weights > 0) == gold
    kinds = np.array([r["kind"] for r in held_out_split])
    assert 0.6 < right.mean() < 0.8
    assert right[kinds == "redundant"].mean() > 0.9
    assert right[kinds == "negation"].mean() < 0.4


@pytest.mark.whole  # ten seconds of training: what reviews demand of a model can only be learned
def test_a_small_recurrent_network_solves_it(train, held_out_split):
    import torch
    from torch import nn

    known = sorted({w for r in train for w in r["text"].split()})
    vocabulary = {word: i + 1 for i, word in enumerate(known)}

    def encode_ids(rows: list[Review]) -> tuple[torch.Tensor, torch.Tensor]:
        ids = [torch.tensor([vocabulary.get(w, 0) for w in r["text"].split()]) for r in rows]
        padded = nn.utils.rnn.pad_sequence(ids, batch_first=True)
        return padded, torch.tensor([LABELS.index(r["label"]) for r in rows])

    torch.manual_seed(0)
    embed = nn.Embedding(len(vocabulary) + 1, 64)
    lstm = nn.LSTM(64, 64, batch_first=True, bidirectional=True)
    readout = nn.Linear(128, 2)
    parameters = [p for m in (embed, lstm, readout) for p in m.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=0.003)

    def logits(ids: torch.Tensor) -> torch.Tensor:
        return readout(lstm(embed(ids))[0].amax(1))

    ids, labels = encode_ids(train)
    for _ in range(8):
        for rows in torch.randperm(len(ids)).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(logits(ids[rows]), labels[rows]).backward()
            optimiser.step()
    ids, labels = encode_ids(held_out_split)
    with torch.no_grad():
        assert (logits(ids).argmax(1) == labels).float().mean() > 0.9
