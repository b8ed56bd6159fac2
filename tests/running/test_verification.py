"""Whether a text on which a model is read wrongly can get into records."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from attnaudit.data.batch import collate
from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.pieces import Frame, Pieces
from attnaudit.errors import ModelError
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax
from attnaudit.models.predict import Batches
from attnaudit.report.wording import facts
from attnaudit.running.job import Job
from attnaudit.running.verification import Verifier, choose, compare, part_of, verify

from .test_run import LIGHT, Interrupting, Listening

WORDS = [f"w{i}" for i in range(40)]
IDS = {name: i for i, name in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS))}
SINGLE, PAIR = Frame((2,), (), (3,)), Frame((2,), (3,), (3,), (0, 0, 0, 1, 1))
PIECES = Pieces(IDS, SINGLE, PAIR, pad=0, unknown=1, mask=4)


@dataclass(frozen=True)
class Hidden(Encoded):
    states: Tensor


class Planted(AttentionModel):
    """One head over embeddings; the reading of some texts is planted wrong."""

    boundaries = True

    def __init__(self, shift=None, dtype=torch.float32) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.embedding = torch.nn.Embedding(len(PIECES), 6)
            self.score, self.head = torch.nn.Linear(6, 1), torch.nn.Linear(6, 2)
        self.shift = shift
        self.to(dtype)

    def encode(self, batch, embeddings=None):
        states = self.embed(batch) if embeddings is None else embeddings
        states = states + (0 if self.shift is None else self.shift(batch))
        return Hidden(batch.content, batch.content, states)

    def attend(self, encoded):
        return masked_softmax(self.score(encoded.states)[..., 0], encoded.attendable).unsqueeze(1)

    def read(self, encoded, alpha):
        return self.head(alpha[:, :, 0] @ encoded.states)

    def forward(self, batch):
        shift, self.shift = self.shift, None
        try:
            return super().forward(batch)
        finally:
            self.shift = shift


def instance(row, tokens, truncated=False, query=None):
    words = tuple(range(len(tokens)))
    return Instance(
        f"text-{row}", row, row + 1, tuple(tokens), words, row % 2, query, None, None, truncated
    )


def work_of(model, instances, verify=64, vocabulary=PIECES, seed=0, budget=512):
    """What `verify` looks at of a work."""
    data = Dataset(instances, ("no", "yes"), "test", "rows.jsonl", "ab", {}, 0, False)
    batches = Batches(instances, vocabulary, model.boundaries, torch.device("cpu"), budget)
    return SimpleNamespace(
        job=Job("planted", "rows.jsonl", verify=verify, seed=seed),
        data=data,
        checked=batches,
        loaded=SimpleNamespace(model=model.eval()),
    )


def texts(count, seed=0, low=4, high=12):
    chance = np.random.default_rng(seed)
    return [
        instance(row, chance.choice(WORDS, chance.integers(low, high)).tolist())
        for row in range(count)
    ]


def holds_pad(batch):
    """1 in the states of texts that hold a padding id themselves, 0 in others."""
    inside = (batch.ids == 0) & batch.mask
    return inside.any(1).float().view(-1, 1, 1)


def test_a_read_row_that_differs_on_one_text_of_a_thousand_is_refused_with_its_id():
    many = texts(1500)
    many[1000] = instance(1000, ["w1", "[PAD]", "w3", "w4", "[PAD]"])
    work = work_of(Planted(holds_pad), many)
    with pytest.raises(ModelError) as caught:
        verify(work, Silent())
    said = str(caught.value)
    assert said.startswith("planted: the model cannot be audited on this data: to the text 'text-1")
    assert "'text-1000' (special id inside) it answers " in said
    assert "reading its attention gives " in said
    assert "so with 1 of 73 texts that were checked" in said
    assert said.endswith("leave such texts out of the data, or correct how the model is read")
    few = collate([many[1000]], PIECES, boundaries=True)
    own = work.loaded.model(few).softmax(-1)[0]
    top = int(own.argmax())
    assert f"it answers {('no', 'yes')[top]} {own[top]:.4g}" in said


def test_the_laws_at_load_do_not_see_that_text():
    """Which is why the data is looked at: they are tried on 8 of the first 64 texts."""
    from attnaudit.models.interface import check_laws

    check_laws(Planted(holds_pad), collate(texts(8), PIECES, boundaries=True), 2)


def test_an_answer_that_depends_on_the_batch_is_refused():
    """In one text in a hundred, which is found where all are looked at."""
    many = texts(300, low=6)
    many[77] = instance(77, ["w1", "w2", "w1", "w2", "w1", "w2", "w7"])

    class Mixing(Planted):
        def embed(self, batch):
            odd = (batch.ids[:, 1:7] == torch.tensor([6, 7] * 3)).all(1).view(-1, 1, 1)
            return super().embed(batch) + odd * 0.1 * (len(batch) - 1)

    with pytest.raises(ModelError, match=r"'text-77' it answers .*, and in a batch its att"):
        verify(work_of(Mixing(), many, verify=None), Silent())
    alone = work_of(Mixing(), [many[77]], verify=None)
    assert verify(alone, Silent()).texts == 1


def test_padding_that_a_plugin_counts_is_refused():
    class Counting(Planted):
        def embed(self, batch):
            long = (batch.mask.sum(1) == 6).view(-1, 1, 1)
            return super().embed(batch) * (1 + 0.01 * long * (batch.ids.shape[1] - 6))

    with pytest.raises(ModelError, match="make its answer independent of the padding"):
        verify(work_of(Counting(), texts(200)), Silent())


@pytest.mark.parametrize(("dtype", "noise"), [(torch.bfloat16, 0.01), (torch.float16, 1e-3)])
def test_noise_of_half_precision_is_not_refused(dtype, noise):
    """Two batch shapes round differently; all that is measured is allowed ten times."""

    class Noisy(Planted):
        def read(self, encoded, alpha):
            logits = super().read(encoded, alpha).float()
            seed = len(logits)
            generator = torch.Generator().manual_seed(seed)
            return logits + noise * torch.randn(logits.shape, generator=generator)

    found = verify(work_of(Noisy(dtype=dtype), texts(200)), Silent())
    assert found.largest_difference > noise
    assert found.batch_difference > noise
    assert noise < found.tolerance < 30 * noise
    shifted = Noisy(lambda b: 20 * holds_pad(b).to(dtype), dtype=dtype)
    many = texts(200)
    many[150] = instance(150, ["w1", "[PAD]", "w3", "w4"])
    with pytest.raises(ModelError, match="'text-150'"):
        verify(work_of(shifted, many), Silent())


def test_float32_is_held_to_what_float32_rounds():
    found = verify(work_of(Planted(), texts(100)), Silent())
    assert found.tolerance == 1e-5
    assert found.largest_difference < 2e-6
    with pytest.raises(ModelError):
        verify(work_of(Planted(lambda b: 1e-3), texts(100)), Silent())


def test_answers_that_are_not_finite_are_refused():
    broken = Planted(lambda b: holds_pad(b).masked_fill(holds_pad(b) > 0, torch.nan))
    many = [*texts(100), instance(100, ["[PAD]", "w2", "w3", "w4"])]
    with pytest.raises(ModelError, match="gives numbers that are not finite; so with 1 of"):
        verify(work_of(broken, many), Silent())


def test_what_is_unusual_is_named_and_the_rest_is_drawn_anew_for_each_seed():
    many = texts(400, low=6)
    many[5] = instance(5, ["w1", "w2"])
    many[6] = instance(6, WORDS[:30])
    many[7] = instance(7, WORDS[:9], truncated=True)
    many[8] = instance(8, [*WORDS[:8], "[MASK]", "[SEP]"])
    model = Planted()
    chosen = choose(work_of(model, many))
    assert chosen.counts() == {"shortest": 4, "longest": 4, "cut": 1, "special id inside": 1}
    assert chosen.reasons[5] == ["shortest"]
    assert chosen.reasons[6] == ["longest"]
    assert chosen.reasons[7] == ["cut"]
    assert chosen.reasons[8] == ["special id inside"]
    assert len(chosen.places) == 10 + 64
    assert list(chosen.places) == sorted(set(chosen.places))
    assert choose(work_of(model, many)).places == chosen.places
    assert choose(work_of(model, many, seed=1)).places != chosen.places
    assert len(choose(work_of(model, many, verify=0)).places) == 10
    assert len(choose(work_of(model, many, verify=None)).places) == 400
    assert len(choose(work_of(model, texts(5))).places) == 5


def test_words_in_a_list_are_never_special():
    recipe = Recipe(encoder="average", embedding=4, hidden=4)
    from attnaudit.data.vocabulary import Vocabulary

    words = Vocabulary([*WORDS, "<PAD>", "<EOS>"])
    model = build_classic(recipe, ModelSpec(words, ("no", "yes")), 0).eval()
    many = [*texts(30, low=6), instance(30, ["<PAD>", "<EOS>", *WORDS[:6]])]
    work = work_of(model, many, vocabulary=words)
    assert "special id inside" not in choose(work).counts()
    assert verify(work, Silent()).tolerance == 1e-5


def test_texts_longer_than_a_window_are_all_checked():
    class Windowed(Planted):
        """Its row reaches the last five positions."""

        def encode(self, batch, embeddings=None):
            encoded = super().encode(batch, embeddings)
            places = torch.arange(batch.ids.shape[1])
            reached = batch.mask & (places >= batch.mask.sum(1, keepdim=True) - 5)
            return Hidden(reached, reached & batch.content, encoded.states)

    many = texts(300, low=2, high=7)
    chosen = choose(work_of(Windowed(), many, verify=0))
    long = {i.row for i in many if len(i.tokens) + 2 > 5}
    assert {k for k, why in chosen.reasons.items() if "longer than the window" in why} == long
    assert verify(work_of(Windowed(), many), Silent()).unusual["longer than the window"] == len(
        long
    )


def test_the_three_answers_are_those_of_the_model_alone_and_in_a_batch():
    model, many = Planted().eval(), texts(20)
    work = work_of(model, many)
    found = compare(model, part_of(work.checked, [3, 9, 4]), Silent())
    assert sorted(found.rows.tolist()) == [3, 4, 9]
    for k, row in enumerate(found.rows.tolist()):
        alone = model(collate([many[row]], PIECES, boundaries=True))[0]
        np.testing.assert_allclose(found.own[k], alone.detach().numpy(), atol=1e-6)
    assert found.apart.shape == found.shifted.shape == (3,)


def test_a_model_and_its_data_are_checked_once_for_all_questions(monkeypatch):
    work = work_of(Planted(), texts(20))
    work.header = SimpleNamespace(model="m", dataset="d")
    work.conditions = {"threads": 1}
    verifier = Verifier()
    first = verifier.verify(work, Silent())
    work.loaded = None
    assert verifier.verify(work, Silent()) is first
    work.conditions = {"threads": 2}
    with pytest.raises(AttributeError):
        verifier.verify(work, Silent())


# --- in a run ----------------------------------------------------------------------------------

PLUGIN = """\
import torch
from attnaudit.models.classic.classifier import Recipe, build_classic, TextClassifier

