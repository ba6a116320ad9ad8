"""Topics and payloads of the MQTT messages, shared by every program."""
