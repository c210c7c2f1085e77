"""What Lambda's runtime needs: batches, schedules, settings, services, clock, logs and metrics."""
