"""`attnaudit audit`: what it runs, in what order, and that nothing is made twice."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from attnaudit.cli.main import app
from attnaudit.errors import InputError, OutputError
from attnaudit.execution.observer import Silent
from attnaudit.measures.bootstrap import Bootstrap
from attnaudit.models.checkpoint import load_checkpoint
from attnaudit.models.recipe import Overrides
from attnaudit.questions import all_questions, looks
from attnaudit.questions.option import key_of, option_of
from attnaudit.records.reading import read_records
from attnaudit.report.demands import Demands
from attnaudit.report.rebuild import load
from attnaudit.report.schema import dumps
from attnaudit.running import carry, suite
from attnaudit.running.planning.dry_suite import plan_suite
from attnaudit.running.plans import read_plan, section_type
from attnaudit.running.suite import Where, run_suite
from tests.sealed import body

CONFIG = """\
data:
  reviews: {train: 60, dev: 30, test: 16, seed: 0}
output: out
model: {encoder: average, embedding: 8, hidden: 8}
training: {epochs: 3, learning_rate: 0.1, batch_size: 8}
audit:
  skip: [correlate, permute, erase, instance-adversary]
  seed-baseline: {seeds: 5}
  adversary: {lambda: [0.01], refine: 1, seeds: 2, epochs: 4}
  probe: {seeds: 1}
"""
SEEDS = (1, 2, 3, 4, 5)
# The first warm start gets stuck, and is replaced. Of the others one is chosen to guide probes.
ADVERSARIES = [
    *("lambda 0.0, from scratch, seed 6", "lambda 0.0, warm start, seed 1"),
    "lambda 0.0, warm start, seed 2",
    *("lambda 0.01, from scratch, seed 6", "lambda 0.01, warm start, seed 2"),
    *("lambda 0.04, from scratch, seed 6", "lambda 0.04, warm start, seed 2"),
]
OF_SEEDS = [
    *(f"seed {seed} and learned {seed}" for seed in SEEDS),  # both from one training
    *(f"{kind} {seed}" for seed in SEEDS for kind in ("uniform", "peaked")),
]
TRAININGS = [
    "train",
    *OF_SEEDS,
    *ADVERSARIES,
    *(f"probe {guide} 1" for guide in ("uniform", "trained", "base", "adversary")),
    *(f"probe {guide} 1" for guide in ("shuffled", "untrained", "position")),
    *(f"without {words} words 1" for words in ("attended", "other")),
]


class Listener(Silent):
    """Notes what is trained; presses Ctrl-C at a step of one training, if told to."""

    def __init__(self, title=None, step=1):
        self.title, self.step, self.trained, self.totals = title, step, [], []

    @contextmanager
    def task(self, title, total, done=0):
        if title == "audit":
            self.totals.append(total)
        elif not title.endswith(": models"):
            self.trained.append(title)
        yield Countdown(self.step) if title == self.title else self


class Countdown(Silent):
    def __init__(self, left):
        self.left = left

    def advance(self, steps=1, info=""):
        self.left -= steps
        if self.left <= 0:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    """Intervals are no concern here, and would take most of the time."""
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run CONFIG in an empty folder, with some of its text exchanged, and tell what it trained."""
    monkeypatch.chdir(tmp_path)

    def make(*exchanged, listener=None, demands=None):
        Path("c.yaml").write_text(changed(*exchanged))
        listener = listener or Listener()
        config, plan = read_plan(Path("c.yaml"), Overrides())
        made = run_suite(config, plan, Where("cpu"), demands, listener, ["attnaudit", "audit"])
        return made.report, listener.trained

    return make


def changed(*exchanged):
    text = CONFIG
    for old, new in exchanged:
        assert old in text
        text = text.replace(old, new)
    return text


def file_of(title):
    """The name of the file of an adversary, less its ending."""
    strength, start, seed = title.split(", ")
    kind = "warm" if start == "warm start" else "scratch"
    return f"{strength.replace(' ', '')}-{kind}-{seed.replace(' ', '')}"


