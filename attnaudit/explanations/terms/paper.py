"""Terms for people who write a paper."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry
from attnaudit.report.published import rows_in_words

_OWN = "this tool's own"

TERMS = (
    Entry(
        "term",
        "published",
        "A set of figures from a paper, which `--published` shows next to yours.",
        about="jw2019:sst is what Jain & Wallace 2019 print for SST, with a BiLSTM and additive "
        "attention. jw2019:sst:cnn is the same for another model. wp2019 is Wiegreffe & "
        f"Pinter 2019. The rows are {rows_in_words()}.",
        beside=("paper tables",),
        traps="You choose the row: nothing checks that your data and training are those of the "
        "paper. TVD and lambda of Wiegreffe & Pinter are half of ours. The report converts "
        "them and says so.",
        source="Jain & Wallace 2019; Wiegreffe & Pinter 2019",
        aliases=("published figures", "published rows"),
    ),
    Entry(
        "term",
        "paper tables",
        "Which tables of the papers can be made again with a sample config, and which cannot.",
        about="Jain & Wallace 2019, Table 2 and the figures: paper_sst, paper_imdb, paper_20news, "
        "paper_agnews, paper_snli and paper_babi (tasks 1, 2 and 3). Wiegreffe & Pinter 2019, "
        "Tables 2 to 4: paper_wp_sst, with the data of paper_imdb, paper_20news and paper_agnews "
        "too. Pruthi et al. 2020, gender identification: paper_pronoun, with `deceive`. Without "
        "a config: Diabetes and Anemia (MIMIC-III: records of patients, which "
        "PhysioNet gives to trained users only); ADR tweets (the texts may not be passed on); CNN "
        "questions (the answers are entities that differ from text to text, and models here have "
        "fixed classes); Serrano & Smith 2019 (hierarchical models, which this tool does not "
        "train); DeYoung et al. 2020 (their models choose rationales first; the measures are those "
        "of erase).",
        beside=("published",),
        traps="Training again moves tau by up to .1, even with the authors' own code.",
        source=_OWN,
        aliases=("sample configs", "reproduction"),
    ),
    Entry(
        "term",
        "digits",
        "How many digits of a figure are shown: as many as its interval justifies.",
        about="In latex and markdown a figure with an interval is rounded at the second "
        "significant digit of half the interval's width, and so are the ends of the interval. A "
        "figure without an interval has three digits after the point. Text and pages have three "
        "throughout. `--digits N` asks for N digits after the point in any of them, and in csv, "
        "which holds all digits without it. JSON always holds all.",
        formula="digits after the point = 1 - floor(log10((high - low) / 2)), from 0 to 6",
        source="JCGM 100:2008, section 7.2.6",
        aliases=("rounding",),
    ),
)
