"""Trialbook keeps the lab book of every SageMaker job in an AWS account."""
