"""What can be changed in a recipe so that attention can say more of the words."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

_SETTING = "It changes the model, so what is found holds for the repaired recipe only."

REPAIRS = (
    Entry(
        "term",
        "repair",
        "A setting of the recipe by which attention can say more of the words: "
        "`orthogonal_bilstm` as the encoder under model, or `conicity`, `tying` or "
        "`masked_words`, each with a weight above 0, under training.",
        beside=("conicity penalty", "orthogonal BiLSTM", "tying", "masked words"),
        traps=f"{_SETTING} Other seeds, models with uniform attention and adversaries are repaired "
        "in the same way. Probes are not.",
        source="Mohankumar et al. 2020; Tutek & Snajder 2020",
        aliases=("repairs", "repaired"),
    ),
    Entry(
        "term",
        "conicity penalty",
        "A repair that adds conicity to the loss, so that the vectors that attention averages do "
        "not all point the same way: `conicity` under training in a configuration.",
        formula="loss + w mean over texts of mean_t |cos(v_t, mean of v)|",
        beside=("permute.conicity.mean", "permute.tvd.median"),
        traps=f"{_SETTING} A low conicity lets weights matter, but does not make them right.",
        source="Mohankumar et al. 2020",
        aliases=("diversity lstm", "diversity loss", "training.conicity"),
    ),
    Entry(
        "term",
        "orthogonal BiLSTM",
        "A repair: a BiLSTM in which each state is orthogonal to the mean of the states before "
        "it, in each of the two directions.",
        formula="h_t - (h_t . S / (S . S + 1e-6)) S, S = h_1 + ... + h_(t-1)",
        beside=("conicity", "permute.conicity.mean"),
        traps=f"{_SETTING} It takes longer to train. Transformers have no recurrence, so there is "
        "none for them.",
        source="Mohankumar et al. 2020, who use one direction",
        aliases=("orthogonal_bilstm", "orthogonal lstm"),
    ),
    Entry(
        "term",
        "tying",
        "A repair that adds to the loss how far each state is from the embedding of its own word, "
        "so that the weight of a state says more of its word.",
        formula="loss + w mean over texts of mean_t ||h_t - e_t||",
        beside=("masked words", "conicity"),
        traps=f"{_SETTING} States and embeddings must have the same size. Of a transformer, the "
        "states are what its last layer begins with.",
        source="Tutek & Snajder 2020",
        aliases=("word-level tying", "training.tying"),
    ),
    Entry(
        "term",
        "masked words",
        "A repair that adds a second task to the training: to guess words that are hidden from the "
        "model from their states.",
        formula="loss + w mean over hidden words of -ln softmax over words w of (h_t . e_w), at "
        "the hidden word; each word is hidden with a chance of .15",
        beside=("tying", "conicity"),
        traps=f"{_SETTING} Each step of the training takes a second pass over the texts.",
        source="Tutek & Snajder 2020; words are hidden as in Devlin et al. 2019, section 3.1, but "
        "always by the mask token, or by the one for unknown words",
        aliases=("masked_words", "training.masked_words"),
    ),
)
