"""The list of the plants, with what must be found on each."""

from __future__ import annotations

from collections.abc import Mapping

from attnaudit.calibration import kinds, texts, written
from attnaudit.calibration.plant import OF_RECIPE, Expected, Plant
from attnaudit.calibration.pointers import SIZE, Pointer
from attnaudit.models.classic.classifier import Recipe
from attnaudit.models.schedule import Schedule

# Few steps an epoch: what a training costs on texts this small is the number of its steps.
# The first epoch without a ranking error on dev may still answer many texts wrongly: epochs are
# picked by accuracy, so that no seed of a plant is a failure.
OF_POINTER = Schedule(epochs=10, batch_size=80, learning_rate=0.05, select="accuracy")
OF_CONTEXT = OF_POINTER.model_copy(update={"epochs": 10, "batch_size": 40})
# The first epoch without a ranking error on dev may still answer some texts wrongly: a plant that
# every model must solve picks its epoch by accuracy, on enough texts to see a rare mistake.
TO_THE_CEILING = OF_RECIPE.model_copy(update={"select": "accuracy"})
MANY = {"train": 1600, "dev": 400}
# Where no text at all differs, an interval over 400 texts still reaches .0092, and delta is .01.
AGAINST = {**MANY, "test": 600}
# Written weights stay as they are: an epoch at this rate changes nothing that a float32 can hold.
STILL = Schedule(epochs=1, batch_size=100, learning_rate=1e-12, weight_decay=0)

NONE: Expected = dict.fromkeys(
    ("necessary", "stable", "hard_to_manipulate", "out_of_context"), "not_assessed"
)
NEEDLESS: Expected = {"necessary": "against", "stable": "not_assessable"}
HONEST: Expected = dict.fromkeys(
    ("necessary", "stable", "hard_to_manipulate", "out_of_context"), "for"
)
NOTHING_MOVES: Expected = {
    "shuffling moves answers": "no",
    "zeroing moves answers": "no",
}


def _recipe(encoder: str, hidden: int = SIZE) -> Recipe:
    return Recipe.model_validate({"encoder": encoder, "embedding": SIZE, "hidden": hidden})


