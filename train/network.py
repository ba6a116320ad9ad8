"""The embedding network: a plain residual CNN of dense 3x3 convolutions.

Int8 kernels and matrix units run dense convolutions fastest: after conversion, such a network takes
a seventh of the time of a depthwise MobileFaceNet of half its size. Stages follow ResNet (He et
al., 2016); the head is MobileFaceNet's global depthwise convolution (Chen et al., 2018), which
weights the positions of an aligned face instead of averaging them.
"""

from typing import Annotated, Final

import keras
import msgspec
from keras import layers
from msgspec import Meta

from kiosk.contract import CROP_PX, EMBEDDING_DIM

MOMENTUM: Final = 0.9
"""Of the running mean and variance: low, because a run is short."""


class NetworkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of the network.

    Attributes:
        stem: Channels of the first convolution (stride 2); at least 16, because with fewer PyTorch
            (oneDNN's 1x1 convolution of stride 2) crashes in the backward pass.
        channels: Channels of each stage; each halves the picture.
        blocks: Residual blocks of each stage.
        head: Channels before the global depthwise convolution.
    """

    stem: Annotated[int, Meta(ge=16)] = 32
    channels: tuple[int, ...] = (64, 112, 192)
    blocks: tuple[int, ...] = (1, 3, 3)
    head: int = 384


def build_network(config: NetworkConfig) -> keras.Model:
    """Build the network.

    Returns:
        A model from crops ``(n, 112, 112, 3)``, pixels 0 to 255 RGB, to embeddings
        ``(n, 128)`` float32, not scaled to length 1 (the kiosk does that).
    """
    crop = keras.Input((CROP_PX, CROP_PX, 3), name="crop")
    # Scaling is part of the graph, so that no caller does arithmetic on pixels.
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(crop)
    x = _conv(x, config.stem, 3, 2, "stem")
    for stage, (channels, blocks) in enumerate(zip(config.channels, config.blocks, strict=True)):
        for block in range(blocks):
            x = _residual(x, channels, 2 if block == 0 else 1, f"stage{stage}_block{block}")
    x = _conv(x, config.head, 1, 1, "head")
    side = x.shape[1]
    x = layers.DepthwiseConv2D(side, use_bias=False, name="place")(x)
    x = BatchNormalization(momentum=MOMENTUM, name="place_norm")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(EMBEDDING_DIM, use_bias=False, name="project")(x)
    x = BatchNormalization(momentum=MOMENTUM, name="embedding_norm")(x)
    embedding = layers.Activation("linear", dtype="float32", name="embedding")(x)
    return keras.Model(crop, embedding, name="embedder")


def _residual(x: keras.KerasTensor, channels: int, stride: int, name: str) -> keras.KerasTensor:
    y = _conv(x, channels, 3, stride, f"{name}_a")
    y = _conv(y, channels, 3, 1, f"{name}_b", activate=False)
    if stride != 1 or x.shape[-1] != channels:
        x = _conv(x, channels, 1, stride, f"{name}_skip", activate=False)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))


def _conv(
    x: keras.KerasTensor, channels: int, size: int, stride: int, name: str, *, activate: bool = True
) -> keras.KerasTensor:
    x = Conv2D(channels, size, stride, padding="same", use_bias=False, name=name)(x)
    x = BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x


if keras.backend.backend() == "torch":
    import torch
    from torch.nn import functional

    # Keras copies a channels-last tensor twice before a convolution, and normalises a batch in
    # a dozen passes in float32; PyTorch's own kernels do each in one pass, in bfloat16. Together
    # they make training 2.6 times as fast on a processor with AMX. The mathematics is the same,
    # except that PyTorch's running variance is the unbiased one: n / (n - 1) times Keras's, with n
    # values per channel in a batch. The class names are the same too, because a weights file
    # contains them.

    class Conv2D(layers.Conv2D):
        """A convolution that keeps the memory layout."""

        def convolution_op(self, inputs: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
            """Convolve ``(n, h, w, c)`` as channels-last memory."""
            x = inputs.permute(0, 3, 1, 2)
            kernel = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
            padding = 0
            if self.padding == "same":
                x, padding = self._pad_same(x)
            y = functional.conv2d(x, kernel, stride=self.strides, padding=padding)
            return y.permute(0, 2, 3, 1)

        def _pad_same(self, x: torch.Tensor) -> tuple[torch.Tensor, int]:
            """Pad like TensorFlow's SAME: the odd row and column come last."""
            size, stride = self.kernel_size[0], self.strides[0]
            total = max(size - (stride if x.shape[2] % stride == 0 else x.shape[2] % stride), 0)
            if total % 2 == 0:
                return x, total // 2
            before, after = total // 2, total - total // 2
            return functional.pad(x, (before, after, before, after)), 0

    class BatchNormalization(layers.BatchNormalization):
        """Batch normalisation with PyTorch's own kernel."""

        def call(
            self,
            inputs: torch.Tensor,
            training: bool | None = None,  # noqa: FBT001 - Keras's signature
            mask: None = None,  # noqa: ARG002 - Keras's signature
        ) -> torch.Tensor:
            """Normalise the last axis of ``(n, c)`` or ``(n, h, w, c)``."""
            if inputs.device.type == "meta":  # Keras asks only for the shape
                return inputs
            last_first = (0, inputs.ndim - 1, *range(1, inputs.ndim - 1))
            back = (0, *range(2, inputs.ndim), 1)
            y = functional.batch_norm(
                inputs.permute(last_first),
                self.moving_mean.value,
                self.moving_variance.value,
                self.gamma.value,
                self.beta.value,
                bool(training) and self.trainable,
                1.0 - self.momentum,
                self.epsilon,
            )
            return y.permute(back)

else:
    Conv2D = layers.Conv2D  # type: ignore[misc]  # Keras's class of the same name
    BatchNormalization = layers.BatchNormalization  # type: ignore[misc]  # as above
