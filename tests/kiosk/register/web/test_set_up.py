"""The checklist of a new system."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from msgspec import structs

from kiosk.protocol.health import encode_health
from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.store import store
from kiosk.register.models import Account, Role
from kiosk.register.office.checklist import Facts, is_ready, steps
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import arrival
from tests.kiosk.register.web.support import School, client_of

READY = Facts(students=3, classes=1, members=3, lessons=9, kiosks=1, enrolled=2, colleagues=1)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("students", "roster"),
        ("members", "roster"),
        ("lessons", "timetable"),
        ("kiosks", "kiosk"),
        ("enrolled", "enrolled"),
    ],
)
def test_without_one_of_these_a_system_is_not_ready(field: str, code: str) -> None:
    """No mark can come."""
    assert is_ready(READY)
    facts = Facts(**{name: getattr(READY, name) for name in READY.__slots__} | {field: 0})
    assert not is_ready(facts)
    assert [one.code for one in steps(facts) if not one.is_done] == [code]


def test_accounts_of_colleagues_may_wait() -> None:
    """They are on the list, and marks come without them."""
    facts = Facts(students=1, classes=1, members=1, lessons=1, kiosks=1, enrolled=1, untaught=1)
    assert is_ready(facts)
    assert [one.code for one in steps(facts) if not one.is_done] == ["accounts", "teachers"]


class TestEmpty:
    """A database with nothing but an administrator."""

    @pytest.fixture
    def database_file(self, empty_file: Path) -> Path:
        return empty_file

    def test_an_administrator_is_sent_to_what_is_missing(self, config: RegisterConfig) -> None:
        """Each step says what to do and where."""
        assert config
        ada = Account.objects.create_user("ada", role=Role.ADMINISTRATOR)
        client = Client()
        client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
        page = client.get("/", follow=True)
        text = page.content.decode()
        assert "6 steps are open" in text
        assert text.count("Go there") == 6
        for address in ("/imports", "/kiosks", "/accounts"):
            assert f'class="button plain" href="{address}"' in text


def test_a_school_that_is_ready_starts_with_its_lessons(school: School) -> None:
    """As soon as a kiosk was heard on which somebody is enrolled."""
    assert school
    ada = client_of("ada")
    assert ada.get("/").headers["Location"] == "/set-up"
    now = datetime.now(UTC)
    health = structs.replace(HEALTH, time=now.isoformat(timespec="milliseconds"))
    store([arrival(encode_health(health), "health", at=now)], now)
    assert ada.get("/").headers["Location"] == "/now"
    assert b"All is done" in ada.get("/set-up").content
