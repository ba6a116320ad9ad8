"""Rosters and timetables from files: read, checked as a whole, compared with what is stored.

Pure functions from bytes to frozen records. A file gives either all of its records or the list of
its problems, each with its line; nothing in between.

::

    bytes ── roster_csv, oneroster ──────────▶ Outcome[Roster]
          └─ timetable_csv, timetable_ics ───▶ Outcome[tuple[LessonRow, ...]]
    Outcome + what is stored ── plan ────────▶ RosterPlan, TimetablePlan
"""
