"""From an event on the bus to messages, and each message to its channel once."""
