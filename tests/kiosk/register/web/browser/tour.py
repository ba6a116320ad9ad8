"""Every page, with an account that may see it: where the checks of all pages stop."""

LESSON = "7b/maths/1"
STOPS: tuple[tuple[str, str], ...] = (
    ("", "/sign-in"),
    ("alice", "/now"),
    ("alice", f"/lessons/{LESSON}/now"),
    ("alice", f"/lessons/{LESSON}/students/s-1/mark"),
    ("alice", "/registers"),
    ("alice", "/classes"),
    ("alice", "/classes/7b/days"),
    ("alice", "/students/s-1/lessons"),
    ("alice", "/exports?class=7b"),
    ("alice", "/cards?class=7b"),
    ("olga", "/cards?class=7b"),
    ("olga", "/now"),
    ("ada", "/accounts"),
    ("ada", "/accounts/1"),
    ("olga", "/bin"),
    ("olga", "/consents?class=7b"),
    ("olga", "/students/s-1/consent"),
    ("tom", "/kiosks"),
    ("olga", "/imports"),
    ("ada", "/set-up"),
    ("tom", "/my-account"),
    ("ada", "/programs"),
)
"""Account ("" is nobody) and path."""