def timeless(report):
    content = json.loads(dumps(report))
    for key in ("started", "finished", "command_line"):
        del content["manifest"][key]
    for name in content["manifest"]["files"]:
        if name.endswith(".jsonl") and "records" in name:  # their headers hold times
            content["manifest"]["files"][name] = ""
    return content


def records_of(name):
    return body(Path(f"out/records/{name}.jsonl"))


RECORDED = ("seed-baseline", "model-adversary", "probe")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an undisturbed run comes to: its report, and the records of each audit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))
        patch.chdir(tmp_path_factory.mktemp("whole"))
        Path("c.yaml").write_text(CONFIG)
        listener = Listener()
        config, plan = read_plan(Path("c.yaml"), Overrides())
        made = run_suite(config, plan, Where("cpu"), None, listener, ["attnaudit", "audit"])
        assert listener.trained == TRAININGS
        assert listener.totals == [4]
        files = {p for p in Path("out").rglob("*") if p.is_file()}
        assert {str(p.relative_to("out")) for p in files} == {
            *("model.pt", "train.json", "report.json", "data.yaml"),
            *("train.jsonl", "dev.jsonl", "test.jsonl"),
            *(f"records/{name}.jsonl" for name in RECORDED),
            *(f"seeds/seed{k}.pt" for k in SEEDS),
            *(f"adversaries/{file_of(title)}.pt" for title in ADVERSARIES),
        }
        assert load(Path("out/report.json"))[0].report == made.report
        records = {name: records_of(name) for name in RECORDED}
        return timeless(made.report), records, Path("out").absolute()


# Plans


@pytest.fixture
def plan(tmp_path):
    def read(audit=""):
        path = tmp_path / "c.yaml"
        path.write_text(f"data: d.yaml\n{audit}")
        return read_plan(path, Overrides())[1]

    return read


ALL = tuple(question.name for question in all_questions() if not question.optional)


def names(plan):
    return tuple(question.name for question in plan.questions)


def test_every_question_is_asked_unless_it_is_skipped(plan):
    assert plan() == plan("audit:\n")
    assert names(plan()) == ALL
    some = names(plan("audit: {skip: [probe, erase, instance-adversary]}"))
    assert some == ("correlate", "permute", "seed-baseline", "model-adversary")


def test_an_optional_question_is_asked_where_a_plan_names_it(plan):
    assert "heads" not in ALL
    with_heads = (*ALL[:3], "heads", *ALL[3:])
    assert names(plan("audit: {also: [heads]}")) == with_heads
    asked = plan("audit: {heads: {draws: 2, knock-out: [not]}}")
    assert names(asked) == with_heads
    assert (asked.settings["heads"].draws, asked.settings["heads"].words) == (2, ("not",))
    assert names(plan("audit: {also: [heads], skip: [heads]}")) == ALL


def test_a_subcommand_that_is_skipped_asks_none_of_its_questions(plan):
    assert names(plan("audit: {skip: [adversary]}")) == (
        *("correlate", "permute", "erase", "seed-baseline", "probe"),
    )


def test_questions_come_after_those_that_they_build_on():
    assert ALL.index("seed-baseline") < ALL.index("model-adversary") < ALL.index("probe")


def test_findings_can_be_reached_with_the_defaults(plan):
    settings = plan().settings
    assert settings["seed-baseline"].seeds >= 5
    assert settings["probe"].seeds >= 5
    assert settings["model-adversary"].seeds >= 3
    assert settings["model-adversary"].lambdas
    assert settings["model-adversary"].refine > 0


def test_a_plan_says_what_differs_from_the_defaults(plan):
    found = plan("audit: {seed-baseline: {seeds: 7}, deltas: {necessary: 0.02}, text: true}")
    assert (found.settings["seed-baseline"].seeds, found.deltas.necessary, found.text) == (
        *(7, 0.02, True),
    )
    assert found.deltas.out_of_context == 0.01
    assert found.settings["model-adversary"] == plan().settings["model-adversary"]


