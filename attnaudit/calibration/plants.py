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
        "Attention is supervised onto a cue of which the text holds an equal copy: it helps a"
        " probe, and nothing is lost without it; another model can attend to the copy.",
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
        "Of two equal places attention lies on one, by a coin thrown for each text, which each"
        " seed throws anew: two models agree on half of the texts.",
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
        "Of two equal places attention lies on one in all texts; one seed in three takes the other"
        " place, so that models of the recipe do not agree.",
        texts.doubled,
        kinds.CoinOfSeed,
        {"stable": "never for"},
        ("stable",),
        OF_POINTER,
    ),
    "ninety": Plant(
        "honest in 9 of 10",
        "In every tenth text attention is random and without influence, while a bypass answers: the"
        " other texts carry the findings, and these are listed one by one.",
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
        "beside the cue",
        "Attention lies on the marker, one place before the cue that the model reads there: a probe"
        " that sees each word by itself learns nothing from it.",
        texts.marked,
        kinds.Shift,
        {"necessary": "for", "stable": "for", "out_of_context": "against"},
        ("out_of_context",),
        OF_POINTER,
    ),
    "rationaliser": Plant(
        "misleading",
        "The model knows the cue, and shows other words of the same class: nothing is lost without"
        " these.",
        texts.rationed,
        kinds.Rationaliser,
        {"out_of_context": "never for"},
        ("out_of_context",),
        OF_CONTEXT,
    ),
    "label-coded": Plant(
        "misleading",
        "Attention tells the predicted class by which of two idle words it lies on.",
        texts.furnished,
        kinds.Coded,
        {"out_of_context": "never for"},
        ("out_of_context",),
        OF_CONTEXT,
    ),
    "decoy": Plant(
        "misleading",
        "Attention is kept away from the cue, and a bypass answers.",
        texts.marked,
        kinds.Decoy,
        NEEDLESS,
        ("necessary",),
        OF_POINTER,
    ),
    "keyword": Plant(
        "not needed",
        "One keyword decides, without words that distract: uniform attention finds it as well.",
        texts.keyword,
        _recipe("bilstm"),
        NEEDLESS,
        ("necessary",),
        TO_THE_CEILING,
        sizes=MANY,  # as for the exclusive or
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
        sizes={"train": 1600, "dev": 400, "test": 600},
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
        "Exclusive or of two words: the BiLSTM knows it in every state, wherever attention lies.",
        texts.exclusive_or,
        _recipe("bilstm", hidden=32),
        NEEDLESS,
        schedule=TO_THE_CEILING.model_copy(update={"epochs": 16}),
        sizes=MANY,  # with fewer, one model in ten gets a rare pair of slots wrong
    ),
    "noise": Plant(
        "free",
        "One label in ten is wrong, and attention knows the cue and may lie anywhere.",
        texts.marked,
        kinds.Free,
        {"hard_to_manipulate": "never for"},
        schedule=OF_POINTER,
        noise=0.1,
    ),
    "order-average": Plant(
        "does not work",
        "Which of two words stands first decides. The model does not see the order of words: it"
        " cannot learn it.",
        texts.ordered,
        _recipe("average"),
        NONE,
        learnable=False,
    ),
    "untrained": Plant(
        "does not work",
        "A model as it was initialised.",
        texts.keyword,
        _recipe("average"),
        NONE,
        trained=False,
    ),
    "majority": Plant(
        "does not work",
        "Texts say nothing of the label: all models answer the larger class.",
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
        "A written BERT whose lower layer answers; the audited head looks at the proof, and its"
        " output is multiplied by zero.",
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
        "A written BERT whose lower layer answers; what the audited head sees lies in the null"
        " space of its output, so that its weights can be anything.",
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
