"""A stand-in for the SageMaker calls that Trialbook and a training script make, over HTTP, for real boto3 clients.

moto's SageMaker completes jobs at once and knows neither trial components of jobs, nor quotas, nor Search. This one
behaves as observed: components that appear after a lag, membership in several trials, names without regard to case,
quotas, error codes, jobs that run through their secondary statuses on a clock that can be turned.
"""

from trialbook_cli.sagemaker_stand_in.account import Account
from trialbook_cli.sagemaker_stand_in.errors import ApiError
from trialbook_cli.sagemaker_stand_in.launching import Ending, Epochs, Phases
from trialbook_cli.sagemaker_stand_in.recording import described_job, from_recording
from trialbook_cli.sagemaker_stand_in.server import serve
from trialbook_cli.sagemaker_stand_in.state import SageMaker

__all__ = [
    "Account",
    "ApiError",
    "Ending",
    "Epochs",
    "Phases",
    "SageMaker",
    "described_job",
    "from_recording",
    "serve",
]
