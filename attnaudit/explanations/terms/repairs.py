"""What can be changed in a recipe so that attention can say more of the words."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry

_SETTING = "It changes the model, so what is found holds for the repaired recipe only."
_BOTH = "Mohankumar et al. 2020; Tutek & Snajder 2020"

REPAIRS = (
    Entry(
        "term",
        "repair",
        "A change of the recipe by which attention can say more of the words. There are "
        "`encoder: orthogonal_bilstm` under `model:`, and `conicity`, `tying` and `masked_words` "
        "under `training:` of a configuration.",
        beside=("conicity penalty", "orthogonal BiLSTM", "tying", "masked words"),
        traps=f"{_SETTING} All models that the recipe trains are repaired in the same way: other "
        "seeds, models with uniform attention, and adversaries. Probes are not.",
        source=_BOTH,
        aliases=("repairs", "repaired"),
    ),
    Entry(
        "term",
        "conicity penalty",
        "A repair: conicity is added to the loss, so that the vectors that attention averages "
        "do not all point the same way. The setting is `conicity` under `training:`.",
        formula="loss + w mean over texts of mean_t |cos(v_t, mean of v)|",
        beside=("conicity", "permute.conicity.mean", "permute.tvd.median"),
        traps=f"{_SETTING} A low conicity lets weights matter. It does not make them right.",
        source="Mohankumar et al. 2020",
        aliases=("diversity lstm", "diversity loss", "training.conicity"),
    ),
    Entry(
        "term",
        "orthogonal BiLSTM",
        "A repair: a BiLSTM in which each state is made orthogonal to the mean of the states "
        "before it, in each direction. The setting is `encoder: orthogonal_bilstm`.",
        formula="h_t - (h_t . S / (S . S + 1e-6)) S, S = h_1 + ... + h_(t-1)",
        beside=("conicity", "permute.conicity.mean"),
        traps=f"{_SETTING} It takes longer to train. The authors have one direction; here there "
        "are two. There is none for transformers, which have no recurrence.",
        source="Mohankumar et al. 2020",
        aliases=("orthogonal_bilstm", "orthogonal lstm"),
    ),
    Entry(
        "term",
        "tying",
        "A repair: the distance of each state to the embedding of its own word is added to the "
        "loss. The weight of a state then says more of its word.",
        formula="loss + w mean over texts of mean_t ||h_t - e_t||",
        beside=("masked words", "adversary.model[lambda=0.002].jsd.mean"),
        traps=f"{_SETTING} States and embeddings must have the same size. For transformers, the "
        "state is what the last layer begins with.",
        source="Tutek & Snajder 2020",
        aliases=("word-level tying", "training.tying"),
    ),
    Entry(
        "term",
        "masked words",
        "A repair: some words are hidden, and the model must guess each of them from its state. "
        "The setting is `masked_words` under `training:`.",
        formula="loss + w mean over hidden words of -ln softmax(h_t . e_w) at the hidden word; "
        "each word is hidden with a chance of .15",
        beside=("tying",),
        traps=f"{_SETTING} Each step of the training takes a second pass over the texts.",
        source="Tutek & Snajder 2020; hiding as in Devlin et al. 2019, section 3.1, with the mask "
        "token or the one for unknown words",
        aliases=("masked_words", "training.masked_words"),
    ),
)
