"""What people will see, before anything is sent: pages that look like Slack and mail, and pictures of them."""
