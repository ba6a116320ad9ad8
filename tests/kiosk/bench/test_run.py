"""The benchmark: it measures the real stages and processes; figures are not checked."""

import importlib.util
import resource
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.bench import run as bench_run
from kiosk.bench.machine import Machine
from kiosk.bench.peers import (
    compare_models,
    int8_model,
    mobilefacenet,
    peer_detectors,
    peer_embedders,
)
from kiosk.bench.report import Bench, render
from kiosk.bench.run import run_bench
from kiosk.bench.stages import STAGES, ReplayTimings, add_timers, random_gallery, time_replay
from kiosk.bench.start import StartFigures, as_toml, measure_start
from kiosk.bench.stopwatch import Stopwatch, Timing
from kiosk.config.keys import (
    CameraSection,
    Config,
    DecisionSection,
    ModelSection,
    StateSection,
    parse_config,
)
from kiosk.config.timetable import LessonSection
from kiosk.demo import sample_people
from kiosk.demo.drawn_face import draw_face
from kiosk.errors import CameraError, ConfigError, KioskError, ModelError
from kiosk.outbox.outbox import Outbox
from kiosk.recognition.bundle import write_bundle
from kiosk.recognition.gallery import save_gallery
from kiosk.recognition.recogniser import Recogniser, build_pipeline, build_recogniser
from kiosk.records import Decision, Frame, Image
from tests.support import needs_photos
from tests.support_recognition import embedding, picture, small_bundle, write_folder

PEERS = Path(__file__).parents[4] / "shared" / "peers"
needs_peers = pytest.mark.skipif(not PEERS.is_dir(), reason=f"{PEERS} is absent: no peers to time")


def is_installed() -> bool:
    try:
        version("attendance-kiosk")
    except PackageNotFoundError:
        return False
    return True


needs_installation = pytest.mark.skipif(
    not is_installed(), reason="`kiosk run` needs the package installed; pip install -e ."
)


def blank() -> Image:
    return np.full((240, 320, 3), 128, np.uint8)


