"""Every page, with an account that may see it: where the checks of all pages stop."""

LESSON = "7b/maths/1"
STOPS: tuple[tuple[str, str], ...] = (
    ("", "/sign-in"),
    ("alice", "/now"),
    ("alice", f"/lessons/{LESSON}/now"),
    ("olga", "/now"),
    ("ada", "/accounts"),
    ("ada", "/accounts/1"),
    ("olga", "/bin"),
    ("tom", "/kiosks"),
    ("tom", "/my-account"),
)
"""Account ("" is nobody) and path."""
