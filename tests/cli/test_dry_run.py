"""`--dry-run` as a user meets it: what it counts, what it refuses, and that it writes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch

from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.models import training
from attnaudit.models.classic.classifier import ClassicModel
from attnaudit.questions.model_adversary.strengths import GRID, ROUNDS
from attnaudit.running.planning import estimate, trial
from attnaudit.running.planning.plan import WorkPlan
from tests.cli.conftest import files_in

pytestmark = pytest.mark.usefixtures("undrawn")

INSTANCES, TRAIN = 30, 60
PROBES = ("uniform", "trained", "base", "shuffled", "untrained", "position")
ARMS = ("removed attended", "removed other")
SUITE = """\
data: {reviews: {train: 60, dev: 20, test: 30, seed: 0}}
model: {encoder: average, embedding: 4, hidden: 4}
training: {epochs: 2}
audit:
  correlate: {measure: [gradient, random]}
  permute: {permutations: 5}
  seed-baseline: {seeds: 2}
  adversary: {lambda: [0.01], refine: 1, seeds: 1, epochs: 3, patience: 1}
  probe: {seeds: 1}
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Neither intervals nor pilots are a concern here, and would take most of the time."""
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 20))
    monkeypatch.setattr(estimate, "SECONDS", 0.1)
    monkeypatch.setattr(trial, "SECONDS", 0.05)


@dataclass
class Counted:
    forward: int = 0
    learned: int = 0


@pytest.fixture
def counted(monkeypatch):
    """Texts that go through classic models, and that they learn from."""
    made = Counted()
    for name in ("encode", "encode_inlet", "encode_locally", "encode_deletions"):
        inner = getattr(ClassicModel, name)

        def encode(self, batch, *args, _inner=inner):
            encoded = _inner(self, batch, *args)
            made.forward += len(encoded.content)
            return encoded

        monkeypatch.setattr(ClassicModel, name, encode)
    step = training._Stepper.step

    def counting_step(self, loss):
        made.learned += 1
        step(self, loss)

    monkeypatch.setattr(training._Stepper, "step", counting_step)
    return made


@pytest.fixture
def audited(tiny):
    return tiny / "model.pt", tiny / "data.yaml"


@pytest.fixture
def plan(cli, here):
    """The plan of a command as JSON; nothing may be written for it."""

    def make(*args) -> WorkPlan:
        before = files_in(here)
        result = cli(*args, "--dry-run", "--json")
        assert result.code == 0, result
        assert files_in(here) == before
        return WorkPlan.model_validate_json(result.out)

    return make


@pytest.mark.parametrize("audit", ["permute", "correlate", "adversary", "erase"])
def test_the_passes_of_an_audit_are_those_that_it_makes(cli, plan, audited, counted, audit):
    (part,) = plan(audit, *audited).parts
    name = "instance-adversary" if audit == "adversary" else audit
    assert (part.name, part.split, part.instances) == (name, "test", INSTANCES)
    counted.forward = 0
    assert cli(audit, *audited).code == 0
    made = counted.forward
    made -= loading(cli, audited, counted)
    # Erasure ends where decisions flip, and integrals where they have converged.
    assert part.passes.exact == (audit not in ("erase", "correlate"))
    assert part.passes.forward == made if part.passes.exact else made <= part.passes.forward


def loading(cli, audited, counted):
    """Texts that go through a model when it is loaded and its laws are checked."""
    before = counted.forward
    cli("permute", *audited, "--permutations", 1)
    return counted.forward - before - INSTANCES


@pytest.mark.parametrize(
    ("command", "trainings", "later"),
    [
        (("probe", "--seeds", "1"), dict.fromkeys((*PROBES, *ARMS), 1), 0),
    ],
    ids=lambda x: x[0] if isinstance(x, tuple) else "",
)
def test_trainings_and_their_passes_are_those_that_are_made(
    cli, plan, audited, counted, command, trainings, later
):
    (part,) = plan(command[0], *audited, *command[1:]).parts
    assert {t.kind: t.count for t in part.trainings} == trainings
    assert all(t.epochs_least == t.epochs_most == 1 for t in part.trainings)
    assert all(t.steps == 2 for t in part.trainings)  # of 60 texts, 32 at a time
    counted.forward = counted.learned = 0
    assert cli(command[0], *audited, *command[1:]).code == 0
    made, learned = counted.forward, counted.learned
    assert part.passes.exact
    assert part.passes.forward == made - loading(cli, audited, counted)
    assert learned == sum(t.count * t.epochs_most * t.steps for t in part.trainings)
    assert part.passes.backward == TRAIN * sum(t.count for t in part.trainings)


def test_trainings_that_end_when_they_stop(cli, plan, audited, counted, here):
    asked = ("seed-baseline", *audited, "--seeds", "2", "--permuted-labels", "--random-attention")
    (part,) = plan(*asked).parts
    attentions = ("learned", "uniform", "peaked", "random", "reordered")
    kinds = ("seed", *(f"converged {name}" for name in attentions), "permuted")
    assert {t.kind: t.count for t in part.trainings} == dict.fromkeys(kinds, 2)
    for one in part.trainings:
        longest = 3 if one.kind.startswith("converged") else 1
        assert (one.epochs_least, one.epochs_most, one.steps) == (1, longest, 2)
    assert not part.passes.exact
    assert "A training stops when dev no longer improves" in " ".join(part.notes)
    counted.forward = counted.learned = 0
    assert cli(*asked, "--records", "r.jsonl").code == 0
    made, learned = counted.forward, counted.learned
    ended = [
        record["training"]["epochs"]
        for record in map(json.loads, (here / "r.jsonl").read_text().splitlines()[1:-1])
        if "training" in record and record["run"]["split"] == "test"
    ]
    assert len(ended) == 10
    spared = sum(3 - epochs for epochs in ended)
    made -= loading(cli, audited, counted)
    assert part.passes.forward == made + spared * (TRAIN + 20)
    most = sum(t.count * t.epochs_most * t.steps for t in part.trainings)
    shared = 2 * 2  # the one epoch of a seed is the first one of its learned twin
    assert learned == most - 2 * spared - shared


@pytest.mark.parametrize(
    ("audit", "kinds"),
    [
        ("seed-baseline", 4),
        # The looks are those of seed-baseline; the trainings of a probe are counted above.
        pytest.param("probe", len((*PROBES, *ARMS)), marks=pytest.mark.whole),
    ],
)
def test_seeds_that_may_grow_are_counted_to_the_last_look(plan, audited, audit, kinds):
    (part,) = plan(audit, *audited, "--seeds", "auto").parts
    assert len(part.trainings) == kinds
    assert {t.count for t in part.trainings} == {20}
    first = (
        f"{5 * kinds} trainings come first. Their results decide how many of the other "
        f"{15 * kinds} follow."
    )
    assert first in part.notes
    assert not part.passes.exact


def test_models_to_start_from_are_counted(plan, audited):
    asked = ("--no-per-instance", "--lambda", "0.1", "--seeds", "2", "--epochs", "1")
    (part,) = plan("adversary", *audited, *asked).parts
    kinds = {t.kind: t.count for t in part.trainings}
    assert kinds == {"model to start from": 1, "lambda scratch": 2 + 3, "lambda warm": 2 + 3}


def test_a_sweep_may_add_trainings_and_these_may_stop_early(plan, audited):
    sweep = ("--no-per-instance", "--sweep", "--patience", "3", "--epochs", "7")
    (part,) = plan("adversary", *audited, *sweep).parts
    start, scratch, warm = part.trainings
    assert (start.kind, start.count, start.epochs_most) == ("model to start from", 3, 1)
    each = 3 * (1 + len(GRID) + ROUNDS) + 3  # of the six that may replace stuck ones
    assert {scratch.kind: scratch.count, warm.kind: warm.count} == {
        "lambda scratch": each,
        "lambda warm": each,
    }
    assert (warm.epochs_least, warm.epochs_most) == (4, 7)
    assert not part.passes.exact
    said = (
        f"6 trainings come first. Their results decide how many of the other {2 * each - 6} follow."
    )
    assert any(note.startswith(said) for note in part.notes)
    seconds = next(s for s in part.stages if s.name == "training").seconds
    assert seconds.low < seconds.likely < seconds.high


@pytest.mark.parametrize(("repairs", "looked_at"), [("", 0), ("masked_words: 0.1, ", 2)])
def test_a_training(cli, plan, here, tiny_yaml, counted, repairs, looked_at):
    """Hidden words take a second pass, and two texts are looked at beforehand."""
    (here / "c.yaml").write_text(tiny_yaml.replace("training: {", "training: {" + repairs))
    said = plan("train", "c.yaml")
    (part,) = said.parts
    assert said.model is None
    assert (part.instances, part.batches) == (60, 2)
    counted.forward = counted.learned = 0
    assert cli("train", "c.yaml").code == 0
    assert (part.passes.forward, part.passes.exact) == (counted.forward - looked_at, True)
    assert part.passes.backward == 60
    assert counted.learned == 2


def test_the_audited_model_learns_nothing(cli, audited, tiny):
    before = torch.load(tiny / "model.pt", weights_only=True)
    cli("seed-baseline", *audited, "--seeds", 1, "--dry-run")
    after = torch.load(tiny / "model.pt", weights_only=True)
    assert json.dumps(before, default=repr) == json.dumps(after, default=repr)


def test_a_plan_is_a_table_on_stdout(cli, audited, here):
    result = cli("permute", *audited, "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert "a dry run: nothing was written" in result.out
    assert str(INSTANCES) in result.out
    assert "forward passes" in result.out
    assert "factor of 1.5" in result.out
    assert cli("permute", *audited, "--dry-run", "--quiet").out == ""
    assert files_in(here) == set()


def test_times_and_memory_are_those_of_this_machine(plan, audited):
    said = plan("permute", *audited)
    assert said.plan_version == 1
    assert (said.device, said.threads, said.workers) == ("cpu", 1, 1)
    (part,) = said.parts
    assert [stage.name for stage in part.stages] == ["records", "summary"]
    for span in (said.seconds, said.loading, part.seconds):
        assert 0 < span.low <= span.likely <= span.high < 600
    before = said.loading.likely + said.check.seconds.likely
    assert said.seconds.likely == pytest.approx(before + part.seconds.likely)
    assert said.memory_bytes is None or 10**7 < said.memory_bytes < 10**11


def test_workers_share_the_work_and_begin_before_it(plan, audited):
    alone = plan("seed-baseline", *audited, "--seeds", "1")
    shared = plan("seed-baseline", *audited, "--seeds", "1", "--workers", "2")
    assert (alone.workers, shared.workers) == (1, 2)
    assert shared.parts[0].passes == alone.parts[0].passes
    assert shared.seconds.likely > 4.0  # what it takes to start them


def test_a_whole_audit(plan, here):
    (here / "c.yaml").write_text(SUITE)
    said = plan("audit", "c.yaml")
    assert [part.name for part in said.parts] == [
        *("train", "correlate", "permute", "erase", "instance-adversary", "seed-baseline"),
        *("model-adversary", "probe"),
    ]
    assert said.model == "c/model.pt"
    assert said.dataset == "c/data.yaml"
    by_name = {part.name: part for part in said.parts}
    together = {p.name for p in said.parts if any("share one pass" in n for n in p.notes)}
    assert together == {"correlate", "permute", "erase", "instance-adversary"}
    assert {t.kind: t.count for t in by_name["probe"].trainings} == dict.fromkeys(
        (*PROBES, "adversary", *ARMS), 1
    )
    (adversaries,) = by_name["model-adversary"].trainings
    # An imitator, a lambda and a refinement; of the six that may replace one half begin here.
    assert (adversaries.kind, adversaries.count) == ("lambda scratch", 3 + 3)
    assert (adversaries.epochs_least, adversaries.epochs_most) == (2, 3)


@pytest.mark.whole  # ten seconds
def test_a_whole_audit_of_a_transformer(plan, tiny, here, pretrained):
    (here / "c.yaml").write_text(
        f"data: {tiny / 'data.yaml'}\nmodel: {{pretrained: {pretrained}}}\n"
        "training: {epochs: 1}\n"
        "audit: {skip: [correlate, erase, adversary], seed-baseline: {seeds: 1}, probe: {seeds: 1}}"
    )
    said = plan("audit", "c.yaml")
    assert [part.name for part in said.parts] == ["train", "permute", "seed-baseline", "probe"]
    baseline = said.parts[2].passes
    trained = (1 + 3 * 3) * (TRAIN + 20) + 4 * 2 * 50
    # Besides the answers of the audited model, those with uniform attention in all its layers; and
    # its attention on every split, which is shuffled.
    assert baseline.forward == trained + 2 * 50 + TRAIN + 50


def test_what_stands_already_is_not_planned_again(cli, plan, here):
    (here / "c.yaml").write_text(SUITE + "  skip: [erase, adversary, probe, seed-baseline]\n")
    assert cli("audit", "c.yaml").code == 0
    said = plan("audit", "c.yaml")
    assert [part.passes.forward for part in said.parts] == [0, 0, 0]
    assert all("already in the output folder" in part.notes[0] for part in said.parts)
    (here / "c" / "records" / "permute.jsonl").unlink()
    said = plan("audit", "c.yaml")
    assert [(p.name, p.passes.forward) for p in said.parts] == [
        ("train", 0),
        ("correlate", 0),
        ("permute", INSTANCES),
    ]


POWER = SUITE.replace("seeds: 2", "seeds: 5").replace("probe: {seeds: 1}", "probe: {seeds: 6}")


def test_a_pilot_tells_how_likely_answers_are(plan, here):
    (here / "c.yaml").write_text(POWER)
    found = plan("audit", "c.yaml", "--power", "--pilot", 3).power
    assert (found.pilot_seeds, found.split, found.texts) == (3, "test", 30)
    rows = {row.figure: row for row in found.rows}
    assert {row.finding for row in rows.values()} >= {"necessary", "out_of_context"}
    assert {row.seeds for row in rows.values()} <= {5, 6}
    assert found.imitators.trained >= 3
    assert found.seconds > 0


@pytest.mark.whole  # the pilot of the test above, as text
def test_the_table_of_a_pilot(cli, here):
    (here / "c.yaml").write_text(POWER)
    said = cli("audit", "c.yaml", "--dry-run", "--power", "--pilot", 3)
    assert said.code == 0
    assert files_in(here) == {"c.yaml"}
    for words in (
        "Chance that each finding reaches an answer at the planned size",
        "trained 3 seeds of each model",
        "measured on the audited split",
        "necessary:",
        "of the uncertainty,",
        "imitators of the pilot",
    ):
        assert words in " ".join(said.out.split())


def test_mistakes_with_a_pilot(refused, here):
    (here / "c.yaml").write_text(POWER)
    refused("audit", "c.yaml", "--power", says=["--power goes with --dry-run"])
    refused("audit", "c.yaml", "--dry-run", "--power", "--pilot", 2, says=["--pilot"])
    (here / "c.yaml").write_text(POWER + "  skip: [seed-baseline]\n")
    refused("audit", "c.yaml", "--dry-run", "--power", says=["leaves out seed-baseline"])


# What a real run refuses before its work is refused the same way.


@pytest.mark.parametrize(
    "args",
    [
        ("permute", "nowhere.pt", "{data}"),
        ("permute", "{model}", "nowhere.yaml"),
        ("permute", "{model}", "{data}", "--reading", "head3"),
        ("permute", "{model}", "{data}", "--split", "night"),
        ("permute", "{model}", "{data}", "--records", "no/such/folder.jsonl"),
        ("permute", "{model}", "{data}", "--policy", "missing.yaml"),
        ("permute", "{model}", "{data}", "--resume"),
        ("correlate", "{model}", "{data}", "--measure", "leave_one_out_mask"),
        ("seed-baseline", "{model}", "{data}", "--recipe", "missing.yaml"),
        ("seed-baseline", "{model}", "{data}", "--split", "dev", "--limit", "10"),
        ("probe", "{model}", "{data}", "--guide", "a=missing.pt"),
        ("adversary", "{model}", "{data}", "--lambda", "0.1", "--models", "file/models"),
        ("seed-baseline", "{model}", "{data}", "--keep", "file/seeds"),
        ("train", "missing.yaml"),
        ("train", "one_class.yaml"),
        ("audit", "blocked.yaml"),
        ("audit", "misspelt.yaml"),
    ],
    ids=lambda args: " ".join(args).replace("{", "").replace("}", ""),
)
def test_mistakes_are_refused_as_the_real_run_refuses_them(refused, audited, here, rows, args):
    (here / "file").write_text("")
    rows(*({"text": f"so good {i}", "label": 1} for i in range(8)), name="one.jsonl")
    rows(*({"text": f"so good {i}", "label": i % 2} for i in range(8)), name="two.jsonl")
    (here / "one.yaml").write_text("train: two.jsonl\ndev: one.jsonl\nlabels: [0, 1]\n")
    (here / "two.yaml").write_text("train: two.jsonl\ndev: two.jsonl\n")
    (here / "one_class.yaml").write_text("data: one.yaml\noutput: out\n")
    (here / "blocked.yaml").write_text("data: two.yaml\noutput: file/out\n")
    (here / "misspelt.yaml").write_text("data: two.yaml\naudit: {correlate: {measure: [lime]}}\n")
    given = [a.format(model=audited[0], data=audited[1]) for a in args]
    assert refused(*given, "--dry-run") == refused(*given)


def test_a_model_that_could_not_be_written_is_refused(refused, here, tiny_yaml):
    (here / "file").write_text("")
    (here / "c.yaml").write_text(tiny_yaml)
    refused("train", "c.yaml", "-o", "file", "--dry-run", says=["file: is a file"])
    (here / "out" / "model.pt").mkdir(parents=True)
    asked = ("train", "c.yaml", "-o", "out")
    assert refused(*asked, "--dry-run") == refused(*asked)


def test_a_training_goes_on_from_its_own_state_only(cli, refused, here, tiny_yaml):
    (here / "c.yaml").write_text(tiny_yaml)
    (here / "c").mkdir()
    torch.save({"digest": "another"}, here / "c" / "training.state")
    said = refused("train", "c.yaml", "--resume", "--dry-run", says=["training.state"])
    assert cli("train", "c.yaml", "--resume").err == said
    assert cli("train", "c.yaml", "--dry-run").code == 0


def test_adversaries_of_another_model_are_not_to_be_lost(cli, refused, audited, here):
    asked = ("adversary", *audited, "--no-per-instance", "--lambda", "0.1", "--seeds", 1)
    assert cli(*asked, "--epochs", 1).code == 0
    model = torch.load(audited[0], weights_only=True)
    model["weights"] = {n: w + 1e-3 for n, w in model["weights"].items()}
    torch.save(model, here / "other.pt")
    other = ("adversary", "other.pt", *asked[2:])
    says = ["adversaries: contains models that were trained for another audited model"]
    assert refused(*other, "--dry-run", says=says) == refused(*other, says=says)


@pytest.mark.whole  # test_seed_baseline has the refusal, and the test above that of a dry run
def test_kept_models_of_another_audited_model_are_not_to_be_lost(cli, refused, audited, here):
    asked = ("seed-baseline", *audited, "--seeds", 1, "--keep", "kept")
    assert cli(*asked, "--dry-run").code == 0
    assert not (here / "kept").exists()
    assert cli(*asked).code == 0
    model = torch.load(audited[0], weights_only=True)
    model["weights"] = {n: w + 1e-3 for n, w in model["weights"].items()}
    torch.save(model, here / "other.pt")
    other = ("seed-baseline", "other.pt", *asked[2:])
    says = ["kept: contains models that were trained for another audited model"]
    assert refused(*other, "--dry-run", says=says) == refused(*other, says=says)
