"""Data of a user's own: one file, other columns, other names, other programs."""

from __future__ import annotations

import csv
import json
import re

import pytest
import yaml

pytestmark = pytest.mark.usefixtures("undrawn")

TINY = """\
model: {encoder: average, embedding: 8, hidden: 8}
training: {epochs: 1, seed: 0}
"""


@pytest.fixture
def reviews(here):
    """Writes rows of two classes as a .csv file."""

    def write(name="reviews.csv", count=60, columns=("text", "label"), delimiter=",", **more):
        with (here / name).open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow([*columns, *more])
            for i in range(count):
                text = f"{'good' if i % 2 else 'bad'} film,\nnumber {i}"
                writer.writerow([text, i % 2, *(value(i) for value in more.values())])
        return name

    return write


@pytest.fixture
def config(here):
    (here / "tiny.yaml").write_text(TINY)
    return "tiny.yaml"


def test_one_file_is_split_trained_on_and_audited(cli, reviews, config, here):
    data = reviews(delimiter=";")
    made = cli("train", config, "--data", data, "--split", "60/20/20", "-o", "out")
    assert made.code == 0, made
    told = "split by label into 36 train, 12 dev and 12 test rows (60/20/20, seed 0)"
    assert made.err.startswith(f"reviews.csv is {told}\n")
    assert "attnaudit correlate out/model.pt out/split.yaml" in made.err
    assert "by attnaudit, of one file, by label: 36 train, 12 dev and 12 test rows" in made.out
    assert yaml.safe_load((here / "out" / "split.yaml").read_text()) == {
        "file": "../reviews.csv",
        "split": "60/20/20",
        "split_seed": 0,
    }
    asked = ("correlate", "out/model.pt", "out/split.yaml", "--measure", "random")
    audited = cli(*asked, "--json", "--records", "r.jsonl")
    assert audited.code == 0, audited
    assert audited.err.startswith(f"reviews.csv is {told}\n")
    facts = json.loads(audited.out)["dataset"]
    assert (facts["split"], facts["instances"], facts["name"]) == ("test", 12, "out/split.yaml")
    assert facts["cut"] == {
        "shares": "60/20/20",
        "seed": 0,
        "rows": {"train": 36, "dev": 12, "test": 12},
        "groups_whole": False,
    }
    header = json.loads((here / "r.jsonl").read_text().splitlines()[0])
    assert header["dataset"]["cut"] == facts["cut"]
    assert "of one file, by label: 36 train" in cli("report", "r.jsonl").out
    # Another seed gives other rows: neither gone on with nor compared.
    spec = (here / "out" / "split.yaml").read_text().replace("split_seed: 0", "split_seed: 1")
    (here / "out" / "split.yaml").write_text(spec)
    again = cli(*asked, "--baseline", "r.jsonl")
    assert again.code == 2
    assert "is a baseline on other data" in again.err
    cli(*asked, "--records", "s.jsonl")
    assert "has another data set than r.jsonl" in cli("report", "r.jsonl", "s.jsonl").err


def test_a_configuration_may_say_how_to_split(cli, reviews, here):
    (here / "c.yaml").write_text(f"data: {reviews()}\nsplit: 70/10/20\nsplit_seed: 5\n{TINY}")
    made = cli("train", "c.yaml")
    assert made.code == 0, made
    assert "into 42 train, 6 dev and 12 test rows (70/10/20, seed 5)" in made.err
    assert cli("train", "c.yaml", "--split", "80/20/0", "-o", "o").err.count("48 train and 12 dev")
    (here / "d.yaml").write_text("file: reviews.csv\nsplit: 50/30/20\n")
    assert "(50/30/20, seed 0)" in cli("train", "c.yaml", "--data", "d.yaml", "-o", "p").err
    planned = cli("train", "c.yaml", "--dry-run", "-o", "q")
    assert planned.code == 0
    assert "(70/10/20, seed 5)" in planned.err
    assert not (here / "q").exists()


def test_training_never_splits_a_file_by_itself(refused, reviews, config, here):
    data = reviews()
    says = "reviews.csv: has no train split, which training needs: its rows name no split; add `--s"
    refused("train", config, "--data", data, "-o", "out", says=[says])
    data = reviews("b.csv", split=lambda i: "train" if i % 3 else "holdout")
    refused(
        *("train", config, "--data", data, "-o", "out"),
        says=["b.csv: has no dev split, which training needs: its rows name 'train', 'holdout'"],
    )
    (here / "d.yaml").write_text("file: reviews.csv\nsplit: 80/0/20\n")
    refused(
        *("train", config, "--data", "d.yaml", "-o", "out"),
        says=["d.yaml: splits by 80/0/20, without dev, which training needs; give it a share"],
    )