def with_faces() -> list[Image]:
    """Return three pictures with one face each, and one of a wall."""
    photos = sample_people.enrolment_photos("orl-s08")[:3]
    return [picture(photos[0]), picture(photos[1], 20), blank(), picture(photos[2], 40)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "small.kiosk-model"
    write_bundle(path, small_bundle())
    return path


@pytest.fixture
def config(bundle: Path, tmp_path: Path) -> Config:
    return Config(
        model=ModelSection(bundle=str(bundle)), state=StateSection(directory=str(tmp_path))
    )


@pytest.fixture
def recogniser(config: Config) -> Recogniser:
    return build_recogniser(config)


def replay(folder: Path) -> CameraSection:
    return CameraSection(backend="replay", source=str(folder), fps=12.5, pace="fast")


def test_a_kiosk_without_the_sample_photos_is_measured_with_drawn_faces(
    recogniser: Recogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra "demo" is not installed on a Pi: a drawn face passes all stages, too."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert bench_run._sample_walk() == "sample walk with drawn faces"
    pictures = [picture(draw_face(seed), 15 * seed) for seed in range(5)]
    camera = replay(write_folder(tmp_path / "walk", pictures))
    timings = time_replay(
        recogniser, random_gallery(recogniser.embedder.model_id), camera, tmp_path
    )
    assert timings.faces == timings.stopwatch.count("event") == 5
    first = next(sample_people.draw_walk(drawn=True))
    assert first.shape == (480, 640, 3)


def a_bench(board: str = "", load: float = 0.1) -> Bench:
    timing = Timing("x", 7, 1.5, 9.25)
    machine = Machine(
        board=board,
        processor="A Processor",
        cores=4,
        memory_mib=4000,
        system="Linux",
        python="3.13.0",
        packages={"numpy": "2.0"},
        load=load,
    )
    ours, other = compare_models({"this kiosk": len, "sface": len}, [blank()], 1)
    return Bench(
        machine=machine,
        model_id="small-1",
        detector_width_px=320,
        people=420,
        templates=5,
        recording="door.mp4",
        frame_px=(640, 480),
        frames=100,
        faces=80,
        filesystem="ext4",
        stages=tuple(Timing(name, 7, 1.5, 9.25) for name in STAGES),
        frame=timing,
        event=timing,
        frames_per_second=31.4159,
        start=StartFigures((2.0, 1.0, 1.5), 123.4),
        embedders=(ours, msgspec.structs.replace(other, ratio=8.125)),
        detectors=(ours,),
    )


@pytest.mark.parametrize(
    ("board", "said"),
    [("", "not a Raspberry Pi"), ("Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi 4 Model B")],
)
def test_the_report_describes_the_machine(board: str, said: str) -> None:
    """It has processor, cores, versions, and whether the machine is a Raspberry Pi."""
    text = render(a_bench(board))
    assert said in text
    assert ("not a Raspberry Pi" in text) == (not board)
    assert "A Processor, 4 cores" in text
    assert "numpy 2.0" in text


def test_the_report_contains_every_figure() -> None:
    """Each stage, the complete flow, frames per second, start, memory and ratios are printed."""
    lines = render(a_bench()).splitlines()
    for name in (*STAGES, "frame, all stages", "frame to committed event"):
        (row,) = [line for line in lines if line.startswith(name + " ")]
        assert row.split()[-3:] == ["7", "1.50", "9.25"]
    text = "\n".join(lines)
    assert "frames per second: 31.4" in text
    assert "READY: 1.50 s (starts: 2.00, 1.00, 1.50)" in text
    assert "peak memory: 123 MiB" in text
    assert [line.split()[-1] for line in lines if line.startswith("sface ")] == ["8.12"]


@pytest.mark.parametrize(("load", "busy"), [(0.5, False), (3.9, True)])
def test_the_report_warns_about_a_busy_machine(load: float, *, busy: bool) -> None:
    """If other processes were running, the report says that its figures are noisy."""
    assert ("busy" in render(a_bench(load=load))) == busy


def test_a_result_written_as_json_is_read_back_equal() -> None:
    """Encoding and decoding a result gives an equal result."""
    bench = a_bench()
    assert msgspec.json.decode(msgspec.json.encode(bench), type=Bench) == bench


def test_the_random_gallery_has_the_size_of_a_school() -> None:
    """It has 420 people with five different templates of length 1, the same in every run."""
    gallery = random_gallery("m")
    stack = np.concatenate(list(gallery.templates.values()))
    assert (len(gallery), stack.shape) == (420, (2100, 128))
    assert np.linalg.norm(stack, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert len(np.unique(stack, axis=0)) == 2100
    assert np.array_equal(stack, np.concatenate(list(random_gallery("m").templates.values())))


@needs_photos
def test_timers_do_not_change_decisions(recogniser: Recogniser) -> None:
    """A pipeline with timers gives the same decisions, and every part was timed."""
    gallery = random_gallery(recogniser.embedder.model_id, 3).with_subject(
        "one", embedding(1)[None]
    )
    frames = [Frame(image, i, i * 0.08) for i, image in enumerate(with_faces())]

    def decisions(stopwatch: Stopwatch | None) -> list[Decision]:
        pipeline = build_pipeline(recogniser, *recogniser.matcher(gallery))
        if stopwatch is not None:
            add_timers(pipeline, stopwatch)
        results = [pipeline.process(frame) for frame in frames]
        return [*chain.from_iterable(one.decisions for one in results), *pipeline.finish()]

    stopwatch = Stopwatch()
    plain = decisions(None)
    assert len(plain) == 1
    assert decisions(stopwatch) == plain
    assert [stopwatch.count(name) for name in ("detect", "track", "embed", "match")] == [4, 4, 3, 6]


@needs_photos
def test_every_usable_face_is_stored_as_an_event(recogniser: Recogniser, tmp_path: Path) -> None:
    """With a face in three of four frames, stages have that many durations, the outbox 3 events."""
    source = write_folder(tmp_path / "door", with_faces())
    gallery = random_gallery(recogniser.embedder.model_id)
    timings: ReplayTimings = time_replay(recogniser, gallery, replay(source), tmp_path)
    counts = {name: timings.stopwatch.count(name) for name in (*STAGES, "frame", "event")}
    assert counts.pop("decide") >= 3
    assert counts == {
        **dict.fromkeys(("detect", "track", "frame"), 4),
        **dict.fromkeys(("align + quality", "upright", "embed", "record", "event"), 3),
        "match": 6,  # the face alone, and the mean of its track
    }
    assert (timings.faces, len(timings.crops), len(timings.pictures)) == (3, 3, 3)
    assert {crop.shape for crop in timings.crops} == {(112, 112, 3)}
    with Outbox(tmp_path / "bench.sqlite3") as outbox:
        assert len(outbox) == 3


def test_a_recording_without_a_face_is_rejected(recogniser: Recogniser, tmp_path: Path) -> None:
    """Nothing can be measured, and the message names the recording."""
    source = write_folder(tmp_path / "wall", [blank()] * 3)
    gallery = random_gallery(recogniser.embedder.model_id)
    with pytest.raises(ConfigError, match=r"wall: no face"):
        time_replay(recogniser, gallery, replay(source), tmp_path)


@pytest.mark.slow
@needs_photos
@needs_installation
def test_a_fresh_process_is_measured_without_the_benchmarks_memory(
    config: Config, recogniser: Recogniser, tmp_path: Path
) -> None:
    """The real daemon starts twice; the memory of this larger process is not included."""
    source = write_folder(tmp_path / "door", with_faces())
    save_gallery(tmp_path / "gallery.npz", random_gallery(recogniser.embedder.model_id))
    ballast = np.ones(50_000_000)  # 380 MiB, which a direct child's ru_maxrss would include
    said: list[str] = []
    start = measure_start(config, replay(source), tmp_path, said.append, starts=2)
    own_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert ballast[-1] == 1
    assert len(start.ready_s) == len(said) == 2
    assert min(start.ready_s) > 0
    assert 30 < start.peak_memory_mib < min(own_mib, 380)


@needs_installation
def test_a_daemon_that_does_not_start_is_an_error(config: Config, tmp_path: Path) -> None:
    """If `kiosk run` ends before READY, the error contains its last line."""
    source = write_folder(tmp_path / "door", [blank()])
    wrong = msgspec.structs.replace(config, decision=DecisionSection(fpir=0.5))
    with pytest.raises(KioskError, match=r"before it was ready: kiosk: decision\.fpir"):
        measure_start(wrong, replay(source), tmp_path, lambda _: None, starts=1)


PATHS = st.text().map(str.strip).filter(lambda path: not path.startswith("~"))
"""Text that the loader of configurations leaves as it is."""


@given(PATHS, st.floats(0, 1), st.none() | st.floats(-1, 1))
def test_a_written_configuration_is_read_back_equal(
    directory: str, fpir: float, threshold: float | None
) -> None:
    """This holds for any path without blanks at its ends, with and without optional keys."""
    config = Config(
        state=StateSection(directory=directory),
        decision=DecisionSection(fpir=fpir, threshold=threshold),
    )
    assert parse_config(as_toml(config).encode(), "t") == config


def test_the_timetable_is_not_written() -> None:
    """The benchmark needs no lessons."""
    lesson = LessonSection(name="maths", days=("mon",), start="08:00", end="09:00")
    assert parse_config(as_toml(Config(lesson=(lesson,))).encode(), "t") == Config()


def test_models_run_in_turn_on_the_same_pictures() -> None:
    """After one warm-up run, each model runs once per round; ratios are relative to ours."""
    calls: list[tuple[str, int]] = []

    def model(name: str) -> Callable[[Image], None]:
        return lambda crop: calls.append((name, int(crop[0, 0, 0])))

    crops = [np.full((112, 112, 3), value, np.uint8) for value in (1, 2)]
    ours, other = compare_models({"ours": model("ours"), "other": model("other")}, crops, 3)
    turns = [(name, value) for value in (1, 2, 1) for name in ("ours", "other")]
    assert calls == [("ours", 1), ("other", 1), *turns]
    assert (ours.timing.name, ours.timing.n, ours.ratio) == ("ours", 3, 1.0)
    assert other.ratio == pytest.approx(other.timing.median_ms / ours.timing.median_ms)


@needs_photos
@needs_peers
@pytest.mark.parametrize("name", ["sface", "mobilefacenet", "mobilefacenet-int8"])
def test_a_peer_gets_the_input_that_it_expects(name: str) -> None:
    """For each peer, photos of one person are more similar than photos of two people."""
    embed = peer_embedders(PEERS)[name]
    people = [
        [
            cv2.resize(photo[6:106], (112, 112))
            for photo in sample_people.enrolment_photos(person)[:2]
        ]
        for person in ("orl-s08", "orl-s12")
    ]
    (a, again), (b, _) = [[embed(np.asarray(crop, np.uint8)) for crop in own] for own in people]
    assert np.linalg.norm(a) == pytest.approx(1.0, abs=1e-5)
    assert a @ again > a @ b + 0.1


@needs_photos
@needs_peers
def test_the_peers_detectors_find_the_face() -> None:
    """At our width and confidence each finds the one face."""
    found = peer_detectors(PEERS, 320, 0.7)
    assert sorted(found) == ["yunet_n_640_640", "yunet_n_dynamic"]
    for find in found.values():
        faces = find(with_faces()[0])
        assert isinstance(faces, tuple)
        assert len(faces) == 1


def test_without_a_folder_only_sface_is_a_peer() -> None:
    """SFace comes with the kiosk; all other peers need the folder."""
    assert list(peer_embedders(None)) == ["sface"]
    assert peer_detectors(None, 320, 0.7) == {}


@pytest.mark.parametrize("load", [int8_model, mobilefacenet])
def test_an_absent_peer_is_an_error(load: Callable[[Path], object], tmp_path: Path) -> None:
    """A missing file is a ModelError with its path."""
    with pytest.raises(ModelError, match="absent"):
        load(tmp_path / "absent")


@needs_photos
@needs_installation
def test_the_complete_benchmark_runs_and_leaves_no_files(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All figures are there, progress is on standard error, files and threads are as before."""
    source = write_folder(tmp_path / "door", with_faces())
    threads = cv2.getNumThreads()
    bench = run_bench(config, frames=source, peers=None, rounds=2, starts=1)
    assert [timing.name for timing in bench.stages] == list(STAGES)
    assert (bench.frames, bench.faces, bench.frame_px) == (4, 3, (320, 240))
    assert bench.recording == "door"
    assert [item.timing.name for item in bench.embedders] == ["this kiosk", "sface"]
    assert len(bench.detectors) == len(bench.start.ready_s) == 1
    assert bench.frames_per_second > 0
    printed = capsys.readouterr()
    assert (printed.out, "fresh process" in printed.err) == ("", True)
    assert {path.name for path in tmp_path.iterdir()} == {"door", "tried-models"}
    assert cv2.getNumThreads() == threads


def test_pictures_that_an_ended_benchmark_left_are_removed(config: Config) -> None:
    """They show faces of real people, and lie beside the kiosk's own files."""
    left = config.directory / "kiosk-bench-left"
    left.mkdir()
    (left / "0000.png").touch()
    with bench_run._folder(config) as folder:
        assert folder.parent == config.directory
        assert not left.exists()
    assert not folder.exists()


def test_an_absent_recording_is_an_error(config: Config, tmp_path: Path) -> None:
    """The error is the camera's, as for any replay, and names the file."""
    with pytest.raises(CameraError, match=r"absent\.mp4"):
        run_bench(config, frames=tmp_path / "absent.mp4", peers=None, progress=lambda _: None)
