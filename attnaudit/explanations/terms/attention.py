"""Attention, and the texts that it reads."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

TERMS = (
    Entry(
        "term",
        "attention",
        "The weights with which a model averages the vectors of a text, one weight for each "
        "position, which add up to 1.",
        formula="a = softmax(scores); output = sum_t a_t v_t",
        range="each weight in [0, 1], sum 1",
        traps="A large weight does not show that the word decided: the vector of a word also "
        "contains information about other words.",
        source="Bahdanau et al. 2015; Vaswani et al. 2017",
        aliases=("attention weights", "weights", "alpha"),
    ),
    Entry(
        "term",
        "heatmap",
        "A text whose words are coloured by their attention weights: the explanation that this "
        "tool tests.",
        beside=("attention", "reading"),
        traps="It looks convincing even if it is wrong.",
        source="Jain & Wallace 2019, section 1",
    ),
    Entry(
        "term",
        "attributions",
        "Scores that another tool, such as captum or SHAP, gave to the words of texts, and that "
        "`--attributions` makes one more importance.",
        'The file is a .jsonl file with one JSON object a line. {"id": "7", "scores": [0.1, -0.4]} '
        "has one number for each word of the text 7, as the tokeniser of the data splits it (with "
        '--unit piece: for each piece). {"id": "7", "spans": [[0, 4, 0.1], [5, 9, -0.4]]} has a '
        "score for each span of characters, from the first to before the last, counted from 0 in "
        "the text as the data have it. A span gives its score to the words that it covers, in "
        "proportion to their characters in it; a word gets the sum. Spaces take no share, and a "
        "span of no word, such as one of a special token, is left out; the run says how much that "
        "was. The id is that of the data, or the number of the line where the data have no ids. "
        "Of pairs, the scores are of the field `text`. A field text in a row is compared with the "
        'data. The first line may say where the scores come from: {"attributions": "shap", "tool": '
        '"shap", "version": "0.48", "method": "partition"}. The name in it, or else the name of '
        "the file, is that of the importance: correlate.shap.tau.mean. As for all importances, "
        "rankings are by magnitude, and heatmaps show the sign. A text without a row is left out "
        "of the figures of these scores only, and counted. README.md beside the sample "
        "configurations shows how to write such a file with captum and with shap.",
        beside=("gradient", "leave_one_out", "floor"),
        traps="The tool cannot check that the scores are of this model. They should explain the "
        "predicted class, as the other importances do by default.",
        source="this tool's own",
        aliases=("attribution", "attribution file", "external attributions"),
    ),
    Entry(
        "term",
        "faithfulness",
        "Whether an explanation shows how the model really comes to its answer.",
        beside=("plausibility",),
        traps="No single number measures it. Each test gives evidence about one aspect.",
        source="Jacovi & Goldberg 2020",
        aliases=("faithful",),
    ),
    Entry(
        "term",
        "head",
        "One of several sets of attention weights that a layer computes side by side.",
        beside=("reading", "layer"),
        traps="Heads often attend to different words, so their mean may show none of them clearly.",
        source="Vaswani et al. 2017",
    ),
    Entry(
        "term",
        "layer",
        "One of the stages of a transformer, which follow each other and each have their own "
        "attention.",
        traps="The audited attention is that of the last layer, unless `--layer` says else; of "
        "an encoder-decoder, that of the decoder's last layer. The "
        "vectors that it reads already mix many words.",
        source="Vaswani et al. 2017",
        aliases=("layers",),
    ),
    Entry(
        "term",
        "row",
        "The attention weights of one position of a text, which say how much that position "
        "attends to each other position.",
        beside=("[CLS]",),
        traps="A transformer has one row for each position. The tool audits the row from which "
        "the model classifies.",
        source="Vaswani et al. 2017",
        aliases=("audited row", "rows"),
    ),
    Entry(
        "term",
        "site",
        "Which rows of which layer's attention are audited, and of which kind: one row, or every "
        "row of a layer.",
        "The usual site is the one row of the last layer that the answer is read from. With "
        "`--layer`, or where the head of a model pools all rows, it is every row of a layer. Then "
        "what is shown is the column mass. A permutation gives each word the weights of another: "
        "the same other word in every row and head, so that the column mass is shuffled as one row "
        "would be. An erased word loses its weight in every row, and each row scales up what it "
        "has left. Uniform attention shares the mass of each row evenly. A row that reaches some "
        "of the words only takes part with these. The layers above run again under the new "
        "weights. The per-instance adversary is not asked there: it would move rows that the "
        "answer does not need, which says little of the heatmap. The row of an encoder-decoder "
        "attends twice in its last layer: to the tokens of the decoder (self), then to those of "
        "the encoder (cross). `--site self`, the usual site, changes the first: it is the "
        "attention over the row's own tokens, which other models are audited at, too. `--site "
        "cross` changes the second. The kind that is not changed is held: the model computes it as "
        "always from what comes in. So under other self-attention the query of the "
        "cross-attention is another one, and its weights follow. What the model says then is "
        "what it would have said. Findings rest on the usual site.",
        beside=("layer", "row", "column_mass", "cross-attention"),
        traps="Below the last layer the states of all words are mixed again above, so that no "
        "heatmap of it shows what decided. What the row of an encoder-decoder reads of a text by "
        "one kind of attention, it still reads if the other is changed. So an answer that stays "
        "may rest on that.",
        source="this tool's own; Brunner et al. 2020 on how layers mix words",
        aliases=("sites", "every row"),
    ),
    Entry(
        "term",
        "cross-attention",
        "The attention of a decoder to the tokens of the encoder; its attention to its own tokens "
        "is called self-attention.",
        "An encoder-decoder that classifies reads each text twice. The encoder reads it as a "
        "whole. The decoder reads it again, one position behind, and the answer is read from its "
        "row at the end token. In either kind the words of the text are the content. Deleting a "
        "word deletes it on both sides, and a gradient counts both.",
        beside=("site", "row", "layer"),
        traps="The vectors of both sides mix many words. A word that has little weight in one kind "
        "may have much in the other.",
        source="Vaswani et al. 2017, section 3.2.3; Lewis et al. 2020, section 3.1",
        aliases=("self-attention", "encoder-decoder", "encoder-decoders"),
    ),
    Entry(
        "term",
        "multi-label",
        "A model that gives several labels to a text, or none: it has one output for each label, "
        "and the sigmoid of the output z says whether the text has the label.",
        "`--label NAME` asks about one label, as a yes or no. The model then has two classes, "
        "`not NAME` and `NAME`, with the probabilities 1 - sigmoid(z) and sigmoid(z). No output "
        "bears on another, so this is the model itself. TVD is then the change of sigmoid(z). "
        "`attnaudit audit MODEL --data DATA --label all` audits all labels, one after the other. "
        "In the data the label field is a list, or names with a `label_separator`, or there are "
        "`label_columns` with 0 or 1. Models that give several labels are not trained.",
        beside=("tvd", "heatmap"),
        traps="If few texts have a label, most answers are a sure no, and hardly move whatever the "
        "weights are. So compare labels that are about as frequent.",
        source="this tool's own",
        aliases=("label", "labels", "several labels"),
    ),
    Entry(
        "term",
        "[CLS]",
        "A special piece in front of a text; BERT and similar models classify from its vector.",
        beside=("row", "outside"),
        traps="It is not a word of the text. The attention on it is not shown, and counts as "
        "outside.",
        source="Devlin et al. 2019, section 3",
        aliases=("cls",),
    ),
    Entry(
        "term",
        "attendable positions",
        "All positions to which the audited row can give weight.",
        beside=("content positions",),
        traps="Special pieces and the query are among them. The padding of a batch is not.",
        source="this tool's own",
        aliases=("attendable",),
    ),
    Entry(
        "term",
        "content positions",
        "The attendable positions that an explanation is about: the words of the text, without "
        "special pieces and without the query.",
        beside=("outside",),
        traps="Tests change only the weights on these positions. The other positions keep their "
        "weight. Words that the audited row cannot reach are not content.",
        source="this tool's own",
        aliases=("content",),
    ),
    Entry(
        "term",
        "outside",
        "The share of the attention on positions that are not content, such as special pieces.",
        range="[0, 1]",
        traps="If it is large, a heatmap shows only a small part of the attention.",
        source="this tool's own",
        aliases=("outside the content", "outside the words"),
    ),
    Entry(
        "term",
        "query",
        "The second text of a pair, such as a question or a hypothesis; the attention goes to "
        "the other text.",
        traps="Tests change neither the query nor the attention on it.",
        source="Jain & Wallace 2019, section 2",
    ),
    Entry(
        "term",
        "word",
        "The unit in which an explanation shows a text; the pieces of a word are shown as one.",
        beside=("piece",),
        traps="`--unit piece` shows the pieces one by one. For a transformer, the model's own "
        "pre-tokeniser decides what a word is: polanski's may be three words. Words that "
        "the audited row cannot reach are not counted.",
        source="this tool's own",
        aliases=("words",),
    ),
    Entry(
        "term",
        "piece",
        "A part of a word, as the tokenizer of a transformer cuts it.",
        beside=("word",),
        traps="The weight of a word is the sum over its pieces, so long words may get more.",
        source="Devlin et al. 2019, section 3",
        aliases=("pieces", "token", "subword"),
    ),
    Entry(
        "term",
        "reading",
        "How attention becomes one number for each word, which is shown and ranked: from weights "
        "alone, or from values, layers and gradients as well.",
        beside=("head",),
        traps="Two readings of the same attention may rank words differently. Tests that change "
        "weights always change all heads. A reading may be undefined for some texts, such as long "
        "ones. They are counted and left out wherever rankings are compared.",
        source="this tool's own",
        aliases=("readings",),
    ),
    Entry(
        "term",
        "prompt",
        "What is written around a text when a language model is asked about it.",
        "The model says which word comes next. The logits of the label words at the last position"
        " are those of the classes, so that the model is a classifier without training. Give"
        " --prompt a YAML file. `template: ` is the prompt: {text} marks the place of the text, and"
        " {query} that of a query. Everything else stands as it is: examples, line breaks, special"
        " tokens. `labels:` gives each class its word, such as `positive: ' good'`. A label word is"
        " one token behind the prompt, most often with a space in front. `content: prompt`"
        " explains all words of the prompt, examples included; the default, `content: text`,"
        " explains those of the text. Each text is cut as the tokenizer cuts the whole prompt."
        " Where the tokenizer joins the text with the prompt, the row is left out and counted as"
        " `joined with prompt`.",
        beside=("site", "layer"),
        traps="Only the label words count, also where the model would rather say something else. "
        "The audited attention is one row of one layer. In a large model that is a small part of "
        "what moves the answer. So look at what all layers together do (permute shows it), and at "
        "other layers, with `--layer`.",
        source="Brown et al. 2020, section 2.1",
        aliases=("prompts", "template", "label word", "label words"),
    ),
    Entry(
        "term",
        "importance",
        "A number for each word that says how much it matters to the answer, computed in "
        "another way than by attention.",
        beside=("reference", "floor"),
        traps="Importances disagree among themselves. None of them is the truth.",
        source="Jain & Wallace 2019, section 4.1",
        aliases=("importances", "importance measure"),
    ),
    Entry(
        "term",
        "text",
        "One text of the data with its label; most figures are means over texts.",
        beside=("group",),
        source="common usage",
        aliases=("texts", "instance", "instances"),
    ),
    Entry(
        "term",
        "group",
        "Texts that belong together, such as those of one patient or one author.",
        traps="Such texts are alike, so intervals must count whole groups. Name the column as "
        "`group` in the dataset spec.",
        source="Efron & Tibshirani 1993",
        aliases=("groups", "cluster bootstrap"),
    ),
    Entry(
        "term",
        "truncated",
        "A text that was longer than the limit of the data set or the model, and was cut at "
        "this limit.",
        traps="The model did not see the part that was cut off. The report counts such texts.",
        source="this tool's own",
        aliases=("cut",),
    ),
    Entry(
        "term",
        "partial",
        "A report on only some rows of the data, because `--limit` left out the others.",
        traps="A partial report has no findings. Gates on its metrics are judged.",
        source="this tool's own",
    ),
)
