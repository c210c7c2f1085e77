"""DynamoDB in this process: quick, and exact in what the functions use of it."""

from trialbook_cli.dynamodb_stand_in.database import Database
from trialbook_cli.dynamodb_stand_in.wire import answer_to, response

__all__ = ["Database", "answer_to", "response"]
