"""What each question says of its records: no field of them can be left out, or out of its range."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.measures.agreements import AGREEMENTS
from attnaudit.questions import all_questions, find_question
from attnaudit.questions.opening import kinds, open_records
from attnaudit.records.fields import check
from attnaudit.report.combine import combine
from attnaudit.report.rebuild import load
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions
from tests.sealed import contents, sealed, version_1

PACKAGE = Path(__file__).parents[2] / "attnaudit"
MORE = {"instance-adversary": {"search": True, "search_steps": 2, "alternatives": 2}}
ASKED = ("correlate", "permute", "erase", "instance-adversary")


@pytest.fixture(scope="module")
def files(tiny, tmp_path_factory):
    """Real records of every question that trains nothing."""
    folder = tmp_path_factory.mktemp("records")
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", records=folder / "r.jsonl", limit=3)
    asked = [(find_question(n), find_question(n).settings(**MORE.get(n, {}))) for n in ASKED]
    run_questions(asked, job, None, Silent())
    return {name: folder / f"r.{name}.jsonl" for name in ASKED}


SOFT = ("soft", "even")
RANKED = ("comprehensiveness", "sufficiency")
BASE = {"row": 3, "id": "a", "gold": 0, "predicted": 1, "probs": [0.25, 0.75], "words": 2}
BASE |= {"outside": 0.0, "attention": [0.5, 0.5]}
TRAINED = {**BASE, "jsd": 0.1, "tvd": 0.2}
MOVED = {"tvd": 0.1, "flips": False}
OWN = {"position": 1, "jacobian": [1.0, 0.5], "proxy": [1.0, 0.5], "largest": [True, False]}
RUNG = {"jsd": 0.1, "tvd": 0.01, "outside": 0.2, "found": True}
PATTERN = {"places": [[1, 0], [2, 0]], "heads": [[None, 1], [0, 1]]}
PATTERN |= {"along": [0.25, -0.5], "through": [0.1, -0.1]}
GUIDES = ("influence", "attention_greedy", "attention_best", "random")
KEPT = (*GUIDES, "positive", "negative", "nothing")
LEFT = {**MOVED, "odds": 1.5, "kept": 0.5}
USES = {"count": 1, "mass": [0.1], "left_out": [0.2], "other_left_out": [0.1]}
USES |= {n: [0.25, 0.75] for n in ("deleted", "other_deleted", "zeroed", "renormalised")}
USES |= {"norms": {"places": 0.5, "embedding": 0.5, "value": 0.5}}
MADE = {
    "seed-baseline": [
        {"run": {"model": "base", "split": "test"}, **BASE}
        | {"controls": {"bypassed": True, "erased": MOVED, "uniform_layers": MOVED}},
        {"run": {"model": "seed", "seed": 1, "split": "test"}, **TRAINED},
        {"run": {"model": "uniform", "seed": 1, "split": "dev"}, **TRAINED},
    ],
    "model-adversary": [
        {"run": {"model": "base", "split": "test"}, **BASE},
        {"run": {"lambda": 0.001, "seed": 1, "split": "test"}, **TRAINED},
        {"run": {"lambda": 0, "seed": 1, "split": "test"}, "row": 1, "id": "a", "diverged": True},
    ],
    "probe": [
        {"run": {"model": "base", "split": "test"}, **BASE, "tokens": ["a", "b"]},
        {"run": {"guide": "base", "seed": 1, "split": "test"}, **TRAINED},
        {"run": {"removed": "other", "seed": 1, "split": "dev"}, **TRAINED, "words_removed": 1},
    ],
    "compare-readings": [
        {**BASE, "tau": {"mean": 0.5}, "scores": {"mean": [0.5, 0.5]}, "undefined": {}}
        | {"signs": {"mean": [1, -1]}, "plausibility": {"mean": {"token_f1": 0.5}}}
        | {"erased": {"delete": {n: {"mean": [0.1] * 5} for n in RANKED}}}
        | {
            "soft": {"nothing": 0.5, **{w: {n: {"mean": 0.1} for n in RANKED} for w in SOFT}},
            "path": {"operator": "weight", "flip_fraction": {"mean": 0.5}, "aopc": {"mean": 0.1}}
            | {"least": 0.0, "greatest": 0.5, "exact": True},
        },
    ],
    "rationalize": [
        {"run": {"model": "base", "split": "test"}, **BASE}
        | {
            "rationales": {
                "mean": {"chosen": [1], "scores": [0.1, 0.9]}
                | {"agreement": dict.fromkeys(AGREEMENTS, 0.5)}
            }
        },
        {"run": {"sees": "text", "seed": 1, "split": "test"}, **TRAINED},
        {"run": {"sees": "positions", "by": "mean", "seed": 1, "split": "dev"}, **TRAINED},
    ],
    "deceive": [
        {"run": {"model": "base", "split": "test"}, **BASE, "impermissible": USES},
        {"run": {"model": "deceiver", "coefficient": 0.1, "seed": 1, "split": "test"}}
        | {**TRAINED, "impermissible": USES},
        {"run": {"removed": "impermissible", "seed": 1, "split": "dev"}, **TRAINED},
    ],
    "identify": [
        {name: value for name, value in BASE.items() if name != "attention"}
        | {"positions": 2, "least_norm": {"alone": MOVED, "together": MOVED}}
        | {"detached": {"values": [1], "output": [1], "fixed": [0.0], "jsd": [0.1]}}
        | {"producible": {"directions": [1], "freedom": [0], "condition": [4.0]}}
        | {
            "others": {"starts": 2, "same": [1], "unsolved": [0], "found": [1], "jsd": [0.1]}
            | {"read": MOVED}
        }
        | {
            "intervals": {"low": [[0.0, 0.5]], "high": [[0.5, 1.0]], "support": [1]}
            | {"read": {"alone": MOVED, "together": MOVED}}
        },
    ],
    "ladder": [
        {name: value for name, value in BASE.items() if name != "attention"}
        | {"cap": 0.5, "radii": {"words": 0.1, "state": 0.2}}
        | {"weights": {**RUNG, "upper": 0.4, "bound": "lower"}}
        | dict.fromkeys(("query", "state", "word_embeddings"), RUNG)
        | {"parameters": {"jsd": 0.1, "tvd": 0.01, "found": True}},
    ],
    "patterns": [
        {name: value for name, value in BASE.items() if name != "attention"}
        | {"positions": 4, "read": 0, "units": [None, 0, 1, None], "influence": [0.5, -0.25]}
        | {"completeness": 0.1, "gap": 1e-7, "pairs": 0.0}
        | {"patterns": dict.fromkeys(GUIDES, PATTERN)}
        | {"ablated": {kept: {"positions": LEFT, "heads": LEFT} for kept in KEPT}},
    ],
    "heads": [
        {name: value for name, value in BASE.items() if name != "attention"}
        | {"positions": 4, "importance": {"paper": [[0.1, 0.2]], "code": [[0.3, 0.4]]}}
        | {"ablated": {"tvd": [[0.1, 0.2]], "predicted": [[1, 0]]}}
        | {"patterns": {n: [[0.5, 0.5]] for n in ("confidence", "entropy", "special", "first")}}
        | {"depth": {"cosine": [1.0, 0.5], "l2": [1.0, 0.5], "own": OWN}}
        | {"knockout": {"top": MOVED, "special": None}}
        | {"pruned": {n: {"predicted": [1, 0], "tvd": [0.0, 0.5]} for n in ("one", "other")}},
        {"row": 1, "id": "a", "run": {"split": "dev", "stage": "importance"}, "positions": 4}
        | {"importance": {"paper": [[0.1, 0.2]], "code": [[0.3, 0.4]]}},
        {"row": 1, "id": "a", "run": {"split": "dev", "stage": "greedy", "step": 1}}
        | {"losses": [0.5, None]},
    ],
}


def leaves(value, path=()):
    """Every place in a record, with what stands there."""
    yield path, value
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, key))


def changed(record, path, value=None, gone=False):
    made = copy.deepcopy(record)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    if gone:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return made


# What older versions, models that show less, or settings leave out.
OPTIONAL = {"all_erased", "conicity", "completeness_error", "residual_ratio", "optimum", "search"}
OPTIONAL |= {"controls", "uniform_layers", "group", "tokens", "support", "impermissible", "value"}
OPTIONAL |= {"scores", "agreement", "marked"}


SIGNED = {"influence", "along", "through", "odds"}  # log-odds, which may be anything finite


def optional(path):
    if path[-1] in OPTIONAL or path[0] in ("importance", "plausibility", *RANKED):
        return True
    if path[0] in ("integration", "signs") and len(path) < 3:
        return True
    if path[0] in ("knockout", "pruned", "erased", "rationales") and len(path) == 2:
        return True
    # How many there are, only the settings tell.
    listed = path[0] in ("tokens", "losses") or path[:-1] in (("adversary",), ("support", "words"))
    listed = listed or "weights" in path[:-1]
    return listed and isinstance(path[-1], int)


@pytest.mark.parametrize("name", [question.name for question in all_questions()])
def test_no_field_can_be_missing_of_another_type_or_out_of_its_range(name, files):
    records = MADE.get(name) or contents(files[name])[1:3]
    for record in records:
        check(record, kinds(name), "r", 1)
        for path, value in leaves(record):
            if not path:
                continue
            low = -1e300 if SIGNED.intersection(path) else -9.5
            bad = [{"a": {}}, [[[]]]] if isinstance(value, str) else ["x", low, {"x": 1}, [[]]]
            for other in bad:
                with pytest.raises(InputError, match="is not a record of this kind"):
                    check(changed(record, path, other), kinds(name), "r", 1)
            if not optional(path):
                with pytest.raises(InputError, match="is not a record of this kind"):
                    check(changed(record, path, gone=True), kinds(name), "r", 1)
        for path, value in leaves(record):
            if isinstance(value, dict) and path[:1] not in (("importance",), ("sufficiency",)):
                more = changed({"": record}, ("", *path, "never"), 1)[""]
                if path != ("comprehensiveness",):
                    with pytest.raises(InputError):
                        check(more, kinds(name), "r", 1)


def rewritten(path, change, write=sealed):
    """The file with a change to each of its records, and checksums that fit."""
    header, *records, _ = contents(path)
    for record in records:
        change(record)
    path = path.with_name("changed.jsonl")
    path.write_bytes(write(header, records))
    return path


@pytest.mark.parametrize("write", [sealed, version_1])
@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        # Each of these gave a report of impossible figures, or an internal error.
        ("permute", {"probs": [5, -4]}, ":2: is not a record of this kind: probs[0]: expected"),
        (
            "permute",
            {"tvd": {"median": 9, "mean": 9, "max": 9}},
            ":2: is not a record of this kind: ",
        ),
        ("erase", {"sufficiency": {"attention": [-1075.0] * 5}}, "sufficiency[...][0]: expected"),
        ("permute", {"all_erased": 1}, "all_erased: expected `object | null`, got `int`"),
        ("correlate", {"run": "x"}, "object contains unknown field `run`"),
        ("correlate", {"predicted": 2147483648}, "predicted: expected `int` <= 2147483647"),
    ],
)
def test_impossible_records_end_the_report_with_their_line(files, name, change, says, write):
    path = rewritten(files[name], lambda record: record.update(change), write)
    with pytest.raises(InputError) as caught:
        combine([path])
    assert str(caught.value).startswith(f"{path}:2: ")
    assert says in str(caught.value)


def test_a_report_says_that_records_of_version_1_have_no_checksums(files):
    old = rewritten(files["permute"], lambda record: record.pop("all_erased"), version_1)
    assert not open_records(old).sealed
    (note,) = [n for n in load(old)[0].report.notes if "checksums" in n]
    assert note == (
        "The records of permute have no checksums, because an older version wrote them. So "
        "changes to them cannot be detected."
    )
    assert not [n for n in load(files["permute"])[0].report.notes if "checksums" in n]


def test_nothing_in_the_program_reads_records_unchecked():
    """Or writes them."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if path.parent.name != "records":
            # That of the interface, which is called the same, opens files like all others.
            assert "read_records(" not in text.replace("def read_records(", ""), path
            assert "RecordsFile(" not in text or path.name == "opening.py", path
            if "RecordsWriter(" in text and path.name != "estimate.py":  # which keeps nothing
                assert text.count("RecordsWriter(") == text.count(".kind)"), path
