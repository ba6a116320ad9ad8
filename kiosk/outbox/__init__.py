"""The outbox: every event is on the disk before it is sent, and kept until it is confirmed."""