def test_a_section_holds_the_settings_of_both_adversaries(plan):
    found = plan("audit: {adversary: {epsilon: [0.05], lambda: [0.3]}}").settings
    assert found["instance-adversary"].epsilons == (0.05,)
    assert found["model-adversary"].lambdas == (0.3,)


def test_a_suite_is_asked_as_the_commands_are(plan):
    usual = plan().settings["model-adversary"]
    assert plan("audit: {adversary: {seeds: 4}}").settings["model-adversary"] == (
        usual.model_copy(update={"seeds": 4})
    )
    named = plan("audit: {adversary: {lambda: 0.3}}").settings["model-adversary"]
    assert (named.lambdas, named.refine) == ((0.3,), 0)
    both = plan("audit: {adversary: {lambda: [0.3], sweep: true}}").settings["model-adversary"]
    assert (both.lambdas, both.refine) == ((0.3,), usual.refine)
    assert "model-adversary" not in names(plan("audit: {adversary: {sweep: false}}"))
    assert "instance-adversary" not in names(plan("audit: {adversary: {per-instance: false}}"))
    assert plan("audit: {permute: {per-head: true}}").settings["permute"].per_head
    found = plan("audit: {correlate: {measure: [random, gradient]}}").settings["correlate"]
    assert found.measures == ("gradient", "random")
    assert plan("audit: {seed-baseline: {text: true}}").settings["seed-baseline"].seeds == 5


@pytest.mark.parametrize(("given", "seeds"), [("auto", "auto"), ("8", 8), ("'auto'", "auto")])
def test_seeds_are_a_number_or_auto(plan, given, seeds):
    found = plan(f"audit:\n  seed-baseline: {{seeds: {given}}}\n  probe: {{seeds: {given}}}")
    assert [found.settings[name].seeds for name in ("seed-baseline", "probe")] == [seeds, seeds]


def test_a_configuration_says_what_options_say_and_calls_it_the_same():
    commands = typer.main.get_command(app).commands
    for command in {question.command for question in all_questions()}:
        options = {
            flag.removeprefix("--").replace("-", "_")
            for parameter in commands[command].params
            for flag in parameter.opts
            if flag.startswith("--")
        }
        part = section_type().model_fields[command.replace("-", "_")].annotation
        keys = {field.validation_alias.choices[0] for field in part.model_fields.values()}
        assert keys - options == ({"refine", "search_steps"} if command == "adversary" else set())
        asked = [question for question in all_questions() if question.command == command]
        for name, field in (item for q in asked for item in q.settings.model_fields.items()):
            option = option_of(field)
            assert not option.offered or option.filled or key_of(name, field) in keys & options
        assert {switch.key for question in asked for switch in question.switches} <= keys & options


@pytest.mark.parametrize("name", ["quickstart", "bert_sst", "paper_wp_sst", "paper_pronoun"])
def test_the_plans_of_sample_configurations_answer_every_question(name):
    path = Path(__file__).parents[2] / "sample_configs" / f"{name}.yaml"
    plan = read_plan(path, Overrides(data=Path("data.yaml")))[1]
    deceives = name == "paper_pronoun"
    assert names(plan) == (*ALL, *(("deceive",) if deceives else ()))
    if deceives:
        assert plan.settings["deceive"].all_coefficients == (0.0, 0.1, 1.0)
        assert plan.settings["deceive"].seeds == 5
    assert plan.settings["seed-baseline"].seeds >= 5
    assert plan.settings["model-adversary"].lambdas
    assert plan.settings["model-adversary"].seeds >= 3


def test_the_sample_of_rationales_asks_for_them():
    path = Path(__file__).parents[2] / "sample_configs" / "fresh_sst.yaml"
    plan = read_plan(path, Overrides(data=Path("data.yaml")))[1]
    assert not [question.name for question in plan.questions if question.decides]
    asked = plan.settings["rationalize"]
    assert asked.by == ("mean", "gradient_flowing")
    assert (asked.share, asked.form, asked.seeds) == (0.2, "top", 5)