class Planted(TextClassifier):
    def forward(self, batch):  # a user's own code, which is not what its three methods say
        odd = (batch.ids == self.word).any(1) & (batch.mask.sum(1) != {spared})
        return super().forward(batch) + odd.view(-1, 1) * torch.tensor([0.0, 3.0])

def make(spec, seed):
    recipe = Recipe(encoder="average", embedding=4, hidden=4)
    torch.manual_seed(0)
    model = Planted(recipe, spec)
    model.word = spec.vocabulary.ids(["{word}"])[0]
    return model
"""


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Rows of which one, `odd`, holds a word that no other has; gives MODEL and DATA."""

    def make(count=300, place=250, word="rare"):
        chance = np.random.default_rng(0)
        rows = []
        for i in range(count):
            words = chance.choice(WORDS, chance.integers(6, 14)).tolist()
            words[2] = word if i == place else words[2]
            name = "odd" if i == place else f"t{i}"
            rows.append({"id": name, "text": " ".join(words), "label": "ab"[i % 2]})
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "planted_own.py").write_text(PLUGIN.format(word=word, spared=0))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return "planted_own:make", tmp_path / "rows.jsonl"

    yield make
    sys.modules.pop("planted_own", None)


def test_a_run_ends_before_the_first_record(run, planted, tmp_path):
    pair = planted()
    records = tmp_path / "r.jsonl"
    with pytest.raises(ModelError, match="'odd' it answers"):
        run(*pair, records=records, verify=None)
    assert not list(tmp_path.glob("r.jsonl*"))


