"""The order of names, the search for them, and equal ones."""

import pytest

from kiosk.register.alphabet import contains, sort_key, told_apart


@pytest.mark.parametrize(
    "names",
    [
        ["Álvaro", "Alvaro Z", "Óscar", "Zoe"],
        ["Nuria", "Nz", "Ñoño", "Oscar"],
        ["anuario", "Anzures", "Aña"],
        ["Ludwik", "Łukasz", "Lýdia", "Zoe"],
        ["Aelis", "Ærø", "Đorđe", "Sørensen", "Þóra", "Zoe"],
        ["7B", "8A", "10A", "10B"],
        ["1.º A", "2.º A", "10.º A"],
        ["김민준", "이서연"],
        ["Ada", "Émile", "אדם", "محمد", "王小明"],
    ],
)
def test_names_stand_as_people_look_for_them(names: list[str]) -> None:
    """Accents do not count, ñ follows n, numbers count by value."""
    assert sorted(set(names), key=sort_key) == names


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("José Núñez", "jose nunez", True),
        ("José Núñez", "NÚÑEZ jos", True),
        ("Jose Nunez", "Núñez", True),
        ("김민준", "민준", True),
        ("Ömer Şahin", "omer sahin", True),
        ("Łukasz Wałęsa", "lukasz walesa", True),
        ("Kirsten Sørensen", "SORENSEN", True),
        ("Soren", "Sørén", True),
        ("Đorđe Ðorð", "dorde dord", True),
        ("Þóra Ærø", "thora aero", True),
        ("Œuvre Strauß", "oeuvre strauss", True),
        ("IŞIL Y\u0131ld\u0131z", "isil yildiz", True),
        ("Ħal Ŧor Iŋgá", "hal tor inga", True),
        ("José Núñez", "nuno", False),
        ("José Núñez", "", True),
    ],
)
def test_a_name_is_found_without_its_accents(text: str, words: str, *, found: bool) -> None:
    """By each of the words, wherever it stands."""
    assert contains(text, words) is found


def test_equal_names_are_told_apart_by_their_ids() -> None:
    """Accents, capitals and how a letter is composed make no other name; other names stay short."""
    names = {"s-1": "Ana Gómez", "s-2": "ANA GOMEZ", "s-3": "Ana Go\u0301mez", "s-4": "Ana Pérez"}
    assert told_apart(names) == {
        "s-1": "Ana Gómez (s-1)",
        "s-2": "ANA GOMEZ (s-2)",
        "s-3": "Ana Go\u0301mez (s-3)",
        "s-4": "Ana Pérez",
    }
