"""Attention, and the texts that it reads."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

TERMS = (
    Entry(
        "term",
        "attention",
        "The weights with which a model averages the vectors of a text; at each place where it "
        "attends they add up to 1.",
        formula="a = softmax(scores); output = sum_t a_t v_t",
        range="each weight in [0, 1], sum 1",
        traps="A large weight does not show that the word decided: the vector at a word also knows "
        "of other words.",
        source="Bahdanau et al. 2015; Vaswani et al. 2017",
        aliases=("attention weights", "weights", "alpha"),
    ),
    Entry(
        "term",
        "heatmap",
        "A text whose words are coloured by their attention: the explanation that this tool tests.",
        beside=("attention", "reading"),
        traps="It looks convincing whether it is true or not.",
        source="Jain & Wallace 2019, section 1",
    ),
    Entry(
        "term",
        "faithfulness",
        "Whether an explanation shows how the model really comes to its answer.",
        beside=("plausibility",),
        traps="There is no single number for it. Each test gives evidence on one side of it.",
        source="Jacovi & Goldberg 2020",
        aliases=("faithful",),
    ),
    Entry(
        "term",
        "head",
        "One of several sets of attention weights that a layer computes side by side.",
        beside=("reading", "layer"),
        traps="Heads often attend to different words, so that their mean may show none of them.",
        source="Vaswani et al. 2017",
    ),
    Entry(
        "term",
        "layer",
        "One of the stages that a transformer stacks; each has its own attention.",
        traps="The audited attention is that of the last layer, unless `--layer` says else. The "
        "vectors that it reads already mix many words.",
        source="Vaswani et al. 2017",
        aliases=("layers",),
    ),
    Entry(
        "term",
        "row",
        "The attention weights of one position of a text, which say where that position looks.",
        beside=("[CLS]",),
        traps="A transformer has one row for each position. The audited row is the one from which "
        "the model classifies.",
        source="Vaswani et al. 2017",
        aliases=("audited row", "rows"),
    ),
    Entry(
        "term",
        "site",
        "Which rows of which layer's attention are audited: one row, or every row of a layer.",
        "The usual site is the one row of the last layer that the answer is read from. With "
        "`--layer`, or where the head of a model pools all rows, it is every row of a layer. Then "
        "what is shown is the column mass. A permutation gives each word the weights of another: "
        "the same other word in every row and head, so that the column mass is shuffled as one row "
        "would be. An erased word loses its weight in every row, and each row scales up what it "
        "has left. Uniform attention shares the mass of each row evenly. A row that reaches some "
        "of the words only takes part with these. The layers above run again under the new "
        "weights. The per-instance adversary is not asked there: it would move rows that the "
        "answer does not need, which says little of the heatmap. Findings rest on the usual site.",
        beside=("layer", "row", "column_mass"),
        traps="Below the last layer the states of all words are mixed again above, so that no "
        "heatmap of it shows what decided.",
        source="this tool's own; Brunner et al. 2020 on how layers mix words",
        aliases=("sites", "every row"),
    ),
    Entry(
        "term",
        "[CLS]",
        "A special piece in front of a text, from whose vector BERT and its relatives classify.",
        beside=("row", "outside"),
        traps="It is no word of the text. The attention on it is not shown, and is counted as "
        "outside.",
        source="Devlin et al. 2019, section 3",
        aliases=("cls",),
    ),
    Entry(
        "term",
        "attendable positions",
        "All positions on which the audited row can put weight.",
        beside=("content positions",),
        traps="Special pieces and the query count among them, the padding of a batch does not.",
        source="this tool's own",
        aliases=("attendable",),
    ),
    Entry(
        "term",
        "content positions",
        "The attendable positions that an explanation speaks of: the words of the text, without "
        "special pieces and without the query.",
        beside=("outside",),
        traps="Tests change the weights on these positions only; the others keep their weight. "
        "Words before a sliding window, or behind the row that a decoder reads, are no content.",
        source="this tool's own",
        aliases=("content",),
    ),
    Entry(
        "term",
        "outside",
        "The share of the attention that lies on positions which are not content.",
        range="[0, 1]",
        traps="Where it is large, a heatmap shows a small part of the attention.",
        source="this tool's own",
        aliases=("outside the content", "outside the words"),
    ),
    Entry(
        "term",
        "query",
        "The second text of a pair, such as a question or a hypothesis, with which the attended "
        "text is read.",
        traps="Tests change neither the query nor the attention on it.",
        source="Jain & Wallace 2019, section 2",
    ),
    Entry(
        "term",
        "word",
        "What the text is cut into for an explanation; the pieces of a word are shown as one.",
        beside=("piece",),
        traps="`--unit piece` shows the pieces one by one. For a transformer a word is what the "
        "model's own pre-tokeniser calls one: the name and the ending of polanski's may be three. "
        "Words that the audited row cannot reach are not counted.",
        source="this tool's own",
        aliases=("words",),
    ),
    Entry(
        "term",
        "piece",
        "A part of a word, as the tokenizer of a transformer cuts it.",
        beside=("word",),
        traps="The weight of a word is the sum over its pieces, so that long words may get more.",
        source="Devlin et al. 2019, section 3",
        aliases=("pieces", "token", "subword"),
    ),
    Entry(
        "term",
        "reading",
        "How the weights of several heads become one number a word, which is shown and ranked.",
        beside=("head",),
        traps="Two readings of one attention may rank words differently. Tests that change weights "
        "act on all heads, whatever the reading.",
        source="this tool's own",
        aliases=("readings",),
    ),
    Entry(
        "term",
        "importance",
        "A number for each word that says how much it matters to the answer, computed without "
        "trusting the attention.",
        beside=("reference", "floor"),
        traps="Importances disagree among themselves; none of them is the truth.",
        source="Jain & Wallace 2019, section 4.1",
        aliases=("importances", "importance measure"),
    ),
    Entry(
        "term",
        "instance",
        "One text of the data with its label; figures are means over instances.",
        beside=("group",),
        source="common usage",
        aliases=("texts", "instances"),
    ),
    Entry(
        "term",
        "group",
        "Texts that belong together, such as those of one patient or one author.",
        traps="Such texts are alike, so that intervals must count whole groups; name the column as "
        "`group` in the dataset spec.",
        source="Efron & Tibshirani 1993",
        aliases=("groups", "cluster bootstrap"),
    ),
    Entry(
        "term",
        "truncated",
        "A text that was longer than the limit of the data set or the model, and was cut there.",
        traps="Nothing is known about what was cut off. The report counts such texts.",
        source="this tool's own",
        aliases=("cut",),
    ),
    Entry(
        "term",
        "partial",
        "A report on some rows of the data only, because `--limit` left out the others.",
        traps="No finding rests on a partial report. Gates on its metrics are judged.",
        source="this tool's own",
    ),
)
