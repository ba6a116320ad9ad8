"""How it travels: the connection, the outbox on disk and the publisher."""
