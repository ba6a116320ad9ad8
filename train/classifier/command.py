"""The commands ``report`` and ``predict``: recipe ``report`` from photos to figures."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from kiosk.errors import DatasetError
from kiosk.recognition.bundle import OperatingPoint, load_bundle
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Cohort
from kiosk.recognition.photo import read_photo
from kiosk.records import Image
from train.classifier.comparison import Comparison, Method, write
from train.classifier.comparison import as_text as side_by_side
from train.classifier.enrolment import classifier_method, enrolment_methods
from train.classifier.fit import ClassifierConfig, Run, fit_classifier, load_run, predict
from train.classifier.photos import ReportPhotos, cut_evenly, load_report_photos, square
from train.classifier.report import ClassifierReport, as_text, report_classifier
from train.dataset.crop_set import CropSet
from train.dataset.prepare import write_left_out
from train.dataset.sources import Sources, read_sources
from train.evaluation.metrics import Bools
from train.plots import save_grid

FPIR: Final = 0.003
"""The embedding is measured at the model card's threshold for this FPIR, the kiosk's default."""
STRANGERS_MAX: Final = 2000
"""Strangers' photos; at 224 pixels they take 300 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class StrangersAndUnseen:
    """What a crop set tells: who is a stranger, and whom the embedding was not trained on.

    Attributes:
        strangers: ``(m, 112, 112, 3)`` uint8 RGB.
        people: How many the strangers are; ``None`` where no crop set was given.
        unseen: ``(names,)`` who of the labelled is not on the training side; ``None`` likewise.
    """

    strangers: Image
    people: int | None = None
    unseen: Bools | None = None


def run_report(
    photos: Path,
    root: Path,
    folder: Path,
    *,
    photos_max: int | None = None,
    strangers: Path | None = None,
    bundle: Path | None = None,
    epochs: int = 30,
    size_px: int = 224,
    progress: bool = True,
) -> str:
    """Train the report's classifier, measure it, and set the shipped embedding beside it.

    The run folder gets what :func:`train.classifier.fit.fit_classifier` and
    :func:`train.classifier.report.report_classifier` write, ``left_out.csv``, and with a bundle
    ``comparison.txt``, ``comparison.json`` and ``comparison.csv``. A run that was interrupted is
    taken up.

    Args:
        photos: Folder with one sub-folder of photos a person, or TOML file of sources.
        root: What a TOML file's paths are relative to.
        folder: The run folder.
        photos_max: Cut the set to this many photos, evenly over the people.
        strangers: Crop set whose named test people are strangers, without those of the labelled.
        bundle: Model bundle to measure with enrolment.
        epochs: Epochs of the training.
        size_px: Split of the photos that the classifier sees.
        progress: Show progress bars.

    Returns:
        The figures as text.

    Raises:
        DatasetError: The photos, the crop set or the run folder cannot be used.
        ModelError: The bundle cannot be used.
    """
    # First what can be refused without training.
    sources = read_sources(photos)
    crop_set = None if strangers is None else CropSet.load(strangers)
    model = None if bundle is None else load_bundle(bundle)
    config = ClassifierConfig(size_px=size_px, epochs=epochs, seed=sources.seed)
    report_photos = load_report_photos(sources, root, size_px, photos_max, progress=progress)
    others = find_strangers(crop_set, sources, report_photos.labelled.names)
    run = fit_classifier(folder, report_photos.labelled, config, progress=progress)
    write_left_out(folder / "left_out.csv", report_photos.left_out)
    if model is None:
        return as_text(_report(run, report_photos, others, None))
    # The gallery holds everybody: a kiosk would take its threshold for as many people.
    point = model.card.operating_point(FPIR, len(run.names))
    methods = enrolment_methods(
        run,
        report_photos,
        others.strangers,
        others.unseen,
        TfliteEmbedder(model),
        Cohort(model.cohort),
        point.threshold,
    )
    report = _report(run, report_photos, others, max(method.new_person_s for method in methods))
    methods = (classifier_method(run, report_photos, report, others.unseen), *methods)
    comparison = _comparison(report_photos, others, model.card.model_id, point, methods)
    write(comparison, folder)
    return f"{as_text(report)}\n{side_by_side(comparison)}"


