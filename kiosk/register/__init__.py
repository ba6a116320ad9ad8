"""The central service: subscribe to every kiosk, store every event, confirm what is stored.

``config`` and ``cli`` load without Django. Everything else follows one message:

::

    arrival → reading → verdict → tables (one transaction) → PUBACK → confirmation
"""
