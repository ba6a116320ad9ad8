"""SFace as published, and crops to compare networks on."""

import keras
import pytest

from kiosk.records import Image
from tests.support_train import varied_crops
from train.sface import Sface, read_sface
from train.sface_network import build_sface


@pytest.fixture(scope="package")
def weights() -> Sface:
    return read_sface()


@pytest.fixture(scope="package")
def network(weights: Sface) -> keras.Model:
    return build_sface(weights)


@pytest.fixture(scope="package")
def crops() -> Image:
    return varied_crops()
