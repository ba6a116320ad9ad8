"""The losses: distillation from a teacher's embeddings, and a margin loss on identities."""

from typing import Any

import keras
from keras import ops


def unit(vectors: Any) -> Any:  # noqa: ANN401  # a tensor of whichever backend
    """Scale every row to length 1."""
    return ops.normalize(vectors, axis=-1, order=2, epsilon=1e-12)


class DistillationLoss(keras.losses.Loss):
    """Match the teacher's embeddings, and the similarities between them.

    Per crop: 1 - cosine to the teacher's embedding, plus ``relation`` times half the mean squared
    difference between its row of the batch's similarity matrix and the teacher's (Park et al.,
    "Relational knowledge distillation", 2019; Tung and Mori, "Similarity-preserving", 2019).

    Args:
        relation: Weight of the second part.
    """

    def __init__(self, relation: float = 10.0) -> None:
        super().__init__(name="distillation")
        self.relation = relation

    def call(self, y_true: Any, y_pred: Any) -> Any:  # noqa: ANN401  # tensors
        """Compare ``(n, dim)`` teacher embeddings of length 1 with ``(n, dim)`` of any length."""
        student = unit(ops.cast(y_pred, "float32"))
        direct = 1.0 - ops.sum(y_true * student, axis=-1)
        difference = ops.matmul(student, ops.transpose(student)) - ops.matmul(
            y_true, ops.transpose(y_true)
        )
        return direct + self.relation * 0.5 * ops.mean(ops.square(difference), axis=-1)


class MarginLoss(keras.losses.Loss):
    """Cross-entropy of cosines with an additive margin (CosFace, Wang et al., 2018).

    Args:
        scale: Inverse temperature of the cosines.
        margin: Subtracted from the cosine to the right person.
    """

    def __init__(self, scale: float = 30.0, margin: float = 0.2) -> None:
        super().__init__(name="margin")
        self.scale = scale
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:  # noqa: ANN401  # tensors
        """Compare ``(n, 1)`` people (-1: unnamed, loss 0) with ``(n, people)`` cosines."""
        person = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        named = ops.cast(person >= 0, "float32")
        right = ops.one_hot(ops.maximum(person, 0), ops.shape(y_pred)[-1])
        logits = self.scale * (ops.cast(y_pred, "float32") - self.margin * right)
        return named * ops.categorical_crossentropy(right, logits, from_logits=True)


@keras.saving.register_keras_serializable("kiosk")
class CosineHead(keras.layers.Layer):
    """Cosines of an embedding to one learnt direction per person; used in training only.

    Args:
        people: How many.
        start: ``(people, dim)`` initial directions (the teacher's mean embeddings).
    """

    def __init__(self, people: int, start: Any = None, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(dtype="float32", **kwargs)
        self.people = people
        self._start = start

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the directions."""
        self.directions = self.add_weight(
            shape=(self.people, shape[-1]), initializer="glorot_uniform", name="directions"
        )
        if self._start is not None:
            self.directions.assign(self._start)

    def call(self, embedding: Any) -> Any:  # noqa: ANN401  # a tensor
        """Compare ``(n, dim)`` with every person; return ``(n, people)``."""
        return ops.matmul(unit(embedding), ops.transpose(unit(self.directions)))
