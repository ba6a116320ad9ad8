"""The commands ``report`` and ``predict``: recipe ``report`` from photos to figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError
from kiosk.recognition.bundle import load_bundle
from kiosk.recognition.card import OperatingPoint
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Cohort
from kiosk.recognition.model_trial import try_model
from kiosk.recognition.photo import read_photo
from kiosk.records import Image
from train.classifier.comparison import Comparison, Method, render_comparison, write_comparison
from train.classifier.enrolment import classifier_method, enrolment_methods
from train.classifier.fit import fit_classifier, predict
from train.classifier.photos import ReportPhotos, cut_evenly, load_report_photos, square
from train.classifier.report import ClassifierReport, render_report, report_classifier
from train.classifier.run import ClassifierConfig, Run, load_run
from train.dataset.crop_set import CropSet
from train.dataset.entries import shown_name
from train.dataset.face_crops import count_reasons, write_left_out
from train.dataset.people import Confirm
from train.dataset.sources import Sources, read_sources
from train.metrics import Bools
from train.plots import save_grid

FPIR: Final = 0.003
"""The embedding is measured at the model card's threshold for this FPIR, the kiosk's default."""
STRANGERS_MAX: Final = 2000
"""Strangers' photos; at 224 pixels they take 300 MB."""
_CONFIG: Final = ClassifierConfig()


@dataclass(frozen=True, slots=True, eq=False)
class StrangersAndUnseen:
    """What a crop set tells: photos of strangers, and people outside its training split.

    Attributes:
        strangers: ``(m, 112, 112, 3)`` uint8 RGB.
        stranger_people: How many people they show; ``None`` if no crop set was given.
        unseen: ``(names,)`` whether each of the report's people is absent from the training split;
            ``None`` if no crop set was given.
    """

    strangers: Image
    stranger_people: int | None = None
    unseen: Bools | None = None


def run_report(
    photos: Path,
    root: Path,
    folder: Path,
    *,
    photos_max: int | None = None,
    strangers: Path | None = None,
    bundle: Path | None = None,
    config: ClassifierConfig = _CONFIG,
    progress: bool = True,
    confirm: Confirm = lambda _: None,
) -> str:
    """Train the report's classifier, measure it, and compare the shipped embedding with it.

    The run folder gets the files of :func:`train.classifier.fit.fit_classifier` and
    :func:`train.classifier.report.report_classifier`, ``left_out.csv``, and with a bundle
    ``comparison.txt``, ``comparison.json`` and ``comparison.csv``. An interrupted run is resumed.

    Args:
        photos: Folder with one sub-folder of photos per person, or TOML file of sources.
        root: What a TOML file's paths are relative to.
        folder: The run folder.
        photos_max: Cut the set to this many photos, evenly over the people.
        strangers: Crop set; its named test people who are not in the photos are the strangers.
        bundle: Model bundle to measure with enrolment.
        config: The hyperparameters; the seed is that of the sources.
        progress: Show progress bars.
        confirm: Called before the work with whom the photos are taken to show; it may raise.

    Returns:
        The figures as text.

    Raises:
        DatasetError: The photos, the crop set or the run folder cannot be used.
        ModelError: The bundle cannot be used.
    """
    # First whatever can fail without training.
    sources = read_sources(photos)
    crop_set = None if strangers is None else CropSet.load(strangers)
    model = None if bundle is None else load_bundle(bundle)
    if model is not None:
        try_model(model.model, "ai-edge-litert")
    config = replace(config, seed=sources.seed)
    report_photos = load_report_photos(
        sources, root, config.size_px, photos_max, progress=progress, confirm=confirm
    )
    others = find_strangers(crop_set, sources, report_photos.labelled.names)
    run = fit_classifier(folder, report_photos.labelled, config, progress=progress)
    write_left_out(folder / "left_out.csv", report_photos.left_out)
    if model is None:
        return render_report(_report(run, report_photos, others, None))
    # The gallery holds everybody, and a kiosk uses the threshold for that many people.
    point = model.card.operating_point(FPIR, len(run.names))
    enrolments = enrolment_methods(
        run,
        report_photos,
        others.strangers,
        others.unseen,
        TfliteEmbedder(model),
        Cohort(model.cohort),
        point.threshold,
    )
    slowest_s = max(method.new_person_s for method in enrolments)
    report = _report(run, report_photos, others, slowest_s)
    methods = (classifier_method(run, report_photos, report, others.unseen), *enrolments)
    comparison = _comparison(report_photos, others, model.card.model_id, point, methods)
    write_comparison(comparison, folder)
    return f"{render_report(report)}\n{render_comparison(comparison)}"


def run_predict(photos: Sequence[Path], folder: Path, grid: Path) -> Iterator[str]:
    """Name the person on each photo, and draw the picture grid.

    Args:
        photos: Photo files; the name of a photo's folder, if it is a person's, is the actual name.
        folder: The run folder of a finished run.
        grid: The PNG file to write.

    Yields:
        One line per photo.

    Raises:
        DatasetError: The folder is no finished run.
        PhotoError: A photo cannot be read.
    """
    run = load_run(folder)
    size_px = run.config.size_px
    images = np.stack([square(read_photo(path), size_px)[:, :, ::-1] for path in photos])
    folders = [shown_name(path.resolve().parent.name) for path in photos]
    actual = [name if name in run.names else "" for name in folders]
    predictions = predict(run, images, actual)
    save_grid(images, predictions, grid)
    for path, found in zip(photos, predictions, strict=True):
        known = found.actual or "not known"
        yield f"{path}: Actual: {known}, Predicted: {found.predicted} ({found.score:.0%})"


def find_strangers(
    crop_set: CropSet | None, sources: Sources, names: Sequence[str]
) -> StrangersAndUnseen:
    """Find strangers to the named people, and the named people outside its training split.

    A person of the crop set is one of the named people if the folder has the same name, or if a
    source says so (``also``). Unnamed photos may show anybody, so they are no strangers.

    Args:
        crop_set: Its training split made the cohort; ``None``: not known.
        sources: The sources of the report's photos.
        names: The people on the report's photos.

    Raises:
        DatasetError: The test split of the crop set has no stranger.
    """
    if crop_set is None:
        return StrangersAndUnseen(np.empty((0, CROP_PX, CROP_PX, 3), np.uint8))
    also = {
        other: person
        for source in sources.source
        for person, others in source.also.items()
        for other in others
    }
    known = [also.get(photo.identity, photo.person) for photo in crop_set.photos]
    tested = [i for i in crop_set.indices_of("test") if known[i] and known[i] not in names]
    if not tested:
        raise DatasetError(
            f"{crop_set.folder}: no stranger in the test split; prepare with more people"
        )
    people = np.unique([crop_set.photos[i].identity for i in tested], return_inverse=True)[1]
    chosen = np.array(tested, np.int64)[cut_evenly(people, STRANGERS_MAX, sources.seed)]
    strangers = np.concatenate(list(crop_set.contract_crops(chosen)))
    trained = {known[i] for i in crop_set.indices_of("train")}
    unseen = np.array([name not in trained for name in names])
    stranger_people = len({crop_set.photos[i].identity for i in chosen})
    return StrangersAndUnseen(strangers, stranger_people, unseen)


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
        left_out=count_reasons(report_photos.left_out),
        unseen_people=None if others.unseen is None else int(others.unseen.sum()),
        stranger_people=others.stranger_people,
        model_id=model_id,
        fpir=point.fpir,
        gallery_size=point.gallery_size,
        methods=methods,
    )
