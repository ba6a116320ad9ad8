"""The rules: how the events at a door become the marks of a lesson.

Pure functions of frozen records, with the time as an argument; no database, no clock, no Django.

::

    Scan ── placement ──▶ Lesson ── mark ──▶ Mark ── correction ──▶ Change
                                               └──── day ──▶ DayMark, Rate, Run
    sweep: which lessons can be decided now       alert: which kiosks are silent or blind
"""
