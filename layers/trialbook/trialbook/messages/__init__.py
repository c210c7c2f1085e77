"""Messages as Slack and mail programs show them."""
