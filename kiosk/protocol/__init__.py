"""What is said over MQTT: topics and payloads, shared by every program."""
