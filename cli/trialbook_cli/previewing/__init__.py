"""Previews of messages, before anything is sent: pages that look like Slack and mail, and pictures of them."""
