"""MQTT transport: the connection, the publisher, subscriptions and the embedded broker."""