def run_predict(photos: Sequence[Path], folder: Path, grid: Path) -> Iterator[str]:
    """Name the person on each photo, and draw the picture grid.

    Args:
        photos: Photo files; a folder that has the name of a person tells who it is.
        folder: The run folder of a finished run.
        grid: The PNG file to write.

    Yields:
        A line a photo.

    Raises:
        DatasetError: The folder is no finished run.
        PhotoError: A photo cannot be read.
    """
    run = load_run(folder)
    size_px = run.config.size_px
    pictures = np.stack([square(read_photo(path), size_px)[:, :, ::-1] for path in photos])
    folders = [path.resolve().parent.name for path in photos]
    actual = [name if name in run.names else "" for name in folders]
    predictions = predict(run, pictures, actual)
    save_grid(pictures, predictions, grid)
    for path, found in zip(photos, predictions, strict=True):
        known = found.actual or "not known"
        yield f"{path}: Actual: {known}, Predicted: {found.predicted} ({found.score:.0%})"


def find_strangers(
    crop_set: CropSet | None, sources: Sources, names: Sequence[str]
) -> StrangersAndUnseen:
    """Find strangers to the people named, and who of these the embedding was not trained on.

    A person of the crop set is one of those named if the folder has the same name, or if a source
    says so (``also``). Photos of nobody named may show anybody: they are no strangers.

    Args:
        crop_set: What the embedding was trained on and tested on; ``None`` tells nothing.
        sources: What the labelled was made of.
        names: The people of the labelled.

    Raises:
        DatasetError: The crop set has no stranger on its test side.
    """
    if crop_set is None:
        return StrangersAndUnseen(np.empty((0, 112, 112, 3), np.uint8))
    also = {
        other: person
        for source in sources.source
        for person, others in source.also.items()
        for other in others
    }
    known = [also.get(photo.identity, photo.person) for photo in crop_set.photos]
    tested = [i for i in crop_set.indices_of("test") if known[i] and known[i] not in names]
    if not tested:
        raise DatasetError(f"{crop_set.folder}: no stranger on its test side; prepare more people")
    people = np.unique([crop_set.photos[i].identity for i in tested], return_inverse=True)[1]
    chosen = np.array(tested, np.int64)[cut_evenly(people, STRANGERS_MAX, sources.seed)]
    strangers = np.concatenate(list(crop_set.contract_crops(chosen)))
    trained = {known[i] for i in crop_set.indices_of("train")}
    unseen = np.array([name not in trained for name in names])
    return StrangersAndUnseen(strangers, len({crop_set.photos[i].identity for i in chosen}), unseen)


def _report(
    run: Run, report_photos: ReportPhotos, others: StrangersAndUnseen, enrolment_s: float | None
) -> ClassifierReport:
    enlarged = [square(crop, run.config.size_px) for crop in others.strangers]
    strangers = np.stack(enlarged) if enlarged else None
    return report_classifier(run, report_photos.labelled, strangers, enrolment_s=enrolment_s)


def _comparison(
    report_photos: ReportPhotos,
    others: StrangersAndUnseen,
    model_id: str,
    point: OperatingPoint,
    methods: tuple[Method, ...],
) -> Comparison:
    return Comparison(
        people=len(report_photos.labelled.names),
        photos=len(report_photos.photos),
        left_out=dict(Counter(item.reason for item in report_photos.left_out)),
        unseen_people=None if others.unseen is None else int(others.unseen.sum()),
        strangers_people=others.people,
        model_id=model_id,
        fpir=point.fpir,
        gallery_size=point.gallery_size,
        methods=methods,
    )
