"""Text from outside, made safe to store and to show."""


def printable(text: str) -> str:
    """Replace what a terminal would obey and what PostgreSQL does not store (NUL)."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
