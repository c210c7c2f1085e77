"""A stand-in for what AWS measures of jobs, over HTTP: SageMaker Metrics, CloudWatch's metrics and logs.

moto has no SageMaker Metrics, and refuses log events and metrics that are older than its own clock allows.
"""

from trialbook_cli.telemetry_stand_in.measured import Measured, measured
from trialbook_cli.telemetry_stand_in.server import serve_telemetry
from trialbook_cli.telemetry_stand_in.telemetry import Telemetry

__all__ = ["Measured", "Telemetry", "measured", "serve_telemetry"]
