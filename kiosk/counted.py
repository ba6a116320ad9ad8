"""A number with its noun, for messages: "1 event", "2 events"."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number and a noun in the right form.

    Args:
        number: How many.
        noun: Of one, such as "event".
        plural: Of several, if it is not the noun with an "s": "people".
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def counted_people(number: int) -> str:
    """Return "1 person", "2 people"."""
    return counted(number, "person", "people")