def test_shares_that_cannot_be(refused, reviews, config, here):
    data = ("train", config, "--data", reviews(), "-o", "out", "--split")
    refused(*data, "80/10", says=["--split: should be the shares of train, dev and test"])
    refused(*data, "test", says=["--split: should be the shares of train, dev and test"])
    refused(*data, "80/10/20", says=["--split: the shares 80/10/20 add up to 110, not to 100"])
    named = reviews("b.csv", split=lambda i: "train")
    refused(
        *("train", config, "--data", named, "--split", "80/10/10", "-o", "out"),
        says=["b.csv:2: the row names its split in the field 'split'"],
    )


def test_shares_are_for_one_file(cli, refused, tiny, reviews, here):
    (here / "d.yaml").write_text(f"file: {reviews()}\n")
    asked = ("train", "quickstart", "-o", "out", "--split", "80/10/10")
    refused(*asked, says=["`split: 80/10/10` is for one file, and the embedded data have splits"])
    refused(
        *asked,
        *("--data", "d.yaml"),
        says=["d.yaml: is not one file of rows", "write `split:` into the dataset spec itself"],
    )
    refused(*asked, "--data", "none.csv", says=["none.csv: no such file"])
    model = ("audit", tiny / "model.pt", "--data", "reviews.csv", "--split", "80/10/10")
    refused(*model, says=["--split 80/10/10 goes with a CONFIG", "`split:` in a dataset spec"])
    refused("audit", "quickstart", "--split", "dev", says=["--split dev goes with a MODEL"])


def test_data_in_place_of_a_configuration(refused, reviews):
    data = reviews()
    says = ["reviews.csv: is data, not a CONFIG; give a CONFIG first: `quickstart --data reviews.c"]
    refused("train", data, says=says)
    refused("audit", data, says=["reviews.csv: is data, so it is neither a CONFIG nor a MODEL"])


def test_a_split_of_attnaudit_yaml_is_for_those_who_choose_one(cli, reviews, config, here):
    (here / "attnaudit.yaml").write_text("split: test\n")
    made = cli("train", config, "--data", reviews(), "-o", "out")
    assert "has no train split" in made.err


def test_a_data_set_of_the_hub_is_named_on_the_command_line_alone(refused, here):
    (here / "attnaudit.yaml").write_text("data: some/set\n")
    says = "data: 'some/set' is not allowed in this file: there is no such file, and a data set of"
    refused("correlate", "model.pt", says=[says])
    (here / "d.yaml").write_text("hub: some/set\n")
    (here / "attnaudit.yaml").write_text("data: d.yaml\n")
    refused("correlate", "model.pt", says=["it is the spec of a data set of the hub, which would"])


def test_another_name_of_a_split_may_be_asked_for(correlate):
    shown = json.loads(correlate("--split", "validation", "--limit", "4", "--json").out)
    assert shown["dataset"]["split"] == "dev"


def test_check_prints_a_spec_that_can_be_kept(cli, reviews, here):
    reviews(columns=("review", "stars"), delimiter="\t")
    (here / "mine.yaml").write_text(
        "file: reviews.csv\nsplit: 80/10/10\nfields: {text: review, label: stars}\n"
        "labels: {0: negative, 1: positive}\n"
    )
    done = cli("data", "check", "mine.yaml", "--write", "kept.yaml")
    assert (done.code, done.err) == (0, "Wrote kept.yaml\n")
    assert "reviews.csv: its columns are separated by tabs" in done.out
    assert "split by label into 48 train, 6 dev and 6 test rows (80/10/10, seed 0)" in done.out
    assert re.search(r"^positive +24 +3 +3$", done.out, re.MULTILINE)
    kept = (here / "kept.yaml").read_text()
    assert done.out.endswith(f"\n\n{kept}")
    assert "labels: {0: negative, 1: positive}\n" in kept
    assert cli("data", "check", "kept.yaml").out == done.out


def test_what_rows_say_besides_is_named_in_the_spec(cli, reviews):
    reviews(query=lambda i: f"what is {i}?", group=lambda i: i)
    shown = cli("data", "check", "reviews.csv").out
    assert "\n# fields of these names are read too: query, group\n" in shown


def test_places_where_no_spec_can_be_kept(refused, reviews, here):
    data = ("data", "check", reviews(), "--write")
    (here / "old.yaml").write_text("file: reviews.csv\n")
    refused(*data, "old.yaml", says=["old.yaml: already exists; name another file"])
    refused(*data, "spec.txt", says=["--write: 'spec.txt' is no .yaml file"])
    refused(*data, "none/spec.yaml", says=["none"])


def test_a_table_that_is_none_is_named(refused, here):
    (here / "a.csv").write_bytes(b"PK\x03\x04 and so on")
    refused("data", "check", "a.csv", says=["a.csv: is an Excel file or another zip archive"])
    (here / "a.csv").write_bytes("text,label\n".encode("utf-16"))
    refused("data", "check", "a.csv", says=["a.csv: is UTF-16 text; save it as UTF-8"])
    (here / "a.csv").write_text("text;label\ngood;x\nbad,y\n")
    refused("data", "check", "a.csv", says=["a.csv:3: the row has 1 columns, but the header has 2"])
    (here / "a.json").write_text("[]")
    refused("data", "check", "a.json", says=["a.json: is not a data set", "as .jsonl"])
