"""Training batches: determined by seed, epoch and number."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.recognition.vectors import unit
from kiosk.records import Image
from tests.support_train import DrawnTeacher, make_crop_set, see
from train import batches as module
from train.augment import Generator
from train.batch_queue import BatchQueue
from train.batches import Batch, BatchMaker, Blends, Ints, embed_blends
from train.dataset.crop_set import BORDER_PX, CropSet
from train.recipe import FitConfig
from train.teacher import load_targets

INNER = slice(BORDER_PX, -BORDER_PX)


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    return make_crop_set(tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="module")
def blends(crop_set: CropSet) -> Blends:
    return ask(crop_set, DrawnTeacher(), 20, seed=3)


def ask(crop_set: CropSet, teacher: object, count: int, seed: int) -> Blends:
    """Let the drawn teacher embed blends of training crops."""
    return embed_blends(crop_set, teacher, crop_set.indices_of("train"), count, seed)  # type: ignore[arg-type]


@pytest.fixture
def _cut_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the middle instead of augmenting, so that a crop can be identified."""
    monkeypatch.setattr(module, "augment", lambda stored, _: stored[INNER, INNER])


def labels(crop_set: CropSet) -> Ints:
    """A number per crop, so that a crop can be identified by its label."""
    return np.arange(len(crop_set))


def maker(
    crop_set: CropSet, blends: Blends | None = None, *, seed: int = 1, share: float = 0.25
) -> BatchMaker:
    config = FitConfig(batch=8, epoch_images=24, blend_share=share, seed=seed)
    return of_run(config, crop_set, blends)


def of_run(config: FitConfig, crop_set: CropSet, blends: Blends | None = None) -> BatchMaker:
    indices, targets = crop_set.indices_of("train"), load_targets(crop_set)
    return BatchMaker.of_run(config, crop_set, indices, targets, labels(crop_set), blends)


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(one[0][name], other[0][name]) for name in one[0]) and all(
        np.array_equal(one[1][name], other[1][name]) for name in one[1]
    )


def test_a_batch_depends_only_on_seed_epoch_and_number(crop_set: CropSet, blends: Blends) -> None:
    """Another object, in another order, builds an equal batch."""
    one, other = maker(crop_set, blends), maker(crop_set, blends)
    first = {(epoch, number): one.make(epoch, number) for epoch in (0, 4) for number in range(3)}
    again = {key: other.make(*key) for key in reversed(first)}
    assert all(same(first[key], again[key]) for key in first)


@pytest.mark.parametrize("change", ["epoch", "number", "seed"])
def test_every_batch_differs(crop_set: CropSet, blends: Blends, change: str) -> None:
    """Another epoch, number or seed gives other crops and other augmentation."""
    first = maker(crop_set, blends).make(0, 0)
    other = {
        "epoch": lambda: maker(crop_set, blends).make(1, 0),
        "number": lambda: maker(crop_set, blends).make(0, 1),
        "seed": lambda: maker(crop_set, blends, seed=2).make(0, 0),
    }[change]()
    assert not np.array_equal(first[0]["crop"], other[0]["crop"])
    assert not np.array_equal(first[1]["identity"], other[1]["identity"])


