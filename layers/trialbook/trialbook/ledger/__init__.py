"""The ledger: one DynamoDB table, and how jobs, sweeps and deliveries change in it."""
