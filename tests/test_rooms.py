"""The rooms within the rooms: in register, pages, daemon and training, data flow one way, too."""

import pytest

from tests.test_architecture import MODULES, REPOSITORY, imports

pytestmark = pytest.mark.source
HOUSES: dict[str, dict[str, set[str]]] = {
    "kiosk.register": {
        "rules": set(),
        "imports": set(),
        "messages": set(),
        "dashboards": set(),
        "models": {"rules"},
        "migrations": {"models"},
        "exports": {"rules"},
        "accounts": {"models"},
        "identity": {"messages", "models"},
        "publications": {"identity", "models"},
        "erasing": {"messages", "models", "identity", "publications"},
        "ingest": {"messages", "rules", "models", "identity", "publications", "erasing"},
        "overview": {"rules", "models", "identity", "ingest"},
        "marking": {
            *("messages", "rules", "models", "identity", "publications", "erasing", "ingest"),
            "overview",
        },
        "office": {
            *("imports", "messages", "rules", "models", "identity", "publications", "erasing"),
            *("ingest", "overview", "marking"),
        },
        "handover": {"rules", "models", "exports", "overview"},
        "web": {
            *("messages", "rules", "models", "accounts", "identity", "exports", "ingest"),
            *("overview", "marking", "office", "handover"),
        },
        "commands": {
            *("imports", "messages", "rules", "models", "accounts", "identity", "exports"),
            *("erasing", "ingest", "overview", "marking", "office", "handover", "web"),
        },
    },
    "kiosk.register.web": {"formats": set(), "api": set(), "pages": {"api"}},
    "kiosk.daemon": {"times": set(), "health": {"times"}, "news": {"times", "health"}},
    "train": {
        "dataset": set(),
        "evaluation": {"dataset"},
        "classifier": {"dataset"},
        "sface": set(),
    },
}
"""The rooms of each house, each with those that it may import; every other arrow is forbidden."""
ROOTS = {
    "kiosk.register": {"cli", "service"},
    "kiosk.register.web": {"application", "urls"},
    "kiosk.daemon": {"signals", "wiring", "daemon"},
    "train": {"__main__"},
}
"""The modules beside the rooms that join them; no room imports one of these."""
ASKED_BACK = {("kiosk.register.web", "pages", "application")}
"""A page finds the services of its process in the module that builds them."""
PLACES = [(house, room) for house, rooms in HOUSES.items() for room in rooms]


def within(house: str) -> dict[str, set[str]]:
    """Return, of each module of a house, what it imports there; names without the house's own."""
    below = f"{house}."
    return {
        name.removeprefix(below): {
            found.removeprefix(below) for found in imports(path) if found.startswith(below)
        }
        for name, path in MODULES.items()
        if name.startswith(below)
    }


def imported_by(house: str, room: str) -> set[str]:
    """Return what a room imports of its house: rooms, and modules beside them."""
    found = [of for name, of in within(house).items() if name.partition(".")[0] == room]
    return {name.partition(".")[0] for names in found for name in names} - {room}


@pytest.mark.parametrize("house", HOUSES)
def test_every_folder_of_a_house_is_one_of_its_rooms(house: str) -> None:
    """A new folder states which rooms it may import."""
    folder = REPOSITORY / house.replace(".", "/")
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(HOUSES[house])


@pytest.mark.parametrize(("house", "room"), PLACES)
def test_an_inner_room_imports_only_the_rooms_it_may(house: str, room: str) -> None:
    """Data flow one way between the rooms of a house."""
    rooms = imported_by(house, room) & set(HOUSES[house])
    assert rooms <= HOUSES[house][room]


@pytest.mark.parametrize(("house", "room"), PLACES)
def test_no_inner_room_imports_what_joins_the_rooms(house: str, room: str) -> None:
    """Objects are passed into a room; it does not reach for the place that builds them."""
    joined = {one for one in ROOTS[house] if (house, room, one) not in ASKED_BACK}
    assert not imported_by(house, room) & joined


def test_only_the_list_of_addresses_imports_the_pages() -> None:
    """What several pages use stands beside them and knows none of them."""
    modules = within("kiosk.register.web")
    beside = {name: found for name, found in modules.items() if "." not in name}
    importers = {
        name
        for name, found in beside.items()
        if any(one.partition(".")[0] == "pages" for one in found)
    }
    assert importers == {"urls"}
