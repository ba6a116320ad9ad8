"""Support for the tests of train and convert: small crop sets, a tiny network, a teacher."""

import csv
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from convert.golden import golden_crops
from kiosk.contract import CROP_PX, EMBEDDING_DIM
from kiosk.demo import sample_people
from kiosk.recognition.align import align
from kiosk.recognition.card import OperatingPoint
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import find_single_face, read_photo
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support_recognition import embedding
from train.dataset.crop_set import STORED_PX, CropSet, Photo
from train.dataset.sources import Split
from train.evaluation.demographics import GroupRate
from train.evaluation.evaluate import Report
from train.evaluation.identify import Identification
from train.evaluation.lfw import Lfw
from train.metrics import Rate, TenFold
from train.network import NetworkConfig

# With fewer than 16 channels into a convolution of stride 2, oneDNN 3.x crashes going backward.
TINY = NetworkConfig(stem=16, channels=(16,), blocks=(1,), head=16)
EVERYBODY: Mapping[Split, int] = {"train": 4, "dev": 5, "test": 5}
EACH = 5

_WEIGHTS = np.random.default_rng(1).normal(size=(192, EMBEDDING_DIM))
_WEIGHTS -= _WEIGHTS.mean(axis=0)  # brightness alone says nothing


def orl_photo(person: int, number: int) -> Path:
    """A photo of the ORL set: 40 people, ten photos each, both counted from 1."""
    return sample_people._faces() / f"s{person}" / f"{number}.pgm"


def orl_crop(person: int, number: int) -> Image:
    """The crop of an ORL photo, as the kiosk would cut it."""
    photo = read_photo(orl_photo(person, number))
    return align(photo, find_single_face(photo, Detector()).landmarks)


def varied_crops() -> Image:
    """Golden crops and drawn people, ``(n, 112, 112, 3)``: input to compare networks on."""
    drawn = [draw_crop(who, 0, CROP_PX) for who in range(4)]
    return np.concatenate([golden_crops(), np.stack(drawn)])


def draw_crop(who: int, photo: int, side_px: int = STORED_PX) -> Image:
    """A stored crop of no real person: a person is a pattern of colours, a photo its light."""
    cells = np.random.default_rng(who).integers(40, 216, (6, 6, 3)).astype(np.float32)
    cells *= np.random.default_rng((who, photo)).uniform(0.85, 1.15, (6, 6, 1))
    size = (side_px, side_px)
    return np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def make_crop_set(
    folder: Path, people: Mapping[Split, int] = EVERYBODY, each: int = EACH
) -> CropSet:
    """Write a crop set of drawn people, ``each`` photos per person, with teacher embeddings."""
    splits = [split for split, count in people.items() for _ in range(count * each)]
    who = np.repeat(np.arange(sum(people.values())), each)
    photos = [
        Photo("drawn", f"p{person}", f"{at % each}.png", f"drawn/p{person}")
        for at, person in enumerate(who)
    ]
    crops = np.stack([draw_crop(int(person), at % each) for at, person in enumerate(who)])
    CropSet.write(folder, crops, photos, splits)
    targets = [embedding(int(person)) + 0.5 * embedding(1000 + at) for at, person in enumerate(who)]
    np.save(folder / "teacher.npy", unit(targets))
    return CropSet.load(folder)


def see(crops: Image) -> Floats:
    """Embed ``(n, 112, 112, 3)`` crops by patches; this tells drawn people apart, but not faces."""
    cell = CROP_PX // 8
    patches = crops.reshape(-1, 8, cell, 8, cell, 3).mean((2, 4)).reshape(-1, 192)
    return unit(patches @ _WEIGHTS)


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 4 kB, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class DrawnTeacher:
    """Replaces the teacher, and counts the crops that it embeds."""

    def __init__(self) -> None:
        self.asked = 0

    def embed_with_mirror(self, crops: Image) -> Floats:
        self.asked += len(crops)
        return see(crops)


def a_report(name: str, *, with_lfw: bool = False) -> Report:
    rate = Rate(0.0123, 0.0101, 0.0199, 900)
    cases = [(size, fpir) for size in (30, 420) for fpir in (0.01, 0.003)]
    return Report(
        name=name,
        operating_points=tuple(OperatingPoint(fpir, size, 0.4, 0.05) for size, fpir in cases),
        development=tuple(Identification(size, 0.4, rate, rate) for size, _ in cases),
        test=tuple(Identification(size, 0.4, rate, Rate(0.25, 0.2, 0.3, 800)) for size, _ in cases),
        cosine=tuple(Identification(size, 0.4, rate, Rate(0.5, 0.4, 0.6, 70)) for size, _ in cases),
        groups=(GroupRate("female, 0-9, Asian", 40, Rate(0.5, 0.4, 0.6, 1560)),),
        relatives=rate,
        lfw=Lfw(TenFold(0.9912, 0.0015, 6000), rate, rate, 1) if with_lfw else None,
    )


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
