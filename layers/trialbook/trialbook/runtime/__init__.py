"""Lambda's side: batches, schedules, settings, services, clock, logs and metrics."""