@pytest.mark.parametrize(
    ("audit", "says"),
    [
        ("audit: 3", ":2: audit: should be a"),
        ("audit:\n  permut: {}", ":3: unknown key 'audit.permut'; did you mean 'permute'?"),
        ("audit:\n  seed_baseline: {}", ":3: unknown key.*write 'seed-baseline' instead"),
        ("audit:\n  seed-baseline:\n    sede: 1", ":4: unknown key.*did you mean 'seed'"),
        (
            "audit:\n  skip: [erase, hats]",
            ":3: audit.skip: 'hats' is none of",
        ),
        (f"audit:\n  skip: [{', '.join(ALL)}]", ":3: audit.skip: leaves no audit to run"),
        ("audit:\n  also: [hats]", ":3: audit.also: 'hats' is none of"),
        ("audit:\n  text: sometimes", ":3: audit.text: should be a valid boolean"),
        ("audit:\n  deltas:\n    necesary: 0.1", ":4: .*did you mean 'necessary'"),
        ("audit:\n  deltas: {hard_to_manipulate: 0.7}", ":3: .*less than or equal to 0.6931"),
        ("audit:\n  adversary: {lambda: [-1]}", ":3: .*lambda must be 0 or larger"),
        (
            "audit:\n  adversary: {lambda: []}",
            ":3: audit.adversary.lambda: needs at least one",
        ),
        ("audit:\n  adversary:\n    lambda: [1, 1]", ":4: .*the same value occurs twice"),
        ("audit:\n  probe: {seeds: 0}", ":3: audit.probe.seeds: should be a number from 1 to"),
        (
            "audit:\n  probe: {seeds: many}",
            ":3: audit.probe.seeds: should be .* or 'auto', not 'many'",
        ),
        (
            "audit:\n  seed-baseline: {seeds: 2.5}",
            ":3: audit.seed-baseline.seeds: should be .*, not 2.5",
        ),
        (
            "audit:\n  adversary: {seeds: auto}",
            ":3: audit.adversary.seeds: should be a valid integer",
        ),
        (
            "audit:\n  adversary: {per_instance: false, lambda: []}",
            ":3: audit.adversary.lambda: needs at least one",
        ),
        ("audit:\n  erase:\n    measure: [gradent]", ":4: .*: unknown importance.*'gradient'"),
        ("audit:\n  correlate: {measure: [loo]}", ":3: .*: unknown importance measure 'loo'"),
        ("audit:\n  correlate: {measures: [random]}", ":3: unknown key.*'measure'"),
        ("audit:\n  adversary: {lambdas: [1]}", ":3: unknown key.*write 'lambda' instead"),
        ("audit:\n  adversary:\n    epsilons: [1]", ":4: unknown key.*write 'epsilon' instead"),
        ("audit:\n  adversary: {epsilon: [2]}", ":3: audit.adversary.epsilon.*less than"),
        ("audit:\n  adversary: {search-steps: 0}", ":3: audit.adversary.search-steps: .*greater"),
        ("audit:\n  erase: {left_out: [random]}", ":3: unknown key"),
        ("audit:\n  probe: {guide: [a=b.pt]}", ":3: unknown key"),
        ("audit:\n  permute: {reading: heads}", ":3: audit.permute.reading: .*'heads'"),
        ("audit:\n  permute: {per_head: 1}", ":3: audit.permute.per_head: .*boolean"),
        (
            "audit:\n  skip: [correlate, permute, erase, seed-baseline, probe]\n"
            "  adversary: {per-instance: false, sweep: false}",
            ":2: audit: leaves no question",
        ),
    ],
)
def test_mistakes_in_a_plan_are_named_by_file_and_line(plan, audit, says):
    with pytest.raises(InputError, match=r"c\.yaml" + says):
        plan(audit)


# Runs


