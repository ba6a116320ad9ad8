"""Files for other programs: a dashboard for Grafana, a flow for Node-RED.

``grafana.json`` reads the register's PostgreSQL, with an account that ``grafana.sql`` gives what it
needs; it shows neither names nor subject ids. ``node-red.json`` reads the events from the broker,
drops repeats, and writes one line each to ``attendance.csv``.
"""
