"""Fine-tuning starts here: a pretrained network under a new classification head."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoModelForSequenceClassification

from attnaudit.errors import ModelError
from attnaudit.models.transformer.anatomy import pad_with, padding_of
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.every_row import EveryRow
from attnaudit.models.transformer.loading import check_size, classifier_of
from attnaudit.models.transformer.opening import Opened, open_reference
from attnaudit.models.transformer.reference import Reference, explained


@dataclass(frozen=True)
class PretrainedBlank:
    """Makes classifiers that have not been fine-tuned: their seeds differ in the new head alone.

    What the pretrained weights lack, such as a pooler, is new as well. Weights of a classification
    head that was trained before are not taken over.
    """

    opened: Opened

    @classmethod
    def read(cls, reference: Reference, labels: tuple[str, ...]) -> PretrainedBlank:
        """The blank of a pretrained folder or hub model, for these classes; raises ModelError."""
        opened = open_reference(reference)
        opened.reference.require_safetensors()
        check_size(opened)
        config = copy.deepcopy(opened.config)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
        config.num_labels = len(labels)
        config.problem_type = "single_label_classification"
        if padding_of(config) is None:  # saved with the model, so that transformers reads as we do
            pad_with(config, opened.vocabulary.pad)
        return cls(replace(opened, config=config))

    @cached_property
    def _weights(self) -> Mapping[str, Tensor]:
        """The pretrained weights below the classification head, read once."""
        reference = self.opened.reference
        with explained(reference, "its weights cannot be read"):
            network, info = AutoModel.from_pretrained(
                reference.folder,
                config=self.opened.config,
                attn_implementation="eager",
                use_safetensors=True,
                output_loading_info=True,
                dtype=torch.float32,
                **reference.options,
            )
        weights: dict[str, Tensor] = network.state_dict()
        return {name: w for name, w in weights.items() if name not in info["missing_keys"]}

    def __call__(self, seed: int) -> TransformerClassifier:
        """A classifier whose new weights depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            config = copy.deepcopy(self.opened.config)
            with explained(self.opened.reference, "its network cannot be built"):
                network: Any = AutoModelForSequenceClassification.from_config(  # type: ignore[no-untyped-call]
                    config, attn_implementation="eager"
                )
            network = network.float()  # configurations may ask for half, which cannot be trained
        base = network.base_model
        # What the classifier has no use for, such as the pooler of some families, is left aside.
        missing = base.load_state_dict(self._weights, strict=False).missing_keys
        _check_whole(list(base.state_dict()), missing, self.opened.reference)
        made = classifier_of(network.eval(), self.opened)
        if isinstance(made, EveryRow):
            raise ModelError(
                "its classification head reads every row of its last layer, and attnaudit trains"
                " models whose head reads one row: findings rest on it",
                where=self.opened.reference.name,
                hint="train it with transformers, and audit the folder by the tests that train no"
                " models",
            )
        return made


def _check_whole(names: Sequence[str], missing: Collection[str], reference: Reference) -> None:
    """Raise ModelError where more is missing than a part at the top, such as a pooler.

    `names` are those of all weights from bottom to top. What else would be random is no pretrained
    model: a folder may hold the weights of another configuration.
    """
    there = [i for i, name in enumerate(names) if name not in missing]
    below = names[: there[-1] + 1] if there else names
    parts = {name.partition(".")[0] for name in below}
    lacking = [name for name in names if name in missing and name.partition(".")[0] in parts]
    if lacking:
        raise ModelError(
            f"lacks {len(lacking)} of its {len(names)} weights, such as {lacking[0]}: its "
            "model.safetensors does not belong to its config.json",
            where=reference.name,
            hint="download or save it again",
        )
