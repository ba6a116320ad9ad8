"""MQTT transport: the connection, the outbox on disk, the publisher and subscriptions."""
