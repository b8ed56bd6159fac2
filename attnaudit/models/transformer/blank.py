"""Fine-tuning starts here: a pretrained network under a new classification head."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoModelForSequenceClassification

from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.loading import Opened, classifier_of, open_reference
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
        config = copy.deepcopy(opened.config)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
        config.num_labels = len(labels)
        config.problem_type = "single_label_classification"
        return cls(replace(opened, config=config))

    @cached_property
    def _weights(self) -> Mapping[str, Tensor]:
        """The pretrained weights below the classification head, read once."""
        reference = self.opened.reference
        with explained(reference, "its weights cannot be read"):
            network, info = AutoModel.from_pretrained(
                reference.folder,
                config=self.opened.config,
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
            network: Any = AutoModelForSequenceClassification.from_config(  # type: ignore[no-untyped-call]
                config, attn_implementation="eager"
            )
            network = network.float()  # configurations may ask for half, which cannot be trained
        lacking = network.base_model.load_state_dict(self._weights, strict=False).missing_keys
        assert len(lacking) < len(self._weights)  # the head's own, at most a pooler
        return classifier_of(network.eval(), self.opened)
