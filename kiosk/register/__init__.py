"""The central service: subscribe to every kiosk, store every event, confirm what is stored.

``config`` and ``cli`` load without Django. A message takes this way through ``ingest``; then
``marking`` makes marks of what is stored:

::

    arrival → reading → verdict → tables (one transaction) → PUBACK → confirmation
"""
