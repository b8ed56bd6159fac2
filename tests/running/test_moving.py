"""The page on which attention is moved answers in a real browser what `read` answers."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.findings.rules import Deltas
from attnaudit.models.load import Placement, find_model
from attnaudit.questions import find_question
from attnaudit.report.combine import combine
from attnaudit.report.interactive.page import interactive_page
from attnaudit.running.job import Job
from attnaudit.running.moving import movables
from attnaudit.running.run import run_questions

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# What a reader does: takes each offer of weights, moves a word, and goes to the second text.
MOVES = """
const said = [];
const note = (what) => {
  const weights = [...document.querySelectorAll(".word output")].map((o) => o.textContent);
  said.push({what, text: document.getElementById("text").value, weights,
             answer: JSON.parse(document.body.dataset.answer),
             verdict: document.getElementById("verdict").textContent});
};
const tour = () => {
  for (const button of document.querySelectorAll("#choices button")) {
    if (button.textContent === "random") continue;
    button.click();
    note(button.textContent);
  }
  const slider = document.querySelector(".word input");
  slider.value = "0.75";
  slider.dispatchEvent(new Event("input"));
  note("moved");
};
tour();
const texts = document.getElementById("text");
texts.value = "1";
texts.dispatchEvent(new Event("change"));
tour();
document.body.innerHTML = "";
document.body.append(Object.assign(document.createElement("pre"), {id: "said",
  textContent: JSON.stringify(said)}));
