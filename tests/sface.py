"""Fixtures: SFace as published, in int8, with a blank short front, and crops to compare on."""

import keras
import pytest

from convert.quantise import quantise
from convert.sface import int8_form
from kiosk.records import Image
from tests.support_train import varied_crops
from train.sface.network import build_sface
from train.sface.short_front import blank_front
from train.sface.weights import Sface, read_sface


@pytest.fixture(scope="session")
def weights() -> Sface:
    return read_sface()


@pytest.fixture(scope="session")
def network(weights: Sface) -> keras.Model:
    return build_sface(weights)


@pytest.fixture(scope="session")
def crops() -> Image:
    return varied_crops()


@pytest.fixture(scope="session")
def short(weights: Sface) -> Sface:
    return blank_front(weights)


@pytest.fixture(scope="session")
def int8_sface(network: keras.Model, crops: Image) -> bytes:
    return quantise(int8_form(network, crops), crops)
