"""The rules document: placements, objectives, prices, routes, alerts, quiet hours."""