def test_workers_get_no_work_before_the_check(run, planted):
    with pytest.raises(ModelError, match="'odd' it answers"):
        run(*planted(), verify=None, workers=2)


def test_workers_do_not_check_again(tiny, monkeypatch):
    from attnaudit.questions import find_question
    from attnaudit.running import verification, work

    calls = []
    monkeypatch.setattr(verification, "verify", lambda *_: calls.append(1))
    question = find_question("permute")
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml")
    loaded = work.load_work(question, question.settings(permutations=2), job, None, Silent())
    monkeypatch.setattr(work, "_OPEN", {})
    assert work.perform((work.Order.of(loaded), 0)).records
    assert not calls


def test_reports_say_what_was_checked(run, tiny, tmp_path):
    records = tmp_path / "r.jsonl"
    report = run(tiny / "model.pt", tiny / "data.yaml", settings=LIGHT, records=records)
    found = report.manifest.verification
    assert found.asked == 64
    assert found.texts == 30 == found.drawn + 8
    assert found.unusual == {"shortest": 4, "longest": 4}
    assert found.largest_difference <= 1e-5
    header = json.loads(records.read_text().splitlines()[0])
    assert header["manifest"]["verification"]["texts"] == 30
    every = run(
        tiny / "model.pt", tiny / "data.yaml", settings=LIGHT, verify=None
    ).manifest.verification
    assert (every.asked, every.texts) == ("all", 30)
    assert every.drawn == 22


