"""The configuration file: what is taken, and that each mistake is named by its key."""

from pathlib import Path

import pytest

from kiosk.config import Config, load_config, parse_config
from kiosk.errors import ConfigError

LESSON = '[[session]]\nname = "maths"\ndays = ["mon"]\nstart = "08:00"\nend = "08:45"\n'


def lesson(**changes: str) -> str:
    """One lesson with some values exchanged; an empty value drops the key."""
    keys = {"name": '"maths"', "days": '["mon"]', "start": '"08:00"', "end": '"08:45"', **changes}
    lines = [f"{key} = {value}" for key, value in keys.items() if value]
    return "\n".join(["[[session]]", *lines, ""])


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[kiosk]\nid = "a"\nroom = "R.1_b-2"\ntimezone = "America/St_Johns"',
        "[camera]\nfps = 5",
        "[decision]\nthreshold = 0.5\nunsure_threshold = 0.5",
        "[decision]\nagreement_min = 1",
        '[mqtt]\nhost = "broker"\nusername = "kiosk"',
        LESSON + lesson(name='"art"', start='"08:45"', end='"09:30"'),
        LESSON + lesson(days='["tue"]'),
    ],
)
def test_what_is_right_is_taken(text: str) -> None:
    """Defaults, whole numbers for fractions, and lessons that touch are no mistakes."""
    assert isinstance(parse_config(text.encode(), "kiosk.toml"), Config)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        # Unknown keys, at each depth.
        ("x = 1", "x: unknown key; see systemd/kiosk.toml"),
        ("[kiosk]\nname = 'a'", "kiosk.name: unknown key"),
        (lesson(room='"r"'), "session[0].room: unknown key"),
        # Wrong types.
        ("camera = 3", "camera: Expected `object`"),
        ("[camera]\nfps = 'x'", "camera.fps: Expected `float`"),
        ("[camera]\nwidth_px = 1.5", "camera.width_px: Expected `int`"),
        ("[detector]\nweights = 1", "detector.weights: Expected `str`"),
        ("session = 1", "session: Expected `array`"),
        # Out of range.
        (
            "[camera]\nbackend = 'webcam'",
            'camera.backend: expected one of "fake-picamera2", "opencv", "picamera2", ',
        ),
        ("[camera]\nretry_s = 0", "camera.retry_s: "),
        ("[camera]\nfps = inf", "camera.fps: "),
        ("[quality]\nturn_max = nan", "quality.turn_max: "),
        ("[decision]\nfpir = 1.1", "decision.fpir: "),
        ("[decision]\nvotes_min = 0", "decision.votes_min: "),
        ("[decision]\nagreement_min = 0.5", "decision.agreement_min: "),
        ("[mqtt]\nport = 65536", "mqtt.port: "),
        ("[mqtt]\nprotocol = '4'", "mqtt.protocol: "),
        # Names that would break a topic.
        ("[kiosk]\nid = 'a/b'", "kiosk.id: "),
        ("[kiosk]\nroom = '+'", "kiosk.room: "),
        ("[kiosk]\nsite = ''", "kiosk.site: "),
        ('[kiosk]\nsite = "school\\n"', "kiosk.site: "),
        # What no key can tell alone.
        ("[kiosk]\ntimezone = 'Middle/Earth'", "kiosk.timezone: "),
        ("[kiosk]\ntimezone = ''", "kiosk.timezone: "),
        ("[quality]\nbrightness_min = 250", "quality.brightness_max: "),
        (
            "[decision]\nthreshold = 0.4\nunsure_threshold = 0.5",
            "decision.unsure_threshold: expected at most decision.threshold",
        ),
        ("[mqtt]\nusername = 'u'", "mqtt.host: needed when mqtt.username is set"),
        # The timetable.
        (lesson(days=""), "session[0].days: missing"),
        (lesson(days="[]"), "session[0].days: "),
        (
            LESSON + lesson(days='["sat", "someday"]'),
            'session[1].days[1]: expected one of "fri", "mon", ',
        ),
        (lesson(start='"8:00"'), "session[0].start: "),
        (lesson(end='"24:00"'), "session[0].end: "),
        (lesson(start='"8.15"'), 'session[0].start: expected hours and minutes, such as "08:45"'),
        (lesson(name='"a b"'), "session[0].name: expected at most 64 letters, digits"),
        ("[kiosk]\nroom = '/'", "kiosk.room: expected at most 64 letters, digits"),
        (lesson(end='"08:00"'), "session[0].end: expected later than start"),
        (lesson(name='"day"'), "session[0].name: 'day' is the time between lessons"),
        (
            LESSON + lesson(name='"art"', start='"08:44"', end='"09:30"'),
            "session[1]: 'art' overlaps 'maths'",
        ),
        (
            LESSON + lesson(start='"10:00"', end='"10:45"'),
            "session[1].name: 'maths' is there twice on a day",
        ),
        # No TOML.
        ("camera", "not valid TOML"),
        ("[camera]\n[camera]", "not valid TOML"),
    ],
)
def test_each_mistake_is_named_by_file_and_key(text: str, key: str) -> None:
    """An unknown, mistyped, impossible or contradictory key is an error that begins with it."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text.encode(), "kiosk.toml")
    assert str(caught.value).startswith(f"kiosk.toml: {key}")
    assert "\n" not in str(caught.value).removesuffix("\n")


def test_what_is_no_text_is_refused() -> None:
    """A file that is not UTF-8 is no TOML."""
    with pytest.raises(ConfigError, match=r"kiosk\.toml: not valid TOML"):
        parse_config(b"\xff\xfe", "kiosk.toml")


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    """An absent file, or a folder, is an error that names it and an example."""
    with pytest.raises(ConfigError, match=rf"{tmp_path}.*cannot be read.*systemd/kiosk\.toml"):
        load_config(tmp_path / name)


def test_files_lie_in_the_state_directory_unless_named() -> None:
    """The gallery and the outbox lie in state.directory; another gallery can be named."""
    config = parse_config(b"[state]\ndirectory = '/srv/kiosk'", "kiosk.toml")
    assert config.gallery_path == Path("/srv/kiosk/gallery.npz")
    assert config.outbox_path == Path("/srv/kiosk/outbox.sqlite3")
    config = parse_config(b"[state]\ngallery = '/media/g.npz'", "kiosk.toml")
    assert config.gallery_path == Path("/media/g.npz")
