"""From the database to the files of :mod:`kiosk.register.exports`.

::

    Scope, Position ── selection ──▶ Line, ChangeLine ── files ──▶ File

Marks are those of a position of the audit trail, rebuilt from its changes, so that what happened
later does not show. Names, memberships and the times of lessons are those of today's lists.
"""
