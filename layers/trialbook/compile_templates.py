"""Compiles the templates of the built layer, so that no function's first page or mail waits for it."""

import sys

from trialbook.messages import email
from trialbook.report import rendering

sys.dont_write_bytecode = False  # compiled templates are written where Python may write bytecode
email.template()
rendering.compile_all()
