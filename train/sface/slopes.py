"""Give the PReLUs of SFace few slopes: the int8 form is a fifth faster, and a little less accurate.

The TFLite runtime has a fast int8 operator for a PReLU with one slope, and none for a PReLU with a
slope for each channel. So the channels of a convolution, and of the depthwise one after it, are put
into a few groups with one slope each; the groups are computed apart (:mod:`convert.sface`). The
first stage keeps all its slopes: to share them, too, would change the network two thirds more.
The weights are fitted to the new slopes (:mod:`train.sface.refit`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from kiosk.records import Floats, Image
from train.sface.layers import GROUPS_MAX
from train.sface.refit import centred, convolve, prelu, refit
from train.sface.weights import Channels, Sface, Unit, in_first_stage, stages

GROUP_CHANNELS: Final = 16
"""A group has a multiple of these: the kernels compute so many channels at once."""
_GROUPS: Final = 4
"""Of a stage at most; more take time where channels are few and large."""
_CHANNELS: Final = 256
"""From so many channels on there are more groups: there they take no time."""
_GRID: Final = np.arange(-0.7, 1.2, 0.025)
"""Slopes to choose from."""
_CROPS: Final = 128
"""Crops that say how far each channel is above and below 0."""
_EVERY: Final = 7
"""Of large layers, every 7th row and column is enough."""
_TINY: Final = 1e-12
_FREE_ROUNDS: Final = 4
_ROUNDS: Final = 11
"""Rounds with groups of any size, and then with whole sizes."""
_TRIES: Final = 4
_SEED: Final = 0


def group_count(channels: int) -> int:
    """Return how many groups so many channels are put into."""
    most = _GROUPS if channels < _CHANNELS else GROUPS_MAX
    return min(most, channels // GROUP_CHANNELS)


def shared_groups(sface: Sface) -> list[list[Channels]]:
    """Return the groups of channels of each stage: those of equal slopes, the largest first.

    A stage whose channels have slopes of their own is one group.
    """
    found = []
    for stage in stages(sface.units):
        slopes = np.stack([unit.slope for unit in stage], axis=1)
        kinds, groups = np.unique(slopes, axis=0, return_inverse=True)
        members = [np.flatnonzero(groups.reshape(-1) == at) for at in range(len(kinds))]
        shared = len(kinds) <= GROUPS_MAX
        found.append(sorted(members, key=len, reverse=True) if shared else [np.arange(len(slopes))])
    return found


def share_slopes(sface: Sface, crops: Image) -> Sface:
    """Put the channels into groups of like slopes, with one slope each, and fit the weights.

    Args:
        sface: The weights.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, such as the network will see; some hundred.

    Returns:
        The weights, of channels in the same order.
    """
    losses = _losses(sface, crops)
    slopes = [unit.slope for unit in sface.units if in_first_stage(unit)]
    for at in range(len(slopes), len(losses), 2):  # the other stages
        slopes += _share(losses[at : at + 2])
    return refit(sface, slopes, crops)


def sort_channels(sface: Sface) -> Sface:
    """Put the channels of each group side by side; the function stays, the features change places.

    :func:`train.sface.network.build_sface` takes groups in this order.
    """
    units: list[Unit] = []
    before: Channels = np.arange(sface.units[0].weight.shape[2])
    for stage, groups in zip(stages(sface.units), shared_groups(sface), strict=True):
        order = np.concatenate(groups)
        for unit in stage:
            weight = unit.weight[:, :, order if unit.depthwise else before]
            units.append(
                replace(
                    unit,
                    weight=weight if unit.depthwise else weight[..., order],
                    bias=unit.bias[order],
                    slope=unit.slope[order],
                )
            )
        before = order
    rows = sface.weight.reshape(-1, len(before), sface.weight.shape[1])[:, before]
    return replace(sface, units=tuple(units), weight=rows.reshape(sface.weight.shape))


def _losses(sface: Sface, crops: Image) -> list[Floats]:
    """Return for each unit what each channel loses by each slope of the grid, ``(out, slopes)``.

    The next layer may multiply a channel and add to it. What then is left of the difference, as a
    variance, counts as much as the weights that take the channel.
    """
    found = []
    values = centred(crops[:_CROPS])
    for at, unit in enumerate(sface.units):
        values = convolve(unit, values)
        some = values[:, ::_EVERY, ::_EVERY] if values.shape[1] > 4 * _EVERY else values
        left = _left(some.reshape(-1, some.shape[-1]), unit.slope)
        found.append(left * _use(sface, at)[:, None])
        values = prelu(values, unit.slope)
    return found


def _left(values: Floats, slope: Floats) -> Floats:
    """Return the variance of ``prelu(x)`` that no multiple of a PReLU of another slope explains."""
    above, below = np.maximum(values, 0), np.maximum(-values, 0)
    both = -above.mean(axis=0) * below.mean(axis=0)  # their covariance: one of them is always 0
    high, low = above.var(axis=0), below.var(axis=0)
    own = high + slope**2 * low - 2 * slope * both
    high, low, both, slope = (one[:, None] for one in (high, low, both, slope))
    other = high + _GRID**2 * low - 2 * _GRID * both
    shared = high + slope * _GRID * low - (slope + _GRID) * both
    return np.asarray(np.maximum(own[:, None] - shared**2 / np.maximum(other, _TINY), 0))


def _use(sface: Sface, at: int) -> Floats:
    """Return the sum of the squares of the weights that take each channel of a convolution.

    A depthwise one passes each channel on to the next convolution, whose weights count, too.
    """
    if at + 1 == len(sface.units):
        weight = sface.weight.reshape(-1, len(sface.units[at].slope), sface.weight.shape[1])
        return np.asarray(np.square(weight).sum(axis=(0, 2)))
    after = sface.units[at + 1]
    own = np.square(after.weight)
    if not after.depthwise:
        return np.asarray(own.sum(axis=(0, 1, 3)))
    return np.asarray(own.sum(axis=(0, 1, 3)) * _use(sface, at + 1))


def _share(losses: Sequence[Floats]) -> list[Floats]:
    """Choose the slopes of each channel of the layers of one stage, by a k-means of whole sizes."""
    rng = np.random.default_rng(_SEED)
    tries = [_cluster(losses, rng) for _ in range(_TRIES)]
    groups, centres = min(tries, key=lambda found: _loss_of(losses, *found))
    return [np.asarray(_GRID[own][groups], np.float32) for own in centres]


def _loss_of(losses: Sequence[Floats], groups: Channels, centres: Channels) -> float:
    channels = np.arange(len(groups))
    return float(
        sum(one[channels, own[groups]].sum() for one, own in zip(losses, centres, strict=True))
    )


def _cluster(losses: Sequence[Floats], rng: np.random.Generator) -> tuple[Channels, Channels]:
    """Return the group of each channel, and the place in the grid of each group for each layer."""
    size = len(losses[0])
    count = group_count(size)
    chosen = rng.choice(size, count, replace=False)
    centres = np.stack([one[chosen].argmin(axis=1) for one in losses])
    groups = np.empty(size, np.int64)
    for _ in range(_FREE_ROUNDS):
        costs = _costs(losses, centres)
        groups = costs.argmin(axis=1)
        # A group that nobody is in takes the channel that fits worst.
        worst = costs.min(axis=1).argmax(keepdims=True)
        found = (np.flatnonzero(groups == at) for at in range(count))
        centres = _centres(losses, [members if len(members) else worst for members in found])
    places = np.repeat(np.arange(count), _whole_sizes(np.bincount(groups, minlength=count)))
    for _ in range(_ROUNDS):
        before = groups
        groups = places[linear_sum_assignment(_costs(losses, centres)[:, places])[1]]
        if np.array_equal(groups, before):
            break
        centres = _centres(losses, [np.flatnonzero(groups == at) for at in range(count)])
    return groups, centres


def _costs(losses: Sequence[Floats], centres: Channels) -> Floats:
    """Return what each channel loses in each group, ``(channels, groups)``."""
    return np.asarray(
        np.sum([one[:, own] for one, own in zip(losses, centres, strict=True)], axis=0)
    )


def _centres(losses: Sequence[Floats], groups: Sequence[Channels]) -> Channels:
    """Return the place in the grid where each group loses least, ``(layers, groups)``."""
    return np.array([[one[own].sum(axis=0).argmin() for own in groups] for one in losses])


def _whole_sizes(counts: Channels) -> Channels:
    """Round the sizes of the groups to multiples of 16, of the same sum."""
    sizes = np.maximum(1, np.round(counts / GROUP_CHANNELS)).astype(np.int64) * GROUP_CHANNELS
    while (missing := int(counts.sum() - sizes.sum())) != 0:
        step = int(np.sign(missing)) * GROUP_CHANNELS
        able = sizes + step > 0
        at = int(np.argmax(np.where(able, np.sign(step) * (counts - sizes), -np.inf)))
        sizes[at] += step
    return np.asarray(sizes)
