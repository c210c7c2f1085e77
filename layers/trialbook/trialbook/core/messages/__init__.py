"""The messages to people: computed here as data, rendered for Slack and email elsewhere."""
