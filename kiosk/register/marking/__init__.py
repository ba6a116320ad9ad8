"""From stored events to marks: the thread of ``kiosk register run`` that applies the rules.

::

    new events → facts (read) → deriving (pure) → marks_table (compare and set, one transaction)
    sweeping: lessons that begin and end; alerts: kiosks that fall silent or blind

An event is "new" until the transaction that placed it, so a crash loses nothing. What is derived
depends on what is stored and on the time alone, never on what the process remembers.
"""
