"""A stand-in for Slack: the Web API's calls that Trialbook makes, uploads and incoming webhooks, over HTTP.

It checks what it is sent as Slack does: token and scopes, channels, timestamps, threads, blocks and their limits, the
three steps of an upload. It can be made to answer as Slack does on a bad day.
"""

from trialbook_cli.slack_stand_in.blocks import problems
from trialbook_cli.slack_stand_in.errors import Hang, HttpAnswer, SlackError
from trialbook_cli.slack_stand_in.server import serve_slack
from trialbook_cli.slack_stand_in.workspace import Posted, SlackChannel, Workspace

__all__ = ["Hang", "HttpAnswer", "Posted", "SlackChannel", "SlackError", "Workspace", "problems", "serve_slack"]
