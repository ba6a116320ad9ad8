"""SFace as published, the same with few slopes, and crops to compare networks on."""

from dataclasses import dataclass

import keras
import pytest

from convert import sface
from convert.slopes import share_slopes
from kiosk.records import Image
from tests.support_train import varied_crops
from train.sface import Sface, read_sface
from train.sface_network import build_sface


@dataclass(frozen=True, slots=True, eq=False)
class FewSlopes:
    """What conversion with few slopes makes of SFace on its way.

    Attributes:
        shared: The weights, whose channels share slopes.
        form: The int8 form of these.
    """

    shared: Sface
    form: keras.Model


@pytest.fixture(scope="package")
def weights() -> Sface:
    return read_sface()


@pytest.fixture(scope="package")
def network(weights: Sface) -> keras.Model:
    return build_sface(weights)


@pytest.fixture(scope="package")
def crops() -> Image:
    return varied_crops()


@pytest.fixture(scope="package")
def few_slopes(network: keras.Model, crops: Image) -> FewSlopes:
    """Convert once for all tests: to share slopes takes many seconds."""
    seen: list[Sface] = []

    def share(weights: Sface, crops: Image) -> Sface:
        seen.append(share_slopes(weights, crops))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sface, "share_slopes", share)
        form = sface.int8_form(network, crops, few_slopes=True)
    (shared,) = seen
    return FewSlopes(shared, form)
