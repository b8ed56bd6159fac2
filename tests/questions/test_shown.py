"""The reading decides what each question ranks and shows, and nothing that it does to a model."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnaudit.data.batch import collate
from attnaudit.data.dataset import Dataset
from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.measures.divergences import jsd, max_jsd
from attnaudit.models.blank import Blank
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.imitation import distances
from attnaudit.models.interface import AttentionModel, Encoded, ModelSpec, masked_softmax
from attnaudit.models.lengths import Texts
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.schedule import Schedule
from attnaudit.questions import all_questions, find_question
from attnaudit.questions.answers import answer
from attnaudit.questions.instance_adversary.make.weights import adversaries
from attnaudit.questions.no_reading import check_read
from attnaudit.questions.one_text import OneText, _called
from attnaudit.questions.probe.views import views
from attnaudit.questions.recording import Ledger
from attnaudit.readings import READINGS, find_reading
from attnaudit.readings.reading import Reading
from attnaudit.report.registry import find

CPU = torch.device("cpu")


@dataclass(frozen=True)
class States(Encoded):
    values: Tensor


class TwoHeads(AttentionModel):
    """Attends to <SOS> and <EOS> too; its heads' scores are its embeddings, and so are its values.

    It reads its first head alone if `only`.
    """

    boundaries = True
    head_count = 2

    def __init__(self, size: int, seed: int, only: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(size, 2)
        self.only = only

    def encode(self, batch, embeddings=None):
        embedded = self.embed(batch) if embeddings is None else embeddings
        return States(batch.mask, batch.content, embedded)

    def attend(self, encoded):
        return masked_softmax(encoded.values.transpose(1, 2), encoded.attendable.unsqueeze(1))

    def read(self, encoded, alpha):
        heads = torch.einsum("bvht,bth->bvh", alpha, encoded.values)
        z = heads[..., 0] if self.only else heads.sum(-1)
        return torch.stack([torch.zeros_like(z), z], dim=-1)


@pytest.fixture
def base(vocabulary):
    return TwoHeads(len(vocabulary), seed=0).eval().requires_grad_(False)


@pytest.fixture
def retraining(base, instances, vocabulary, tmp_path):
    """Trains nothing: models stay as they are made, and stand in `made`."""
    spec = ModelSpec(vocabulary, ("no", "yes"))
    data = Dataset(list(instances), ("no", "yes"), "test", tmp_path, "", {}, 0, False)
    made = []

    def fresh(seed):
        made.append(TwoHeads(len(vocabulary), seed).eval())
        return made[-1]

    probe = Blank(Recipe(encoder="average", embedding=4, hidden=4), spec)
    splits = dict.fromkeys(("train", "dev", "test"), data)
    found = Retraining(base, spec, Trainable(fresh, probe, Schedule(seed=9)), splits, CPU, 64)
    found.learn = found.imitate = lambda *args, **kwargs: type("Done", (), {"epochs": ()})
    found.made = made
    return found


def shown(model, batches, pick):
    """What the model shows of each text by `pick` (H, T) -> (T,), renormalised over its words."""
    by_row = {}
    for batch in batches:
        alpha = model.attend(model.encode(batch))
        for b, row in enumerate(batch.rows.tolist()):
            words = batch.words[b][batch.content[b]]
            on = pick(alpha[b])[batch.content[b]]
            summed = torch.zeros(int(words.max()) + 1).index_add(0, words, on)
            by_row[row] = (summed / summed.sum()).tolist()
    return by_row


PICKS = {
    "mean": lambda alpha: alpha.mean(0),
    "head0": lambda alpha: alpha[0],
    "head1": lambda alpha: alpha[1],
    "max": lambda alpha: alpha.amax(0),
}


def records_of(name, model, batches, **settings):
    question = find_question(name)
    settled = question.maker.settle(question.settings(**settings), model)
    parts = question.maker.records(model, batches, settled, Silent())
    return sorted((r for part in parts for r in part), key=lambda r: r["row"])


@pytest.mark.parametrize("reading", PICKS)
@pytest.mark.parametrize("name", ["correlate", "erase", "instance-adversary"])
def test_what_looks_at_the_audited_model_shows_the_reading(base, batches, name, reading):
    asked = {} if name == "instance-adversary" else {"measures": ("random",)}
    found = records_of(name, base, batches(), reading=reading, **asked)
    expected = shown(base, batches(), PICKS[reading])
    for record in found:
        assert record["attention"] == pytest.approx(expected[record["row"]], abs=1e-6)
    plain = records_of(name, base, batches(), **asked)
    assert [r["probs"] for r in found] == [r["probs"] for r in plain]


@pytest.mark.parametrize("reading", PICKS)
def test_permutations_are_set_beside_the_largest_weight_shown(base, batches, reading):
    found = records_of("permute", base, batches(), reading=reading, permutations=3)
    expected = shown(base, batches(), PICKS[reading])
    for record in found:
        assert record["max_attention"] == pytest.approx(max(expected[record["row"]]), abs=1e-6)
    plain = records_of("permute", base, batches(), permutations=3)
    assert [r["tvd"] for r in found] == [r["tvd"] for r in plain]


@pytest.mark.parametrize("reading", PICKS)
@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("seed-baseline", {"model": "seed", "seed": 1}),
        ("model-adversary", {"lambda": 0.1, "seed": 1}),
    ],
)
def test_retrained_models_differ_in_what_is_shown(retraining, base, name, run, reading):
    question = find_question(name)
    settings = question.settings(reading=reading)
    made = question.maker.trains.records(retraining, Ledger("test"), settings, run, Silent())
    (model,) = retraining.made
    ours, theirs = (shown(m, retraining.batches("test"), PICKS[reading]) for m in (model, base))
    for record in (r for r in made if r["run"]["split"] == "test"):
        row = record["row"]
        assert record["attention"] == pytest.approx(ours[row], abs=1e-6)
        apart = jsd(*(np.array(x, float) / np.sum(x) for x in (ours[row], theirs[row])))
        assert record["jsd"] == pytest.approx(float(apart), abs=1e-5)


@pytest.mark.parametrize("reading", PICKS)
def test_probes_are_guided_by_what_is_shown(retraining, base, reading):
    view = views(retraining, (), find_reading(reading))["base"]
    probe = retraining.probe(0).eval()
    for batch in retraining.batches("test"):
        guided = view(probe, "test")
        weights = guided.attend(guided.encode(batch))[:, 0]
        alpha = base.attend(base.encode(batch))
        picked = torch.stack([PICKS[reading](a) for a in alpha]) * batch.content
        expected = picked / picked.sum(1, keepdim=True)
        torch.testing.assert_close(weights, expected)


def test_a_probe_shows_its_own_head_and_a_model_without_words_the_reading(retraining):
    question = find_question("probe")
    settings = question.settings(reading="head1")
    trains = question.maker.trains
    kinds = [*({"guide": guide} for guide in ("trained", "base")), {"removed": "attended"}]
    for kind in kinds:
        run = {**kind, "seed": 1}
        made = trains.records(retraining, Ledger("test"), settings, run, Silent())
        assert all(sum(r["attention"]) == pytest.approx(1, abs=1e-4) for r in made)
    model = retraining.made[-1]
    assert isinstance(model, TwoHeads)


@pytest.mark.parametrize("reading", PICKS)
def test_an_adversary_is_pushed_away_from_what_is_shown(retraining, base, vocabulary, reading):
    show = find_reading(reading).weigh
    kept, other = retraining.kept("test", show), TwoHeads(len(vocabulary), seed=3)
    assert retraining.kept("test", show) is kept
    for batch in retraining.batches("test"):
        _, kl = distances(other, batch, kept, show)
        p, q = (
            torch.stack([PICKS[reading](a) for a in m.attend(m.encode(batch))]) * batch.content
            for m in (other, base)
        )
        p, q = (x / x.sum(1, keepdim=True) for x in (p, q))
        expected = torch.where(batch.content, p * (p / q).log(), 0.0).sum(1)
        torch.testing.assert_close(kl, expected, atol=1e-5, rtol=1e-4)


def test_a_head_that_nothing_is_read_from_may_lie_anywhere(batches, vocabulary):
    """The answer rests on head 0: what head 1 shows can be as far away as anything can."""
    model = TwoHeads(len(vocabulary), seed=0, only=True).eval().requires_grad_(False)
    free = records_of("instance-adversary", model, batches(), reading="head1")
    held = records_of("instance-adversary", model, batches(), reading="head0")
    for record, bound in zip(free, held, strict=True):
        found = record["adversary"][0]
        assert found["jsd"] == pytest.approx(record["cap"], abs=2e-3)
        assert found["upper"] == pytest.approx(record["cap"], abs=1e-6)
        assert bound["adversary"][0]["jsd"] < bound["cap"] - 0.01


@pytest.mark.parametrize("reading", PICKS)
def test_every_reading_has_feasible_adversaries_below_its_cap(drawn, reading):
    detached = drawn(0, heads=2, bent=True)
    object.__setattr__(detached, "reading", find_reading(reading))
    found = adversaries(detached, 0.05, 2)
    base = detached.shown(detached.own[:, None])[:, 0]
    assert base.sum(-1) == pytest.approx(1)
    assert (found.tvd <= 0.05 + 1e-9).all()
    assert (found.jsd[:, 0] <= found.upper + 1e-9).all()
    assert (found.jsd[:, 0] > 0.05).all()
    for b, row in enumerate(base):
        assert found.upper[b] == pytest.approx(max_jsd(row[detached.content[b]]))
    assert found.jsd == pytest.approx(jsd(detached.shown(found.weights), base[:, None]))


@pytest.mark.parametrize("reading", PICKS)
def test_what_is_shown_of_other_weights_in_closed_form(drawn, reading):
    detached = drawn(1, heads=2)
    object.__setattr__(detached, "reading", find_reading(reading))
    weights = np.where(detached.content[:, None, None], 1.0, 0.0).repeat(2, axis=2)
    weights[:, :, 1] *= np.arange(1.0, 11.0)
    weights /= weights.sum(-1, keepdims=True)
    scaled = torch.from_numpy(detached.mass[:, None] * weights)[:, 0]  # (B, H, T)
    picked = torch.stack([PICKS[reading](one) for one in scaled]).numpy()
    expected = picked / picked.sum(-1, keepdims=True)
    assert detached.shown(weights)[:, 0] == pytest.approx(expected, abs=1e-12)
    tensor = detached.show(torch.from_numpy(weights))[:, 0].numpy()
    assert tensor == pytest.approx(expected, abs=1e-12)


# Those that can be asked of a model with one attention that shows no values, by one reading.
OF_FEW = ("heads", "identify", "compare-readings", "patterns")
OF_ANY = [question for question in all_questions() if question.name not in OF_FEW]


@pytest.mark.parametrize("question", OF_ANY, ids=lambda question: question.name)
def test_a_head_that_the_model_lacks_is_refused_before_any_work(question, base):
    settings = question.settings(reading="head2")
    with pytest.raises(InputError, match=r"--reading head2: .* no head 2; it has heads 0 to 1"):
        question.maker.settle(settings, base)
    settled = question.maker.settle(question.settings(reading="head1"), base)
    assert settled.reading == "head1"


@pytest.mark.parametrize("question", OF_ANY, ids=lambda question: question.name)
def test_settling_settled_settings_changes_nothing(question, base):
    """A worker settles what another process has settled; this model leaves measures out."""
    once = question.maker.settle(question.settings(), base)
    assert question.maker.settle(once, base) == once
    if question.name in ("correlate", "erase"):
        assert once.left_out == ("gradient_own_logit", "attention_null")


def test_a_collated_batch_has_words_outside_the_content(base, instances, vocabulary):
    batch = collate(instances, vocabulary, boundaries=True)
    outside = base.attend(base.encode(batch)).masked_fill(batch.content.unsqueeze(1), 0)
    assert (outside.sum(-1) > 0.01).all()


# --- readings of more than weights -----------------------------------------------------------

SIGNED = "gradient_attention"


def signed_words(model, batches, gold=False):
    """Weight times slope of each word, in closed form: the readout is linear in the weights."""
    by_row = {}
    for batch in batches:
        encoded = model.encode(batch)
        alpha = model.attend(encoded)  # (B, H, T)
        z = (alpha.transpose(1, 2) * encoded.values).sum(-1)  # (B, T)
        answered = z.sum(1) > 0
        target = batch.labels.bool() if gold else answered
        summed = batch.per_word(torch.where(target, 1, -1).unsqueeze(1) * z * batch.content)
        for b, row in enumerate(batch.rows.tolist()):
            by_row[row] = summed[b, : int(batch.word_counts[b])].tolist()
    return by_row


@pytest.mark.parametrize(
    ("name", "gold"), [("correlate", False), ("correlate", True), ("erase", False)]
)
def test_a_signed_reading_is_shown_by_magnitude_with_its_signs(base, batches, name, gold):
    asked = {"target": "gold"} if gold else {}
    found = records_of(name, base, batches(), reading=SIGNED, measures=("random",), **asked)
    expected = signed_words(base, batches(), gold)
    for record in found:
        signed = np.array(expected[record["row"]])
        shares = np.abs(signed) / np.abs(signed).sum()
        assert record["attention"] == pytest.approx(shares, abs=1e-6)
        assert record["attention_signs"] == np.sign(signed).tolist()
        msgspec.convert(record, find_question(name).kind(record))
    assert {sign for record in found for sign in record["attention_signs"]} == {-1, 1}
    plain = records_of(name, base, batches(), measures=("random",), **asked)
    assert [r["outside"] for r in found] == [r["outside"] for r in plain]
    assert not any("attention_signs" in r for r in plain)


def test_heatmaps_show_the_signs_of_the_reading(base, batches):
    made = records_of("correlate", base, batches(), reading=SIGNED, measures=("random",))
    record = next(r for r in made if -1 in r["attention_signs"])
    gathered = OneText(whole=False)
    gathered.add(record, find_question("correlate").beside, ["word"] * record["words"])
    signed = [w * s for w, s in zip(record["attention"], record["attention_signs"], strict=True)]
    assert list(gathered.heatmap().rows[0].weights) == signed
    assert min(signed) < 0


def test_a_heatmap_says_by_which_reading_it_was_made():
    assert _called("mean") == _called("max") == _called("head3") == "the model's attention"
    assert _called("alti") == "the model's attention, read as alti"


@pytest.mark.parametrize(
    "question", [q for q in OF_ANY if q.name not in ("correlate", "erase")], ids=lambda q: q.name
)
def test_tests_that_change_weights_refuse_readings_of_more(question, base):
    settings = question.settings(reading=SIGNED)
    with pytest.raises(InputError, match=rf"--reading {SIGNED}: this test changes weights"):
        question.maker.settle(settings, base)


def test_a_model_that_cannot_be_read_so_is_told_why_before_any_work(base):
    question = find_question("correlate")
    with pytest.raises(InputError, match="--reading rollout: it follows the attention of all"):
        question.maker.settle(question.settings(reading="rollout"), base)


@pytest.mark.parametrize("reading", [SIGNED, "value_zeroing_answer", "attention_attribution"])
@pytest.mark.parametrize("name", ["correlate", "erase"])
def test_what_a_reading_costs_is_counted(base, batches, monkeypatch, name, reading):
    question, made = find_question(name), batches()
    texts = Texts.of(made)
    asked = {"measures": ("random",)}
    settled = question.maker.settle(question.settings(reading=reading, **asked), base)
    plain = question.maker.settle(question.settings(**asked), base)
    more = find_reading(reading).passes(base, texts)
    costs = [question.maker.cost(base, texts, s) for s in (settled, plain)]
    assert costs[0] == costs[1] + more
    answered = []
    read = base.read
    monkeypatch.setattr(
        base, "read", lambda e, a: answered.append(a.shape[:2].numel()) or read(e, a)
    )
    counts = []
    for settings in (settled, plain):
        answered.clear()
        for _ in question.maker.records(base, made, settings, Silent()):
            pass
        counts.append(sum(answered))
    if name == "correlate":  # how much is erased until a decision flips depends on the ranking
        assert counts[0] - counts[1] == more.answers


# --- texts that a reading is undefined for -----------------------------------------------------

FEW = "more than 5 tokens (why not)"
NOTHING = "0 for every word"
BAD = "numbers that are not finite"


def partly(seen):
    """The first head, infinite in texts of 4 tokens, of which two are words."""
    found = seen.alpha[:, 0].clone()
    found[seen.batch.mask.sum(1) == 4] = torch.inf
    return found


def declare(monkeypatch, of_model, most=None):
    """A reading `partial` of more than weights."""
    made = Reading(*("partial", "d", "f", "s", "t"), of_model=of_model, most=most, beyond="why not")
    monkeypatch.setitem(READINGS, "partial", made)
    find_reading.cache_clear()
    return made


@pytest.fixture
def partial(monkeypatch):
    """A reading that two texts of the four have none of, for two reasons."""
    yield declare(monkeypatch, partly, most=7)
    find_reading.cache_clear()


@pytest.mark.parametrize("name", ["correlate", "erase"])
def test_a_text_without_the_reading_goes_on_without_it(base, batches, partial, name):
    asked = {"measures": ("random", "gradient_l2")}
    found = records_of(name, base, batches(), reading="partial", **asked)
    plain = records_of(name, base, batches(), reading="head0", **asked)
    reasons = {2: "more than 7 tokens (why not)", 3: BAD}
    assert [record.get("no_reading") for record in found] == [reasons.get(n) for n in range(4)]
    of_reading = ("attention", "no_reading", "single", "fractions", "support", "plausibility")
    of_reading += ("comprehensiveness", "sufficiency")
    for record, other in zip(found, plain, strict=True):
        msgspec.convert(record, find_question(name).kind(record))
        del (
            record["outside"],
            other["outside"],
        )  # of the head, or the mean
        if "no_reading" not in record:
            assert record == other
            continue
        assert record["attention"] == [None] * record["words"]
        kept = {k: v for k, v in record.items() if k not in of_reading}
        assert kept == {k: v for k, v in other.items() if k not in of_reading}
        if name == "erase":
            assert record["single"] is None
            assert "support" not in record
            fractions = dict(other["fractions"])
            del fractions["attention"]
            assert record["fractions"] == fractions
            for kind in ("comprehensiveness", "sufficiency"):
                assert record[kind] == {**other[kind], "attention": [None] * 5}


@pytest.mark.parametrize("name", ["correlate", "erase"])
def test_rankings_are_compared_on_the_same_texts_which_are_counted(base, batches, partial, name):
    question = find_question(name)
    settings = question.maker.settle(
        question.settings(reading="partial", measures=("random", "gradient_l2")), base
    )
    found = records_of(name, base, batches(), reading="partial", measures=settings.measures)
    labels = ("no", "yes")
    summary = question.summarise(found, settings, labels)
    share = summary.metrics[f"{name}.no_reading"]
    assert (share.value, share.n) == (0.5, 4)
    some = question.summarise(found[:2], settings, labels)
    for metric, figure in summary.metrics.items():
        alone = some.metrics[metric]
        if metric.startswith(("model.", "texts.", "attention.", "erase.all.", f"{name}.no_")):
            continue
        assert figure.value == pytest.approx(alone.value, abs=1e-12), metric
        assert figure.n == alone.n, metric
        assert figure.undefined == alone.undefined + 2 * (figure.undefined > 0), metric
    (note,) = [note for note in summary.notes if "no reading" in note]
    assert note == (
        "2 texts of 4 have no reading partial: 1 text with more than 7 tokens (why not); 1 text"
        " with numbers that are not finite. All figures that compare rankings leave out these"
        " texts, so every ranking is compared on the same 2 texts."
    )
    assert not any("no reading" in note for note in some.notes)
    for metric in summary.metrics:
        assert find(metric) is not None, metric
    with pytest.raises(InputError, match="no text has the reading partial: 1 text with more than"):
        question.summarise(found[2:], settings, labels)


def test_a_reading_of_0_everywhere_ranks_nothing(base, batches, instances, monkeypatch):
    nothing = declare(monkeypatch, lambda seen: seen.alpha[:, 0] * ~seen.batch.content)
    (batch, *_) = batches()
    found = answer(base, batch, {i.row: i for i in instances}, nothing)
    assert set(found.undefined.values()) == {NOTHING}
    assert len(found.undefined) == len(batch)
    assert found.on_words.isnan().all()
    assert found.signs is None
    find_reading.cache_clear()


def test_attention_that_is_no_number_ends_the_run(base, batches, instances, monkeypatch):
    (batch, *_) = batches()
    attend = base.attend
    monkeypatch.setattr(base, "attend", lambda encoded: attend(encoded) * torch.inf)
    with pytest.raises(InputError, match="no reading mean: its attention has numbers that are not"):
        answer(base, batch, {i.row: i for i in instances})


def test_a_record_without_a_reading_holds_nothing_of_it(base, batches, partial):
    (record, *_) = (
        r
        for r in records_of("erase", base, batches(), reading="partial", measures=("random",))
        if "no_reading" in r
    )
    kind = find_question("erase").kind(record)
    words = record["words"]
    for change in (
        {"attention": [0.0] * words},
        {"attention": [None] * (words - 1)},
        {"attention_signs": [1] * words},
        {"fractions": {**record["fractions"], "attention": None}},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**record, **change}, kind)
    del record["no_reading"]
    with pytest.raises(msgspec.ValidationError, match="there is no no_reading"):
        msgspec.convert(record, kind)


def test_a_run_in_which_no_text_has_the_reading_is_refused():
    lacking = {"no_reading": FEW}
    with pytest.raises(InputError, match=r"no text has the reading flow: 2 texts with more than 5"):
        check_read([lacking, lacking], "flow")
    check_read([], "flow")
    check_read(iter([lacking, {}]), "flow")
    read = iter([{}, {}])
    check_read(read, "flow")
    assert len(list(read)) == 1  # it stops at the first