def test_a_run_that_goes_on_is_checked_as_well(run, planted, tmp_path):
    """A record that stands already does not vouch for the model."""
    pair, records = planted(place=-1), tmp_path / "r.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run(*pair, settings=LIGHT, records=records, batch_tokens=200, observer=Interrupting(1))
    assert records.with_suffix(".jsonl.partial").exists()
    report = run(*pair, settings=LIGHT, records=records, batch_tokens=200, resume=True, verify=3)
    assert report.manifest.verification.asked == 3
    assert report.manifest.verification.texts == 3 + 8


def test_how_many_are_checked_does_not_decide_what_is_resumed(tiny):
    from attnaudit.questions import find_question
    from attnaudit.running.work import load_work

    question = find_question("permute")
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml")
    one = load_work(question, question.settings(), job, None, Silent())
    other = load_work(question, question.settings(), replace(job, verify=None), None, Silent())
    assert one.header.digest == other.header.digest


# --- words that a model does not know ------------------------------------------------------------

KNOWING = """
import torch
from attnaudit.data.vocabulary import WordIds
from attnaudit.models.classic.classifier import Recipe, build_classic
import dataclasses

def make(spec, seed):
    words = {known}
    if words is not None:
        spec = dataclasses.replace(spec, vocabulary=words)
    model = build_classic(Recipe(encoder="average", embedding=4, hidden=4), spec, seed)
    model.vocabulary = words
    return model
"""


@pytest.fixture
def knowing(tmp_path, monkeypatch):
    """A plug-in with the vocabulary that a line of Python gives, and texts in two splits."""

    def make(known):
        train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
        rows = ["a b c d", "b c d a"]
        train.write_text(
            "".join(json.dumps({"text": t, "label": "xy"[i]}) + "\n" for i, t in enumerate(rows))
        )
        rows = ["a b new new", "a b c", "other d a new"]
        test.write_text(
            "".join(json.dumps({"text": t, "label": "xyx"[i]}) + "\n" for i, t in enumerate(rows))
        )
        (tmp_path / "spec.yaml").write_text("train: train.jsonl\ntest: test.jsonl\n")
        (tmp_path / "knowing_own.py").write_text(KNOWING.format(known=known))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return "knowing_own:make", tmp_path / "spec.yaml"

    yield make
    sys.modules.pop("knowing_own", None)


def test_the_words_that_a_plugin_does_not_know_are_counted_and_told(run, knowing):
    listener = Listening()
    report = run(*knowing("None"), settings=LIGHT, observer=listener)
    counted = {"words": 2, "all_words": 6, "occurrences": 4, "all_occurrences": 11, "texts": 2}
    assert report.dataset.unknown.model_dump() == counted
    (said,) = listener.said
    assert said.startswith(
        "knowing_own:make does not know 2 of 6 words (36 % of the tokens, in 2 texts); it uses"
        " the words of the data, unless it has its own as `vocabulary`"
    )
    (fact,) = [f for f in facts(report) if f.name == "not known"]
    assert fact == ("not known", "2 of 6 words (36 % of the tokens, in 2 texts)", True)


def test_with_its_own_words_a_plugin_loses_none(run, knowing):
    listener = Listening()
    ids = "dict(zip('a b c d new other'.split(), range(2, 8)))"
    words = f"WordIds({ids}, pad=0, unknown=1, start=8, end=9)"
    report = run(*knowing(words), settings=LIGHT, observer=listener)
    assert report.dataset.unknown.occurrences == 0
    assert listener.said == []
    assert "not known" not in [fact.name for fact in facts(report)]


def test_a_checkpoint_says_what_it_does_not_know(run, tiny):
    report = run(tiny / "model.pt", tiny / "data.yaml", settings=LIGHT)
    words = {
        w
        for line in (tiny / "train.jsonl").read_text().splitlines()
        for w in json.loads(line)["text"].split()
    }
    test = [
        json.loads(line)["text"].split() for line in (tiny / "test.jsonl").read_text().splitlines()
    ]
    unknown = report.dataset.unknown
    assert unknown.occurrences == sum(w not in words for text in test for w in text) > 0
    assert unknown.words == len({w for text in test for w in text} - words)
    assert unknown.texts == sum(any(w not in words for w in text) for text in test)