"""


@pytest.fixture(
    scope="module", params=["classic", "bert", pytest.param("gpt2", marks=pytest.mark.whole)]
)
def audited(request, tiny, write_pretrained, tmp_path_factory):
    """Records of a model's per-text adversary, with words, and the model's name."""
    folder = tmp_path_factory.mktemp(request.param)
    model, data = tiny / "model.pt", tiny / "data.yaml"
    if request.param != "classic":
        model = write_pretrained(folder / "net", request.param, 2, framed=request.param == "bert")
    job = Job(str(model), data, records=folder / "r.jsonl", limit=12, verify=2)
    kind = find_question("instance-adversary")
    settings = kind.settings(text=True, search_steps=3)
    run_questions([(kind, settings)], job, None, Silent())
    return folder / "r.jsonl", str(model), data


def page_of(path):
    made = combine([path], None, Deltas(), ("attnaudit", "report"), 2)
    header = next(part.header for part in made.parts if part.header)
    content = movables(header, made.gallery, Silent())
    return content, interactive_page(made.report, content, made.labels), made


def answers(model, data, limit):
    """`read` of each text by id, as a function of weights (H, T)."""
    source = find_model(model, 0, Placement())
    spec = load_spec(data, source.reading, source.limits)
    labels = source.labels_in(spec, "test")
    found = load_dataset(spec, "test", labels=labels, min_words=2, limit=limit)
    loaded = source.load(found, None, torch.device("cpu"), torch.float32)

    def of(instance):
        batch = collate([instance], loaded.spec.vocabulary, boundaries=loaded.model.boundaries)
        encoded = loaded.model.encode(batch)

        @torch.no_grad()
        def answer(alpha):
            weights = torch.from_numpy(alpha).float()[None, None]
            return loaded.model.read(encoded, weights).softmax(-1)[0, 0].numpy()

        return answer

    return {instance.id: of(instance) for instance in found.instances}


def placed(text, weights):
    """The weights of words (W,) in every head: its mass on the words, by its own shares in each."""
    alpha = text.alpha.copy()
    words = np.array(text.words)
    mass = alpha[:, words >= 0].sum(1)
    for word, weight in enumerate(weights):
        own = alpha[:, words == word]
        within = own.sum(1, keepdims=True)
        share = np.where(within > 0, own / np.where(within > 0, within, 1), 1 / own.shape[1])
        alpha[:, words == word] = mass[:, None] * weight * share
    return alpha


@pytest.mark.skipif(BROWSER is None, reason="needs a browser: chromium")
def test_a_browser_answers_as_the_model_reads(audited, tmp_path):
    records, model, data = audited
    content, page, _ = page_of(records)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', page)[0]
    (tmp_path / "page.html").write_text(  # the tour is a second script, which the policy forbids
        page.replace(policy, "").replace("</body>", f"<script>{MOVES}</script></body>")
    )
    profile = tmp_path / "profile"
    done = subprocess.run(
        [
            BROWSER,
            *QUIET,
            f"--user-data-dir={profile}",
            "--dump-dom",
            f"file://{tmp_path}/page.html",
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    said = json.loads(html.unescape(re.search(r'<pre id="said">(.*?)</pre>', done.stdout)[1]))
    read = answers(model, data, 12)
    assert [one["text"] for one in said] == ["0"] * 4 + ["1"] * 4
    for one in said:
        text = content.texts[int(one["text"])]
        weights = np.array([float(w) for w in one["weights"]])  # three decimals
        if one["what"] == "the model's own":
            alpha = text.alpha
        else:
            alpha = placed(text, exact(one["what"], text, weights))
        np.testing.assert_allclose(one["answer"], read[text.shown.id](alpha), atol=1e-4)
        stays = np.argmax(one["answer"]) == text.shown.predicted
        assert one["verdict"].startswith("The answer stays" if stays else "The answer changes")
    adversary = content.texts[0].shown.rows[1].name
    found = next(one for one in said if one["what"] == adversary)
    if len(content.texts[0].alpha) == 1:  # of one head the page repeats what the audit found
        expected = content.texts[0].shown.rows[1].probs
        np.testing.assert_allclose(found["answer"], expected, atol=2e-3)


def exact(what, text, rounded):
    """The weights that are meant, which the page prints rounded."""
    rows = {row.name: np.array(row.weights) for row in text.shown.rows}
    if what == "uniform":
        meant = np.ones(len(rounded))
    elif what == "moved":  # the first word, after uniform weights
        meant = np.full(len(rounded), 0.25 / (len(rounded) - 1))
        meant[0] = 0.75
    else:
        meant = rows[what]
    meant = meant / meant.sum()
    np.testing.assert_allclose(rounded, meant, atol=6e-4)
    return meant


def test_one_script_is_allowed_and_nothing_is_loaded(audited):
    _, page, _ = page_of(audited[0])
    assert page.count("<script") == 2  # the content, and what reads it
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page)


def test_words_do_no_harm(tiny, tmp_path):
    (tmp_path / "d.jsonl").write_text(
        '{"text": "</script><script>alert(1)</script> & <b> good film", "label": "positive"}\n'
        '{"text": "a bad film </script> it was", "label": "negative"}\n'
    )
    job = Job(str(tiny / "model.pt"), tmp_path / "d.jsonl", records=tmp_path / "r.jsonl", verify=0)
    kind = find_question("instance-adversary")
    run_questions([(kind, kind.settings(text=True, search_steps=2))], job, None, Silent())
    _, page, _ = page_of(tmp_path / "r.jsonl")
    assert page.count("</script>") == 2
    assert "<b>" not in page.partition('id="content">')[2].partition("</script>")[0]


def test_another_model_or_other_data_are_refused(tiny, tmp_path):
    for name in ("model.pt", "data.yaml", "train.jsonl", "dev.jsonl", "test.jsonl"):
        if (tiny / name).exists():
            shutil.copy(tiny / name, tmp_path / name)
    job = Job(str(tmp_path / "model.pt"), tmp_path / "data.yaml", records=tmp_path / "r.jsonl")
    kind = find_question("instance-adversary")
    run_questions([(kind, kind.settings(text=True, search_steps=2))], job, None, Silent())
    with Path(tmp_path / "test.jsonl").open("a") as stream:
        stream.write('{"id": "new", "text": "one more film", "label": "positive"}\n')
    with pytest.raises(InputError, match=r"test\.jsonl: has changed since the records were made"):
        page_of(tmp_path / "r.jsonl")