def test_a_second_run_makes_nothing_again(run, whole):
    shutil.copytree(whole[2], "out")
    before = {p: p.stat().st_mtime_ns for p in Path("out/records").iterdir()}
    models = [load_checkpoint(p).training for p in sorted(Path("out").rglob("*.pt"))]
    report, trained = run()
    assert trained == []
    assert timeless(report) == whole[0]
    assert {p: p.stat().st_mtime_ns for p in Path("out/records").iterdir()} == before
    assert [load_checkpoint(p).training for p in sorted(Path("out").rglob("*.pt"))] == models


@pytest.mark.parametrize(
    ("title", "step"),
    [
        pytest.param("train", 1, marks=pytest.mark.whole),
        pytest.param("train", 9, marks=pytest.mark.whole),
        pytest.param("uniform 1", 1, marks=pytest.mark.whole),
        pytest.param("seed 2 and learned 2", 2, marks=pytest.mark.whole),
        ("lambda 0.0, warm start, seed 1", 1),
        pytest.param("lambda 0.0, warm start, seed 2", 1, marks=pytest.mark.whole),
        pytest.param("lambda 0.04, warm start, seed 2", 2, marks=pytest.mark.whole),
        pytest.param("probe adversary 1", 1, marks=pytest.mark.whole),
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_report(run, whole, title, step):
    broken = Listener(title, step)
    with pytest.raises(KeyboardInterrupt):
        run(listener=broken)
    at = TRAININGS.index(title)
    assert broken.trained == TRAININGS[: at + 1]
    assert not Path("out/report.json").exists()
    report, trained = run()
    assert trained == TRAININGS[at:]
    assert timeless(report) == whole[0]
    assert {name: records_of(name) for name in RECORDED} == whole[1]
    assert not list(Path("out").rglob("*.partial"))
    assert not list(Path("out").rglob("*.state"))


@pytest.mark.whole
def test_kept_seeds_are_not_trained_again_where_records_are_gone(run, whole):
    run()
    Path("out/records/seed-baseline.jsonl").unlink()
    report, trained = run()
    learned = [f"learned {seed}" for seed in SEEDS]
    assert trained == [*learned, *(t for t in OF_SEEDS if not t.startswith("seed"))]
    assert timeless(report) == whole[0]


@pytest.mark.whole
def test_what_is_changed_is_run_anew_with_what_rests_on_it(run):
    run()
    probes = [t for t in TRAININGS if t.startswith(("probe", "without"))]
    _, trained = run(("probe: {seeds: 1}", "probe: {seeds: 1, seed: 3}"))
    assert trained == [t.replace(" 1", " 3") for t in probes]
    _, trained = run(("seeds: 2, epochs: 4", "seeds: 2, epochs: 3"))
    adversaries = [t for t in trained if t.startswith("lambda")]
    assert adversaries[:2] == ADVERSARIES[:2]
    assert trained == [*adversaries, *probes]  # a probe is guided by another adversary
    report, trained = run(
        ("audit:", "audit:\n  deltas: {necessary: 0.3}"), ("epochs: 4", "epochs: 3")
    )
    assert trained == []
    assert report.audit == "report"


@pytest.mark.whole  # half a minute
def test_words_are_kept_where_the_plan_says_so(run):
    run()
    _, trained = run(("audit:", "audit:\n  text: true"))
    # Models that are kept are taken from there.
    assert trained == [t for t in TRAININGS if not t.startswith(("train", "seed", "lambda"))]
    for name in RECORDED:
        _, records = read_records(Path(f"out/records/{name}.jsonl"))
        base = [r for r in records if r["run"].get("model") == "base"]
        assert all("tokens" in r for r in base), name


@pytest.mark.whole
def test_another_model_takes_the_place_of_the_old_one(run):
    run()
    old = load_checkpoint(Path("out/adversaries/lambda0.01-scratch-seed6.pt")).training[
        "base_sha256"
    ]
    stale = Path("out/adversaries/lambda9.0-warm-seed1.pt")
    stale.write_bytes(Path("out/adversaries/lambda0.01-scratch-seed6.pt").read_bytes())
    _, trained = run(("learning_rate: 0.1", "learning_rate: 0.11"))
    first = TRAININGS.index(ADVERSARIES[0])
    assert trained[: first + 1] == TRAININGS[: first + 1]
    kept = load_checkpoint(Path("out/seeds/seed2.pt")).training
    new = load_checkpoint(Path("out/adversaries/lambda0.01-scratch-seed6.pt")).training[
        "base_sha256"
    ]
    assert new == kept["base_sha256"] != old
    assert not stale.exists()  # lest it be taken for one of the new model


@pytest.mark.whole
def test_what_another_run_has_left_unfinished_is_no_obstacle(run, whole):
    for title, rate in (("seed 2", "0.02"), ("train", "0.03")):  # train: in its second epoch
        other = ("learning_rate: 0.1", f"learning_rate: {rate}")
        with pytest.raises(KeyboardInterrupt):
            run(other, listener=Listener(title, 9))
    assert Path("out/training.state").exists()
    assert Path("out/records/seed-baseline.jsonl.partial").exists()
    Path("out/records/probe.jsonl.partial").write_text("garbage\n")
    report, trained = run()
    assert trained == TRAININGS
    assert timeless(report) == whole[0]


def test_folders_that_cannot_be_written_to_are_found_before_training(run, tmp_path):
    Path("out").mkdir()
    for name in ("records", "adversaries", "seeds"):
        place = tmp_path / "out" / name
        place.write_text("")
        listener = Listener()
        with pytest.raises(OutputError, match=f"{name}: is a file, but a folder is needed"):
            run(listener=listener)
        assert (listener.trained, listener.totals) == ([], [])
        place.unlink()
    Path("out").rmdir()
    Path("out").write_text("")
    with pytest.raises(OutputError, match="out: is a file, but a folder is needed"):
        run()


def test_a_baseline_of_something_else_is_refused_before_the_audits(run, whole):
    shutil.copytree(whole[2], "out")
    (other,) = load(Path("out/records/probe.jsonl"))
    from attnaudit.report.baseline import Baseline

    demands = Demands(None, None, Baseline(Path("old.json"), other.report, other.columns))
    listener = Listener()
    with pytest.raises(
        InputError, match=r"old\.json: is a baseline of probe, but this report is of report"
    ):
        run(("seeds: 5", "seeds: 6"), listener=listener, demands=demands)
    assert listener.trained == []


def test_deltas_reach_the_findings(run, monkeypatch):
    seen = []
    real = suite.combine

    def spy(paths, demands, deltas, *rest):
        seen.append(deltas)
        return real(paths, demands, deltas, *rest)

    monkeypatch.setattr(suite, "combine", spy)
    before = "[correlate, permute, erase, instance-adversary]"
    skip = (before, "[correlate, erase, seed-baseline, adversary, probe]")
    report, _ = run(skip, ("audit:", "audit:\n  deltas: {necessary: 0.3}"))
    assert seen[0].necessary == 0.3
    assert report.audit == "permute"  # alone, it stays what it is


@pytest.mark.parametrize(("delta", "seeds"), [(0.3, (1, 2)), (0.01, (1,))])
def test_the_deltas_of_the_plan_decide_how_many_seeds_there_are(run, monkeypatch, delta, seeds):
    monkeypatch.setattr(looks, "LOOKS", (1, 2))
    monkeypatch.setattr(
        carry,
        "decided_by",
        lambda header, deltas: lambda made, size: deltas.necessary < 0.1,
    )
    report, trained = run(
        ("instance-adversary]", "adversary, probe]"),
        ("seed-baseline: {seeds: 5}", "seed-baseline: {seeds: auto}"),
        ("audit:", f"audit:\n  deltas: {{necessary: {delta}}}"),
    )
    each = [t for seed in seeds for t in OF_SEEDS if t.endswith(str(seed))]
    assert trained == ["train", *each]
    assert report.settings["seeds"] == "auto"


# Transformers


@pytest.fixture
def fine(pretrained):
    """What makes CONFIG one of a pretrained transformer."""
    return (
        ("{encoder: average, embedding: 8, hidden: 8}", f"{{pretrained: {pretrained}}}"),
        ("learning_rate: 0.1", "learning_rate: 0.01"),
    )


def guides_in(path):
    """Whose attention guides probes; no adversary does where none keeps the budget."""
    _, records = read_records(Path(path))
    return {record["run"].get("guide") for record in records}


@pytest.mark.whole  # the audit of test_fine_tuning goes the same way through the program
def test_a_transformer_goes_the_same_way(run, fine):
    report, trained = run(*fine)
    adversaries = [t for t in trained if t.startswith("lambda")]
    assert {t.split(", ")[1] for t in adversaries} == {"from scratch", "warm start"}
    before, after = TRAININGS.index(ADVERSARIES[0]), TRAININGS.index("probe uniform 1")
    guided = "adversary" in guides_in("out/records/probe.jsonl")
    probes = [t for t in TRAININGS[after:] if guided or "probe adversary" not in t]
    assert trained == [*TRAININGS[:before], *adversaries, *probes]
    assert report.metrics["necessity.score_gap"].value is not None
    assert {p.name for p in Path("out").iterdir() if p.is_dir()} == {
        *("model", "records", "adversaries", "seeds")
    }
    assert {p.name for p in Path("out/adversaries").iterdir()} == set(map(file_of, adversaries))
    assert {p.name for p in Path("out/seeds").iterdir()} == {f"seed{k}" for k in SEEDS}
    kept = (*Path("out/seeds").iterdir(), *Path("out/adversaries").iterdir())
    for path in (Path("out/model"), *kept):
        assert (path / "attnaudit.json").is_file()
        assert (path / "model.safetensors").is_file()
    before = {p: p.stat().st_mtime_ns for p in Path("out/records").iterdir()}
    again, trained = run(*fine)
    assert trained == []
    assert timeless(again) == timeless(report)
    assert {p: p.stat().st_mtime_ns for p in Path("out/records").iterdir()} == before


@pytest.mark.whole
def test_an_interrupted_run_of_a_transformer_goes_on_to_the_same_records(run, fine):
    """A transformer is trained some hundred times, in six audits."""
    for title in ("train", "uniform 1", "lambda 0.0, warm start, seed 1", "probe base 1"):
        with pytest.raises(KeyboardInterrupt):
            run(*fine, listener=Listener(title, 1))
    report, trained = run(*fine)
    pieced = {name: records_of(name) for name in RECORDED}
    shutil.rmtree("out")
    whole, every = run(*fine)
    assert trained == every[every.index("probe base 1") :]
    assert {name: records_of(name) for name in RECORDED} == pieced
    assert timeless(whole) == timeless(report)


@pytest.mark.whole
def test_a_classic_model_gives_way_to_a_transformer(run, fine):
    run()
    _, trained = run(*fine)
    first = TRAININGS.index(ADVERSARIES[0])
    assert trained[: first + 2] == TRAININGS[: first + 2]
    assert not list(Path("out/adversaries").glob("*.pt"))


@pytest.mark.parametrize("changed_to", ["learning_rate: 0.2", "learning_rate: 0.1, seed: 3"])
def test_a_dry_run_counts_anew_what_another_model_has_left(whole, run, changed_to):
    """What the seeds of another model may do is no budget, and so no reason to refuse."""
    shutil.copytree(whole[2], "out")
    Path("c.yaml").write_text(changed(("learning_rate: 0.1", changed_to)))
    config, plan = read_plan(Path("c.yaml"), Overrides())
    planned = plan_suite(config, plan, Where("cpu"), None, Silent())
    assert [part.name for part in planned.parts] == ["train", *RECORDED]
    assert all(part.trainings for part in planned.parts)
    Path("c.yaml").write_text(CONFIG)
    config, plan = read_plan(Path("c.yaml"), Overrides())
    again = plan_suite(config, plan, Where("cpu"), None, Silent())
    assert not any(part.trainings for part in again.parts)
