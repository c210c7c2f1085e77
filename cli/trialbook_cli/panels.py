"""The sections in which `--help` lists the commands."""

ASK = "Ask the book"
FOLLOW = "Follow a sweep"
TRY = "Try it without AWS"
MAINTAIN = "Fill and maintain the book"
OPERATE = "Operate a deployment"
