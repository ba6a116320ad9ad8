-- What the dashboard for Grafana reads, and no more. An account that may read all tables could read names,
-- the key that signs cards, and sessions, with which it would be whoever is signed in. As the owner of
-- the register's database:
--
--   CREATE ROLE grafana LOGIN PASSWORD '...';
--   \i grafana.sql

GRANT SELECT (site, room, kiosk, is_online, health, health_at) ON register_kiosk TO grafana;
GRANT SELECT (kind, "end") ON register_kioskalert TO grafana;
GRANT SELECT (reported_last, watermark, missing_since) ON register_outbox TO grafana;
GRANT SELECT (dismissed_at) ON register_binentry TO grafana;
GRANT SELECT (arrived_at, type) ON register_event TO grafana;
GRANT SELECT (lesson_id, status) ON register_mark TO grafana;
GRANT SELECT (lesson_id, date, starts_at) ON register_lesson TO grafana;
