"""The dashboard for Grafana and the flow for Node-RED.

Both are tested against what they read. By hand, Node-RED 5.0.7 was run with the flow and a broker,
and TypeScript has compared the dashboard with the types of Grafana 13.2 (npm @grafana/schema). It
was not loaded into a Grafana.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper

import kiosk.register.dashboards
from kiosk.protocol.event import AttendanceEvent, event_type
from kiosk.protocol.health import encode_health
from kiosk.protocol.topics import parse_topic
from kiosk.register.config import DatabaseSection
from kiosk.register.models import Kiosk
from tests.kiosk.protocol.test_event import EVENT
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.marking.support import (
    make_class,
    make_lesson,
    minutes,
    place,
    report,
    scan,
    sweep,
)

FOLDER = Path(kiosk.register.dashboards.__file__).parent
BOARD: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text())
FLOW: list[dict[str, Any]] = json.loads((FOLDER / "node-red.json").read_text())
QUERIES = {panel["title"]: panel["targets"][0]["rawSql"] for panel in BOARD["panels"]}


@pytest.fixture
def kind() -> str:
    """The dashboard is for PostgreSQL."""
    return "postgresql"


@pytest.fixture
def answers(database: DatabaseSection) -> dict[str, list[dict[str, Any]]]:  # noqa: ARG001 - in use
    """What each panel's query gives for a lesson of two students, at a kiosk that is online."""
    make_lesson(make_class("s-1", "s-2"))
    scan(1, "s-1", minutes(2))
    place(minutes(3))
    report(1, minutes(46))
    sweep(minutes(47))
    Kiosk.objects.update(is_online=True, health=encode_health(HEALTH))
    found: dict[str, list[dict[str, Any]]] = {}
    for title, query in QUERIES.items():
        sql = re.sub(r"\$__timeFilter\(([\w.]+)\)", r"\1 BETWEEN '2026-01-01' AND now()", query)
        assert "$" not in sql
        with as_grafana() as cursor:
            cursor.execute(sql)
            names = [one.name for one in cursor.description or ()]
            found[title] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


@contextmanager
def as_grafana() -> Iterator[CursorWrapper]:
    """Ask as the account that may read what ``grafana.sql`` grants."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE grafana")
        cursor.execute((FOLDER / "grafana.sql").read_text())
        cursor.execute("SET LOCAL ROLE grafana")
        yield cursor
        transaction.set_rollback(True)


def test_every_query_of_the_dashboard_runs_and_tells_the_truth(
    answers: dict[str, list[dict[str, Any]]],
) -> None:
    """On a database as the register makes it."""
    assert answers["Kiosks"] == [{"online": 1, "offline": 0}]
    assert answers["Alerts now"] == [{"silent": 0, "blind": 0}]
    assert answers["Events that the register lacks"] == [{"at most": 0}]
    assert answers["Messages in the bin"] == [{"messages": 0}]
    (events,) = answers["Events per hour"]
    assert (events["metric"], events["value"]) == ("attendance", 1)
    marks = {one["metric"]: one["value"] for one in answers["Marks by status and day"]}
    assert marks == {"present": 1, "absent": 1}
    (row,) = [row for title, rows in answers.items() if "wait on" in title for row in rows]
    assert (row["kiosk"], row["online"], row["camera"]) == ("kiosk-1", True, "ok")
    assert row["waiting"] == HEALTH.waiting


def test_the_dashboard_shows_nobody() -> None:
    """Neither names nor subject ids leave the register."""
    for query in QUERIES.values():
        assert not re.search(r"register_person|subject_id|person_id|payload", query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT name FROM register_person",
        "SELECT person_id FROM register_mark",
        "SELECT payload FROM register_event",
        "SELECT session_key FROM django_session",
        "SELECT card_key FROM register_register",
    ],
)
@pytest.mark.usefixtures("database")
def test_the_account_of_the_dashboard_reads_nothing_else(query: str) -> None:
    """Whoever may change a dashboard may ask what they like."""
    with pytest.raises(ProgrammingError, match="permission denied"), as_grafana() as cursor:
        cursor.execute(query)


def test_the_dashboard_has_one_source_which_its_user_chooses() -> None:
    """Every panel has an id of its own, and reads the variable."""
    (variable,) = BOARD["templating"]["list"]
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in BOARD["panels"]:
        assert panel["targets"][0]["datasource"]["uid"] == f"${{{variable['name']}}}"


def test_the_flow_subscribes_to_what_a_kiosk_publishes() -> None:
    """Its topic is that of attendance events of every kiosk, and its columns are their fields."""
    nodes = {one["id"]: one for one in FLOW}
    topic = parse_topic(nodes["kiosk-in"]["topic"])
    assert topic is not None
    assert topic.kind == event_type(AttendanceEvent)
    assert {topic.address.site, topic.address.room, topic.address.kiosk} == {"+"}
    columns = nodes["kiosk-csv"]["temp"].split(",")
    assert columns == re.findall(r"(\w+): event\.\1,", nodes["kiosk-rows"]["func"])
    assert all(hasattr(EVENT, one) for one in columns)


def test_the_wires_of_the_flow_lead_to_its_nodes() -> None:
    """Node-RED drops a wire to a node that is not there, without a word."""
    ids = {one["id"] for one in FLOW}
    assert len(ids) == len(FLOW)
    wired = {end for one in FLOW for output in one.get("wires", ()) for end in output}
    assert wired <= ids
    assert {one["broker"] for one in FLOW if one["type"] == "mqtt in"} <= ids
