"""What the findings mean for showing the heatmap: a table from statuses to sentences.

The table is part of the rules. No sentence says more than the evidence behind its status. Together
they do not make a yes or a no. What is open or was not tested is never called harmless.

Of transformers a caution is added: the audited weights are one row of one layer, whose vectors
already mix many words (Brunner et al. 2020, On Identifiability in Transformers, section 5; Abnar &
Zuidema 2020, Quantifying Attention Flow in Transformers, section 1).
"""

from __future__ import annotations

from collections.abc import Mapping

from attnaudit.findings.finding import Finding, FindingName, FindingStatus

NOTHING = (
    "No finding was assessed here. It is not tested whether the weights in a heatmap of this "
    "model explain its answers."
)
EARLIER = (
    "An older version of attnaudit made these findings by other rules, so this report does not "
    "say what they mean. Make the report again from its records."
)
LAST = (
    "No finding shows why the model gave one particular answer. Together they do not make an "
    "overall yes or no."
)
_MIXED = (
    "Its vectors already mix many words, so a large weight need not mean that the word mattered."
    " Later studies add effective attention (Brunner et al. 2020) or attention rollout (Abnar &"
    " Zuidema 2020) for this reason."
)
TRANSFORMER = (
    "The weights shown are those of one row in the last layer, out of layers x heads x tokens."
    f" {_MIXED}"
)
MANY_ROWS = f"The weights shown are means over the rows and heads of one layer. {_MIXED}"
PRETRAINED = (
    "Fine-tuned models share their pretrained weights. Models trained from scratch may agree less."
)
_NEVER_ONLY = "Do not present the heatmap as the only possible reason for an answer."
_LITTLE = "This test says little here, because the recipe gains so little from learned attention"

MEANING: Mapping[FindingName, Mapping[FindingStatus, str]] = {
    "necessary": {
        "for": "This recipe gains {more} from learned attention. A heatmap of it shows weights"
        " that help models of this recipe to answer. That does not make the highlighted words the"
        " reason for an answer.",
        "against": "This recipe gains {less} from learned attention. A heatmap of it shows weights"
        " that the model hardly needs.",
        "inconclusive": "It is not decided whether this recipe gains from learned attention. "
        "Do not say that the model needs the weights that a heatmap shows.",
        "not_assessable": "The question whether this recipe gains from learned attention makes "
        "no sense here. Do not say that the model needs the weights that a heatmap shows.",
        "not_assessed": "It was not tested whether this recipe gains from learned attention. "
        "Do not say that the model needs the weights that a heatmap shows.",
    },
    "stable": {
        "for": "When it is trained again with another seed, the model looks mostly at the same "
        "words. So a heatmap changes little if you show another of these models. But "
        "models can agree on words that are not the reason for an answer.",
        "against": "When it is trained again with another seed, the model often looks at other "
        "words. A heatmap belongs to this one trained model, not to the task.",
        "inconclusive": "It is not decided whether the model would look at the same words if you"
        " trained it again. Do not say that a heatmap shows what the task requires.",
        "not_assessable": "Whether models of this recipe look at the same words cannot be judged"
        " here; the finding says why. This is no sign that they agree. Do not say that a heatmap"
        " shows what the task requires.",
        "not_assessed": "It was not tested whether the model would look at the same words if "
        "you trained it again. Do not say that a heatmap shows what the task requires.",
    },
    "hard_to_manipulate": {
        "for": "Models that were trained to give the same answers with other weights kept nearly "
        "the same weights, or their answers changed. A stronger search may still find "
        "other weights.",
        "against": "Another model of this recipe gives nearly the same answers with other weights."
        f" {_NEVER_ONLY}",
        "inconclusive": "It is not decided whether a model of this recipe can give the same"
        f" answers with other weights. {_NEVER_ONLY}",
        "not_assessable": f"{_LITTLE}: whether other weights give the same answers stays open."
        f" {_NEVER_ONLY}",
        "not_assessed": "It was not tested whether a model of this recipe can give the same "
        f"answers with other weights. {_NEVER_ONLY}",
    },
    "out_of_context": {
        "for": "The weights also help a model that sees each word by itself, and the words of "
        "large weight carry evidence for the answer. The audited model may still use other "
        "words, or use these words in another way.",
        "against": "The weights do not help a model that sees each word by itself. Or they "
        "give the answer away by the choice of words, not by what the words say. Do not say "
        "that the highlighted words carry the evidence.",
        "inconclusive": "It is not decided whether the words of large weight carry the evidence."
        " Do not say that a reader who sees only those words could tell the answer.",
        "not_assessable": f"{_LITTLE}: whether the words of large weight carry the evidence stays"
        " open. Do not say that they do.",
        "not_assessed": "It was not tested whether the words of large weight carry the "
        "evidence. Do not say that they do.",
    },
}


def meaning(
    findings: Mapping[FindingName, Finding], transformer: bool, many_rows: bool = False
) -> list[str]:
    """What the findings mean for showing the heatmap: a paragraph each, and what holds of all.

    Never empty. `transformer` says that the model has many layers and heads of attention, and
    `many_rows` that every row of a layer was audited.
    """
    assessed = [found for found in findings.values() if found.status != "not_assessed"]
    if any(found.edition == 1 for found in assessed):
        return [EARLIER]
    said = [_of(name, found) for name, found in findings.items()] if assessed else [NOTHING]
    if not transformer:
        return [*said, LAST] if assessed else said
    agree = "stable" in findings and findings["stable"].status == "for"
    shown = MANY_ROWS if many_rows else TRANSFORMER
    return [*said, *([PRETRAINED] if agree else []), shown, *([LAST] if assessed else [])]


def _of(name: FindingName, found: Finding) -> str:
    delta = found.delta
    size = "the smallest gain that counts" if delta is None else f"{delta:.3g} in score"
    return MEANING[name][found.status].format(more=f"more than {size}", less=f"less than {size}")