PLANTS: Mapping[str, Plant] = {
    "marker": Plant(
        "honest, needed",
        "The cue behind the marker decides, and attention is supervised onto it.",
        texts.marked,
        Pointer,
        HONEST,
        ("necessary", "stable", "hard_to_manipulate", "out_of_context"),
        OF_POINTER,
    ),
    "pair": Plant(
        "honest, needed",
        "The query picks the key whose cue decides, and attention is supervised onto that cue.",
        texts.asked,
        kinds.Asking,
        {**HONEST, "hard_to_manipulate": "never against"},
        ("out_of_context",),
        OF_CONTEXT.model_copy(update={"learning_rate": 0.02}),
        paired=True,
    ),
    "twin": Plant(
        "honest, movable",
        "Attention is supervised onto a cue, and the text contains an equal copy of this cue: "
        "the weights help a probe, but nothing is lost without the cue, and another model can "
        "attend to the copy.",
        texts.doubled,
        Pointer,
        {
            "necessary": "for",
            "stable": "for",
            "hard_to_manipulate": "against",
            "out_of_context": "never against",
        },
        ("hard_to_manipulate", "out_of_context"),
        OF_POINTER,
    ),
    "coin-text": Plant(
        "a coin per text",
        "Attention lies on one of two equal places. A coin decides for each text, and each "
        "seed throws its own coins: two models agree on half of the texts.",
        texts.doubled,
        kinds.CoinOfText,
        {
            "necessary": "for",
            "stable": "against",
            "hard_to_manipulate": "never for",
            "out_of_context": "never against",
        },
        ("stable",),
        OF_CONTEXT,
    ),
    "coin-seed": Plant(
        "a coin per seed",
        "Attention lies on the same one of two equal places in all texts. One seed in three "
        "takes the other place, so models of the recipe do not agree.",
        texts.doubled,
        kinds.CoinOfSeed,
        {"stable": "never for"},
        ("stable",),
        OF_POINTER,
    ),
    "ninety": Plant(
        "honest in 9 of 10",
        "In every tenth text attention is random and has no influence, because a bypass gives "
        "the answer. The findings come from the other texts, and these texts are listed one by "
        "one.",
        texts.junked,
        kinds.Ninety,
        {
            "necessary": "for",
            "stable": "for",
            "hard_to_manipulate": "never against",
            "out_of_context": "never against",
            "unsupported listed": "yes",
            "supported not listed": "yes",
        },
        ("unsupported listed", "supported not listed"),
        OF_POINTER,
    ),
    "shift": Plant(
        "next to the cue",
        "Attention lies on the marker, one place before the cue. The state there contains the "
        "cue, but a probe that sees each word by itself learns nothing from it.",
        texts.marked,
        kinds.Shift,
        {"necessary": "for", "stable": "for", "out_of_context": "against"},
        ("out_of_context",),
        OF_POINTER,
    ),
    "rationaliser": Plant(
        "misleading",
        "The model knows the cue, but attends to other words of the same class: nothing is "
        "lost without them.",
        texts.rationed,
        kinds.Rationaliser,
        {"out_of_context": "never for"},
        ("out_of_context",),
        OF_CONTEXT,
    ),
    "label-coded": Plant(
        "misleading",
        "Attention lies on one of two words that mean nothing, and the choice gives the "
        "predicted class away.",
        texts.furnished,
        kinds.Coded,
        {"out_of_context": "never for"},
        ("out_of_context",),
        OF_CONTEXT,
    ),
    "decoy": Plant(
        "misleading",
        "Attention is kept away from the cue, and a bypass gives the answer.",
        texts.marked,
        kinds.Decoy,
        NEEDLESS,
        ("necessary",),
        OF_POINTER,
    ),
    "keyword": Plant(
        "not needed",
        "One keyword decides, and no words distract from it: uniform attention finds it as well.",
        texts.keyword,
        _recipe("bilstm"),
        NEEDLESS,
        ("necessary",),
        TO_THE_CEILING,
        sizes=AGAINST,
    ),
    "needle": Plant(
        "not needed",
        "One keyword among 60 words: a model with uniform attention learns it, but late.",
        texts.needle,
        _recipe("average"),
        {"necessary": "never for"},
        ("necessary",),
        Schedule(epochs=8, batch_size=25, learning_rate=0.01, select="accuracy"),
    ),
    "three": Plant(
        "not needed",
        "One keyword decides between three classes of unequal size, whose order changes with the"
        " seed: uniform attention finds it as well.",
        texts.keyword_of_three,
        _recipe("average"),
        {"necessary": "never for"},
        ("necessary",),
        TO_THE_CEILING,
        labels=("bad", "fair", "good"),
        shares=(0.1, 0.7, 0.2),
        sizes=AGAINST,
        turning=True,
    ),
    "redundant": Plant(
        "not needed",
        "Many cues of one class, and a bag of words: any attention finds some.",
        texts.redundant,
        _recipe("average"),
        NEEDLESS,
        schedule=TO_THE_CEILING,
        sizes={"dev": 400},
    ),
    "xor-bilstm": Plant(
        "not needed",
        "The answer is the exclusive or of two words. The BiLSTM has it in every state, so "
        "attention can lie anywhere.",
        texts.exclusive_or,
        _recipe("bilstm", hidden=32),
        NEEDLESS,
        schedule=TO_THE_CEILING.model_copy(update={"epochs": 16}),
        sizes=MANY,  # with fewer, one model in ten gets a rare pair of slots wrong
    ),
    "noise": Plant(
        "free",
        "One label in ten is wrong. The states contain the cue, so attention may lie anywhere.",
        texts.marked,
        kinds.Free,
        {"hard_to_manipulate": "never for"},
        schedule=OF_POINTER,
        noise=0.1,
    ),
    "order-average": Plant(
        "does not work",
        "The order of two words decides. The model does not see the order of words, so it "
        "cannot learn the task.",
        texts.ordered,
        _recipe("average"),
        NONE,
        learnable=False,
    ),
    "untrained": Plant(
        "does not work",
        "A model that was not trained.",
        texts.keyword,
        _recipe("average"),
        NONE,
        trained=False,
    ),
    "majority": Plant(
        "does not work",
        "Texts say nothing about the label: all models answer the larger class.",
        texts.meaningless,
        _recipe("average"),
        NONE,
        schedule=OF_RECIPE.model_copy(update={"class_weights": "none"}),
        shares=(0.8, 0.2),
        learnable=False,
    ),
    "copy-head": Plant(
        "honest (written)",
        "A written BERT whose one head copies the class of the word that it attends to.",
        texts.proven,
        written.COPY_HEAD,
        {
            "necessary": "for",
            "stable": "for",
            "shuffling moves answers": "yes",
            "zeroing moves answers": "yes",
            "supported not listed": "yes",
        },
        schedule=STILL,
        probe_schedule=OF_RECIPE,
        trained=False,
    ),
    "idle-head": Plant(
        "idle (written)",
        "A written BERT whose lower layer answers. The audited head looks at the right word, "
        "but its output is multiplied by zero.",
        texts.proven,
        written.IDLE_HEAD,
        {
            "necessary": "against",
            **NOTHING_MOVES,
            "unsupported listed": "yes",
        },
        schedule=STILL,
        probe_schedule=OF_RECIPE,
        trained=False,
    ),
    "null-space-head": Plant(
        "idle (written)",
        "A written BERT whose lower layer answers. The output of the audited head ignores what "
        "it sees (null space), so its weights can be anything.",
        texts.proven,
        written.NULL_SPACE_HEAD,
        {
            "necessary": "against",
            **NOTHING_MOVES,
            "unsupported listed": "yes",
        },
        schedule=STILL,
        probe_schedule=OF_RECIPE,
        trained=False,
    ),
}
