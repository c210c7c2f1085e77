"""What functions in containers of this machine talk to: moto, DynamoDB Local and the SageMaker stand-in.

`sam local` hands a function only those variables that the template declares for it. The endpoints of local servers are
no part of a deployment, so they are not in template.yaml: `local_template` declares what events/env.json gives, in a
copy of the built template. `sam local` puts containers into Docker's bridge, from where this machine is its gateway;
`--docker-network host` does not change that.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from tests.conftest import RECORDINGS, ROOT
from tests.integration.conftest import free_port, running_dynamodb_local
from trialbook.ledger.ledger import Ledger
from trialbook_cli.laptop_cloud import read_recording
from trialbook_cli.laptop_cloud.cloud import create_table
from trialbook_cli.laptop_cloud.template import Stack, load_template
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, from_recording, serve
from trialbook_cli.slack_stand_in import Workspace, serve_slack
from trialbook_cli.telemetry_stand_in import Telemetry, measured, serve_telemetry

ACCOUNT, REGION = Account().id, Account().region

BUILD = ROOT / ".aws-sam" / "build"
ENVIRONMENT = ROOT / "events" / "env.json"
MEASURED = measured(
    {
        "job_name": "churn-xgb-2026-11-20-10-15-00-123",
        "metrics": {"validation:error": [["2026-11-20T10:16:00Z", 0, 0.05], ["2026-11-20T10:16:30Z", 1, 0.04]]},
    }
)
MOMENT = datetime(2026, 11, 20, 10, 40, tzinfo=UTC)  # the recorded loop is over, and quiet for long enough


@dataclass(frozen=True, slots=True)
class World:
    """The servers, and what to give `sam local`."""

    ledger: Ledger
    sagemaker: SageMaker
    url: str
    template: Path
    environment: Path
    slack: Workspace

    def client(self, service: str) -> Any:
        """A client of moto."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION)

    def mails(self) -> list[str]:
        """The mails that SES took so far, as they were sent."""
        from moto.ses.models import ses_backends

        return [each.raw_data for each in ses_backends[ACCOUNT][REGION].sent_messages]

    def announced(self) -> list[dict[str, Any]]:
        """What was announced on the bus so far, taken away."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName="announced")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in found]


def local_template(variables: Mapping[str, str], built: Path = BUILD) -> Path:
    """A copy of the built template, beside it, whose functions declare these variables too."""
    template = load_template(built / "template.yaml")
    template["Globals"]["Function"]["Environment"]["Variables"] |= variables
    path = built / "local.json"
    path.write_text(json.dumps(template, indent=1))
    return path


@contextmanager
def world(folder: Path, host: str, *, ports: tuple[int, int, int, int] | None = None) -> Iterator[World]:
    """The servers, at this address of the machine, on free ports or those given; the environment file goes to the folder."""
    moto_port, dynamodb_port, sagemaker_port, slack_port = ports or [free_port() for _ in range(4)]
    sagemaker = from_recording(read_recording(RECORDINGS / "churn-min-child-weight").answers, Account(), lambda: MOMENT)
    with ExitStack() as until_end:
        moto = ThreadedMotoServer(ip_address=host, port=moto_port, verbose=False)
        moto.start()
        until_end.callback(moto.stop)
        url = f"http://{host}:{moto_port}"
        java = shutil.which("java") and shutil.which("npm")
        dynamodb_url = (
            until_end.enter_context(running_dynamodb_local(dynamodb_port)).replace("127.0.0.1", host) if java else url
        )
        endpoint = until_end.enter_context(serve(sagemaker, host, sagemaker_port))
        measured_url = until_end.enter_context(serve_telemetry(Telemetry([MEASURED], lambda: MOMENT), host))
        slack = Workspace()
        slack_url = until_end.enter_context(serve_slack(slack, host, slack_port))
        variables = {
            **json.loads(ENVIRONMENT.read_text())["Parameters"],
            "AWS_ENDPOINT_URL": url,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
            "AWS_ENDPOINT_URL_SAGEMAKER": endpoint,
            "SLACK_API": f"{slack_url}/api/",
            "QUEUE_URL": f"{url}/{ACCOUNT}/queue",
            **{
                f"AWS_ENDPOINT_URL_{name}": measured_url
                for name in ("SAGEMAKER_METRICS", "CLOUDWATCH", "CLOUDWATCH_LOGS")
            },
            "MLFLOW_SERVER": "http://127.0.0.1:9",  # where nothing answers: a container reaches no server without TLS
        }
        environment = folder / "env.json"
        environment.write_text(json.dumps({"Parameters": variables}, indent=2))
        _make(url, dynamodb_url, variables, slack.token)
        ledger = Ledger(variables["LEDGER_TABLE"], region=REGION, host=dynamodb_url)
        yield World(ledger, sagemaker, url, local_template(variables), environment, slack)


def _make(url: str, dynamodb_url: str, variables: Mapping[str, str], token: str) -> None:
    """The table, a queue, the bus with a queue that keeps what is announced, the bucket, the key of links, Slack's token,
    who sends mail."""
    dynamodb, sqs, events, s3, secrets, ssm, ses = (
        boto3.client(service, endpoint_url=dynamodb_url if service == "dynamodb" else url, region_name=REGION)
        for service in ("dynamodb", "sqs", "events", "s3", "secretsmanager", "ssm", "sesv2")
    )
    create_table(dynamodb, Stack(load_template(ROOT / "template.yaml")), "Ledger", variables["LEDGER_TABLE"])
    for queue in ("queue", "announced"):
        sqs.create_queue(QueueName=queue)
    bus = variables["EVENT_BUS"]
    events.create_event_bus(Name=bus)
    events.put_rule(Name="announced", EventBusName=bus, EventPattern=json.dumps({"source": ["trialbook"]}))
    target = {"Id": "announced", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:announced"}
    events.put_targets(Rule="announced", EventBusName=bus, Targets=[target])
    s3.create_bucket(Bucket=variables["REPORTS_BUCKET"])
    ses.create_email_identity(EmailIdentity=variables["EMAIL_FROM"])
    secrets.create_secret(Name=variables["REPORT_LINK_SECRET"], SecretString="a key for links of this machine")
    ssm.put_parameter(Name=variables["SLACK_TOKEN_PARAMETER"], Type="SecureString", Value=token)
