"""What is written and read again is the same: records, reports, dataset specs, configurations."""

from __future__ import annotations

import json
import random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnaudit.config import read_document
from attnaudit.data.names import check_labels
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.models.recipe import Overrides, TrainConfig, read_config
from attnaudit.records.reading import RecordsFile
from attnaudit.records.writing import RecordsWriter
from attnaudit.report.schema import dumps, loads
from tests.fuzz import corpus

quick = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]),
    min_size=1,
    max_size=9,
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("name", list(corpus.QUESTIONS))
def test_records_written_again_in_another_order_are_the_same_bytes(name, fuzz_files, tmp_path):
    path = fuzz_files / f"{name}.jsonl"
    file = RecordsFile(path)
    records = list(file)
    runs: dict[str, list] = {}
    for record in records:
        runs.setdefault(json.dumps(record.get("run")), []).append(record)
    for some in runs.values():  # runs keep their order
        random.Random(name).shuffle(some)
    with RecordsWriter(tmp_path / "r.jsonl", file.header) as writer:
        for some in runs.values():
            writer.write(some[::2])
            writer.write(some[1::2])
        writer.finish(file.header.manifest)
    assert (tmp_path / "r.jsonl").read_bytes() == path.read_bytes()
    assert list(RecordsFile(tmp_path / "r.jsonl")) == records


@pytest.mark.parametrize("name", [*corpus.QUESTIONS, "report"])
def test_a_report_read_and_written_is_the_same_text(name, fuzz_files):
    text = (fuzz_files / f"{name}.json").read_text("utf-8")
    assert dumps(loads(text, name)) == text


@quick
@given(
    notes=st.lists(st.text(max_size=20), max_size=3),
    value=NUMBERS,
    setting=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | NAMES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=6,
    ),
)
def test_odd_values_in_a_report_survive(fuzz_files, notes, value, setting):
    report = loads((fuzz_files / "permute.json").read_text("utf-8"), "permute.json")
    table = next(iter(report.tables.values()))
    row = [value] * len(table.columns)
    changed = report.model_copy(
        update={
            "notes": notes,
            "settings": {"odd": setting},
            "tables": {"odd": table.model_copy(update={"rows": [row]})},
        }
    )
    again = loads(dumps(changed), "odd.json")
    assert again == changed
    assert again.settings == {"odd": setting}


def _all_differ(names: list[str]) -> bool:
    """Whether no two labels mean the same, as `1` and `1.0` do."""
    try:
        check_labels(names)
    except ValueError:
        return False
    return True


SPECS = st.fixed_dictionaries(
    {"file": st.just("rows.jsonl")},
    optional={
        "labels": st.lists(NAMES, min_size=2, max_size=5, unique=True).filter(_all_differ),
        "lowercase": st.booleans(),
        "min_length": st.integers(1, 10),
        "max_length": st.integers(10, 2**16),
        "max_query_length": st.integers(1, 2**16),
        "overlong": st.sampled_from(["truncate", "skip"]),
        "fields": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("text", "label", "group"), NAMES)
        ),
    },
)


@quick
@given(SPECS)
def test_a_dataset_spec_says_what_was_written(tmp_path_factory, written):
    folder = tmp_path_factory.mktemp("spec")
    (folder / "d.yaml").write_text(yaml.safe_dump(written, allow_unicode=True), "utf-8")
    spec = load_spec(folder / "d.yaml")
    assert spec.file == folder / "rows.jsonl"
    told = spec.model_dump(mode="json", exclude={"file"})
    for key in written.keys() - {"file", "fields"}:
        assert told[key] == written[key]
    for key, name in written.get("fields", {}).items():
        assert told["fields"][key] == name
    again = DatasetSpec.model_validate_json(spec.model_dump_json())
    assert again.model_dump() == spec.model_dump()


@quick
@given(
    st.fixed_dictionaries(
        {"data": st.just("d.yaml"), "model": st.just({"encoder": "cnn"})},
        optional={
            "training": st.fixed_dictionaries(
                {},
                optional={
                    "epochs": st.integers(1, 10_000),
                    "learning_rate": st.floats(1e-9, 1.0),
                    "seed": st.integers(0, 2**31),
                },
            ),
            "vocabulary": st.fixed_dictionaries({"min_count": st.integers(1, 99)}),
        },
    )
)
def test_a_training_configuration_says_what_was_written(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("config") / "c.yaml"
    path.write_text(yaml.safe_dump(written))
    config = read_config(path, Overrides())
    assert isinstance(config, TrainConfig)
    told = config.model_dump(mode="json")
    for section in ("training", "vocabulary"):
        for key, value in written.get(section, {}).items():
            assert told[section][key] == value
    kept = {**told, "data": str(config.data), "output": None}
    again = path.with_name("again.yaml")
    again.write_text(yaml.safe_dump(kept))
    assert read_document(again).parse(TrainConfig).model_dump(exclude={"output"}) == (
        config.model_dump(exclude={"output"})
    )
