"""Marks as files for other people and other systems.

Pure functions from records to bytes: no database, no clock. Every file is made at a position of the
audit trail, and the same records at the same position give the same bytes.

::

    Line ── table ──▶ marks_csv, marks_xlsx         for people: by day, class, student or term
         ├─ moodle ──▶ idnumber,status              one lesson, into Moodle's import of marks
         ├─ canvas ──▶ a column of the gradebook    one class, into Canvas's import of grades
         └─ ed_fi ───▶ JSON                         StudentSectionAttendanceEvent of Ed-Fi
"""
