"""Fixtures: SFace as published, the same with few slopes, and crops to compare networks on."""

from functools import cache

import keras
import pytest

from kiosk.records import Image
from tests.support_train import varied_crops
from train.sface.network import build_sface
from train.sface.slopes import share_slopes
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
def shared() -> Sface:
    return _share()


@cache
def _share() -> Sface:
    """Share slopes once for the tests of all folders, each of which has a fixture of its own."""
    return share_slopes(read_sface(), varied_crops())