def test_a_batch_has_the_inputs_and_targets_of_the_network(
    crop_set: CropSet, blends: Blends
) -> None:
    """A batch has contract crops, with a teacher embedding and a person's number for each."""
    inputs, answers = maker(crop_set, blends).make(0, 0)
    crops = inputs["crop"]
    assert (crops.shape, crops.dtype) == ((8, 112, 112, 3), np.uint8)
    assert answers["embedding"].shape == (8, 128)
    assert answers["embedding"].dtype == np.float32
    assert (answers["identity"].shape, answers["identity"].dtype) == ((8, 1), np.int32)
    assert np.linalg.norm(answers["embedding"], axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.usefixtures("_cut_only")
def test_each_crop_has_its_own_targets(crop_set: CropSet, blends: Blends) -> None:
    """Crop, embedding and person belong to one photo, or to one blend."""
    targets = load_targets(crop_set)
    for number in range(3):
        inputs, answers = maker(crop_set, blends).make(0, number)
        people = answers["identity"][:, 0].astype(int).tolist()
        assert people[6:] == [-1, -1]
        for crop, person, target in zip(inputs["crop"], people, answers["embedding"], strict=True):
            if person >= 0:
                assert np.array_equal(crop, crop_set.crops[person, INNER, INNER])
                assert np.array_equal(target, targets[person])
            else:
                assert target == pytest.approx(see(crop[None])[0], abs=1e-5)


def test_only_training_crops_are_used(crop_set: CropSet) -> None:
    """Over many epochs every training crop appears, and no other."""
    batches = maker(crop_set)
    shown = {
        int(label)
        for epoch in range(20)
        for number in range(3)
        for label in batches.make(epoch, number)[1]["identity"][:, 0]
    }
    assert shown == set(crop_set.indices_of("train").tolist())


@pytest.mark.parametrize(("share", "blended"), [(0.0, 0), (0.25, 2), (0.3, 2), (1.0, 8)])
def test_a_share_of_a_batch_is_blended(
    crop_set: CropSet, blends: Blends, share: float, blended: int
) -> None:
    """The number of blends is the rounded share; without blends it is 0."""
    people = maker(crop_set, blends, share=share).make(0, 0)[1]["identity"]
    assert np.sum(people == -1) == blended
    assert -1 not in maker(crop_set, None, share=share).make(0, 0)[1]["identity"]


def test_the_teacher_embeds_the_blends_that_are_used(crop_set: CropSet, blends: Blends) -> None:
    """A blend's target is the teacher's embedding of the picture that the batch contains."""
    made = np.stack([blends.make(crop_set.crops, number) for number in range(20)])
    assert blends.targets == pytest.approx(see(made[:, INNER, INNER]), abs=1e-6)


def test_blends_contain_only_training_people(crop_set: CropSet, blends: Blends) -> None:
    """Blends contain no held-out person."""
    assert set(blends.pairs.ravel().tolist()) <= set(crop_set.indices_of("train").tolist())
    assert (blends.pairs.shape, blends.seeds.shape) == ((20, 2), (20,))


@pytest.mark.parametrize("count", [1, 511, 513])
def test_any_number_of_blends_is_embedded(
    crop_set: CropSet, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Every blend is embedded once, also across the teacher's batches."""

    def one(stored: Image, _: Image, __: Generator) -> Image:
        return stored

    monkeypatch.setattr(module, "blend", one)
    asked: list[int] = []

    class Counting:
        def embed_with_mirror(self, crops: Image) -> Image:
            asked.append(len(crops))
            return crops[:, 0, 0]

    found = ask(crop_set, Counting(), count, seed=1)
    assert (len(found.targets), sum(asked)) == (count, count)
    assert max(asked) <= 512


def test_the_seed_of_the_blends_decides(crop_set: CropSet) -> None:
    """The same seed gives the same pairs, another seed other pairs."""
    one, again, other = (ask(crop_set, DrawnTeacher(), 6, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.pairs, again.pairs)
    assert np.array_equal(one.targets, again.targets)
    assert not np.array_equal(one.pairs, other.pairs)
    assert unit(one.targets) == pytest.approx(one.targets, abs=1e-5)


def test_with_features_a_batch_shows_each_face_twice(crop_set: CropSet) -> None:
    """The network sees it made worse, and SFace sees it well; the distance aims at 0."""
    config = FitConfig(
        network="sface", batch=8, epoch_images=24, pictures="door", features=1.0, blends=0
    )
    inputs, answers = of_run(config, crop_set).make(0, 0)
    assert inputs["clean"].shape == inputs["crop"].shape == (8, 112, 112, 3)
    assert not np.array_equal(inputs["clean"], inputs["crop"])
    assert np.array_equal(answers["features"], np.zeros((8, 1)))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_queue_gives_the_batches_of_its_epoch_in_order(
    crop_set: CropSet, blends: Blends, workers: int
) -> None:
    """Whichever process makes them, and also if an epoch was left before its end."""
    expected = maker(crop_set, blends)
    with BatchQueue(expected, 3, workers) as queue:
        assert len(queue) == 3
        for epoch, numbers in ((0, (0,)), (4, (0, 1, 2)), (5, (0, 1, 2))):
            queue.epoch = epoch
            assert all(same(queue[at], expected.make(epoch, at)) for at in numbers)


def test_an_error_in_a_process_that_makes_batches_is_raised(crop_set: CropSet) -> None:
    """It is not waited for, and its reason is not lost."""
    faulty = replace(maker(crop_set), indices=np.array([99]))
    with pytest.raises(IndexError, match="99"), BatchQueue(faulty, 3, workers=2) as queue:
        queue[0]


def read_and_kill(made: BatchMaker) -> None:
    """Read a batch by processes that are killed before the next epoch, when they have no work."""
    with BatchQueue(made, 1, workers=2) as queue:
        queue[0]
        for process in multiprocessing.active_children():
            process.kill()
        queue.epoch = 1
        queue[0]


def test_a_process_that_the_system_ended_is_named(crop_set: CropSet) -> None:
    """As it does when memory runs out; the error says what to do."""
    with pytest.raises(DatasetError, match=r"too little memory.*fewer --workers"):
        read_and_kill(maker(crop_set))


def test_batches_left_over_end_with_the_queue(crop_set: CropSet) -> None:
    """The processes end, and no thread waits for them."""
    with BatchQueue(maker(crop_set), 1000, workers=2) as queue:
        queue[0]
        assert multiprocessing.active_children()
    assert multiprocessing.active_children() == []
