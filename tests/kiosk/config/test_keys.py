"""The kiosk's configuration: what is accepted, and that each mistake is named by its key."""

from pathlib import Path

import pytest

from kiosk.config.keys import Config, load_config, parse_config
from kiosk.errors import ConfigError

LESSON = '[[lesson]]\nname = "maths"\ndays = ["mon"]\nstart = "08:00"\nend = "08:45"\n'


def lesson(**changes: str) -> str:
    """One lesson with some values replaced; an empty value removes the key."""
    keys = {"name": '"maths"', "days": '["mon"]', "start": '"08:00"', "end": '"08:45"', **changes}
    lines = [f"{key} = {value}" for key, value in keys.items() if value]
    return "\n".join(["[[lesson]]", *lines, ""])


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[kiosk]\nid = "a"\nroom = "R.1_b-2"\ntimezone = "America/St_Johns"',
        "[camera]\nfps = 5",
        "[decision]\nthreshold = 0.5\nunsure_threshold = 0.5",
        "[decision]\nagreement_min = 1",
        '[mqtt]\nhost = "broker"\nusername = "kiosk"',
        *(
            f'[mqtt]\nhost = "{host}"'
            for host in (
                "::1",
                "fe80::1%eth0",
                "192.0.2.7",
                "a.example.",
                "bröker.example",
                "a_b-c",
            )
        ),
        '[mqtt]\nhost = " broker \t"',
        LESSON + lesson(name='"art"', start='"08:45"', end='"09:30"'),
        LESSON + lesson(days='["tue"]'),
    ],
)
def test_a_valid_configuration_is_accepted(text: str) -> None:
    """Missing keys, integers for floats, and lessons that touch each other are valid."""
    assert isinstance(parse_config(text.encode(), "kiosk.toml"), Config)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        # Unknown keys, at each depth.
        ("x = 1", "x: unknown key; expected kiosk, camera, detector, "),
        ("[kiosk]\nname = 'a'", "kiosk.name: unknown key"),
        (lesson(room='"r"'), "lesson[0].room: unknown key"),
        # Wrong types.
        ("camera = 3", "camera: expected a table"),
        ("[camera]\nfps = 'x'", "camera.fps: expected a number above 0, at most 1000000"),
        ("[camera]\nwidth_px = 1.5", "camera.width_px: expected a whole number from 64 to 4096"),
        ("[detector]\nweights = 1", "detector.weights: expected a text in quotes"),
        ("lesson = 1", "lesson: expected a list"),
        # Out of range.
        (
            "[camera]\nbackend = 'webcam'",
            'camera.backend: expected one of "fake-picamera2", "opencv", "picamera2", ',
        ),
        ("[camera]\nrotation = 45", "camera.rotation: expected one of 0, 90, 180, 270"),
        ("[camera]\nrotation = '90'", "camera.rotation: "),
        ("[camera]\nmirror = 1", "camera.mirror: expected true or false"),
        ("[camera]\nretry_s = 0", "camera.retry_s: "),
        ("[camera]\nfps = inf", "camera.fps: "),
        ("[quality]\nturn_max = nan", "quality.turn_max: "),
        ("[decision]\nfpir = 1.1", "decision.fpir: "),
        ("[decision]\nvotes_min = 0", "decision.votes_min: expected a whole number of at least 1"),
        ("[decision]\nagreement_min = 0.5", "decision.agreement_min: "),
        ("[mqtt]\nport = 65536", "mqtt.port: "),
        ("[decision]\nthreshold = 2", "decision.threshold: expected a number from -1 to 1"),
        ("[register]\npublic_key = 'k'", "register.public_key: expected the 43 characters that"),
        (lesson(days="[]"), "lesson[0].days: expected a list with something in it"),
        ("[mqtt]\nprotocol = '4'", "mqtt.protocol: "),
        # Names that would break a topic.
        ("[kiosk]\nid = 'a/b'", "kiosk.id: "),
        ("[kiosk]\nroom = '+'", "kiosk.room: "),
        ("[kiosk]\nsite = ''", "kiosk.site: "),
        ('[kiosk]\nsite = "school\\n"', "kiosk.site: "),
        # Keys that contradict each other.
        ("[kiosk]\ntimezone = 'Middle/Earth'", "kiosk.timezone: "),
        ("[kiosk]\ntimezone = ''", "kiosk.timezone: "),
        ("[quality]\nbrightness_min = 250", "quality.brightness_max: "),
        (
            "[decision]\nthreshold = 0.4\nunsure_threshold = 0.5",
            "decision.unsure_threshold: expected at most decision.threshold",
        ),
        # Addresses.
        *(
            (f"[mqtt]\nhost = '{host}'", f"mqtt.host: expected {expected}")
            for host, expected in (
                ("mqtt://broker", "a host alone"),
                ("mqtts://user:s3cret@broker:8883", "a host alone"),
                ("tcp://broker/", "a host alone"),
                ("broker:1883", "a host alone"),
                ("192.0.2.7:1883", "a host alone"),
                ("user@broker", "a host alone"),
                ("[::1]", "an IPv6 address without brackets"),
                ("[::1]:1883", "an IPv6 address without brackets"),
                ("broker..example", "a host name"),
                (".broker", "a host name"),
                ("a b", "a host name"),
                ("b" * 64 + ".example", "a host name"),
                ("b" * 70, "a host name"),
                (".".join(["abc"] * 70), "a host name"),
                ("-broker", "a host name"),
                ("+", "a host name"),
            )
        ),
        ("[mqtt]\nusername = 'u'", "mqtt.host: needed when mqtt.username is set"),
        ("[model]\nthreads = 100000", "model.threads: expected a whole number from 1 to 64"),
        # The timetable.
        ("[lesson]\nname = 'a'", "lesson: write [[lesson]], in double brackets"),
        ("[[camera]]\nfps = 5", "camera: write [camera], in single brackets"),
        ("lesson = 5", "lesson: expected a list"),
        (lesson(days=""), "lesson[0].days: missing"),
        (lesson(days="[]"), "lesson[0].days: "),
        (
            LESSON + lesson(days='["sat", "someday"]'),
            'lesson[1].days[1]: expected one of "fri", "mon", ',
        ),
        (lesson(start='"8:00"'), "lesson[0].start: "),
        (lesson(end='"24:00"'), "lesson[0].end: "),
        (lesson(start='"8.15"'), 'lesson[0].start: expected hours and minutes, such as "08:45"'),
        (lesson(name='"a b"'), "lesson[0].name: expected at most 64 letters (A-Z, a-z), digits"),
        ("[kiosk]\nroom = '/'", "kiosk.room: expected at most 64 letters (A-Z, a-z), digits"),
        (lesson(end='"08:00"'), "lesson[0].end: expected later than start"),
        (lesson(name='"day"'), "lesson[0].name: 'day' is the time between lessons"),
        (
            LESSON + lesson(name='"art"', start='"08:44"', end='"09:30"'),
            "lesson[1]: 'art' overlaps 'maths'",
        ),
        (
            LESSON + lesson(start='"10:00"', end='"10:45"'),
            "lesson[1].name: 'maths' is there twice on a day",
        ),
        # Not TOML.
        ("camera", "not valid TOML"),
        ("[camera]\n[camera]", "not valid TOML"),
    ],
)
def test_an_error_names_the_file_and_the_key(text: str, key: str) -> None:
    """The message for an unknown, mistyped, out of range or contradictory key begins with it."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text.encode(), "kiosk.toml")
    assert str(caught.value).startswith(f"kiosk.toml: {key}")
    assert "\n" not in str(caught.value).removesuffix("\n")


def test_a_password_in_an_address_is_not_shown() -> None:
    """The message about an address does not quote it."""
    with pytest.raises(ConfigError) as caught:
        parse_config(b"[mqtt]\nhost = 'mqtt://kiosk:s3cret@broker'", "kiosk.toml")
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_not_text_is_rejected() -> None:
    """A file that is not UTF-8 is not valid TOML."""
    with pytest.raises(ConfigError, match=r"kiosk\.toml: not valid TOML"):
        parse_config(b"\xff\xfe", "kiosk.toml")


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_an_error(name: str, tmp_path: Path) -> None:
    """The message about an absent file or a folder names it and the example file."""
    with pytest.raises(ConfigError, match=rf"{tmp_path}.*cannot be read"):
        load_config(tmp_path / name)


def test_files_are_in_the_state_directory_unless_configured() -> None:
    """The gallery and the outbox are in state.directory; gallery and roster can be configured."""
    config = parse_config(b"[state]\ndirectory = '/srv/kiosk'", "kiosk.toml")
    assert config.gallery_path == Path("/srv/kiosk/gallery.npz")
    assert config.outbox_path == Path("/srv/kiosk/outbox.sqlite3")
    assert config.roster_path is None
    config = parse_config(b"[state]\ngallery = '/g.npz'\nroster = '/r.csv'", "kiosk.toml")
    assert (config.gallery_path, config.roster_path) == (Path("/g.npz"), Path("/r.csv"))


def test_a_renamed_table_is_still_read_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A file that calls the timetable ``session`` gives the same configuration as ``lesson``."""
    config = parse_config(LESSON.replace("lesson", "session").encode(), "kiosk.toml")
    assert config == parse_config(LESSON.encode(), "kiosk.toml")
    assert caplog.messages == [
        "kiosk.toml: session is now called lesson; the old name is still read"
    ]


def test_the_old_and_the_new_name_together_are_an_error() -> None:
    """A file with both names of a renamed table is rejected."""
    both = LESSON + LESSON.replace("lesson", "session")
    with pytest.raises(ConfigError, match="session: renamed to lesson; the file has both"):
        parse_config(both.encode(), "kiosk.toml")


def test_a_timetable_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    """Lessons of all files count; an error names the file, and the number of the lesson in it."""
    path = tmp_path / "kiosk.toml"
    path.write_text(lesson())
    (tmp_path / "kiosk.toml.d").mkdir()
    timetable = tmp_path / "kiosk.toml.d" / "timetable.toml"
    timetable.write_text(lesson(name='"b"', days='["tue"]') + lesson(name='"c"', days='["wed"]'))
    assert len(load_config(path).lesson) == 3
    timetable.write_text(lesson(name='"b"', days='["tue"]') + lesson(name='"c"'))
    with pytest.raises(ConfigError, match=rf"^{timetable}: lesson\[1\]: 'c' overlaps"):
        load_config(path)
