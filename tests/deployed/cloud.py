"""The emulated cloud that stacks are created in: the emulator with IAM enforced, and stand-ins for SageMaker and Slack."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import requests

from tests.conftest import RECORDINGS, ROOT
from tests.integration.conftest import free_port
from tests.relocated import HERE, relocated
from trialbook_cli.laptop_cloud import Recording, read_recording
from trialbook_cli.sagemaker_stand_in import Account, SageMaker, from_recording, serve
from trialbook_cli.slack_stand_in import Workspace, serve_slack

PYTHON = ROOT / ".venv-deployed" / "bin" / "python"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
CHURN, TUNING = (RECORDINGS / name for name in ("churn-min-child-weight", "tuning-random-60"))
TOKEN_PARAMETER = "/trialbook/slack-token"
PLACE = HERE if HERE.partition == "aws" else Account(HERE.id, "eu-west-1")  # the emulator knows one partition
T = TypeVar("T")


def recorded(folder: Path) -> Recording:
    """A recording as if it had been made in the emulated account."""
    return relocated(read_recording(folder), PLACE)


@dataclass(frozen=True)
class Decision:
    """What IAM decided about a call of a role, as the emulator has it."""

    principal: str
    action: str
    resource: str
    allowed: bool

    @property
    def function(self) -> str:
        """The function whose role it is, by the role's name: `trialbook-PostSlackRole-1A2B…` is PostSlack's. Else who it is."""
        found = re.search(r"-(\w+?)Role-", self.principal)
        return found[1] if found else self.principal.rpartition("/")[2]


@dataclass(frozen=True)
class Cloud:
    """An account of the emulator. `environment` leads boto3, sam and trialbook to it."""

    account: str
    region: str
    url: str
    environment: Mapping[str, str]
    sagemaker: SageMaker
    workspace: Workspace
    slack_url: str
    built: Path
    log: Path
    session: int  # of the emulator's processes

    def client(self, service: str, key: tuple[str, str] = ("test", "test")) -> Any:
        """A client of the account, with the rights of its root user unless another's access key and secret are
        given."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
        )

    def sam(self, *arguments: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        """The SAM command line, in an empty folder beside the built template."""
        folder = self.built.parent / "sam"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [str(SAM), *arguments],
            cwd=folder,
            env=dict(self.environment),
            input=answers,
            capture_output=True,
            text=True,
            check=False,
        )

    def deploy(self, stack: str, **parameters: str) -> None:
        """`sam deploy`, as README has it."""
        given = [f'{name}="{value}"' for name, value in parameters.items()]  # sam takes an empty value in quotes alone
        done = self.sam(
            "deploy",
            *("--template-file", str(self.built / "template.yaml"), "--stack-name", stack),
            *("--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-progressbar"),
            *(["--parameter-overrides", *given] if given else []),
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + self.tail()

    def trialbook(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command `trialbook`, with the account's credentials."""
        command = [sys.executable, "-m", "trialbook_cli.main", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=dict(self.environment), capture_output=True, text=True, check=False
        )

    def put(self, recording: Path) -> int:
        """Puts a recording's events on the default bus; gives their number."""
        events, client = list(recorded(recording).events), self.client("events")
        for start in range(0, len(events), 10):
            entries = [
                {
                    "Source": each["source"],
                    "DetailType": each["detail-type"],
                    "Detail": json.dumps(each["detail"]),
                    "Resources": each["resources"],
                    "Time": datetime.fromisoformat(each["time"]),
                }
                for each in events[start : start + 10]
            ]
            assert client.put_events(Entries=entries)["FailedEntryCount"] == 0
        return len(events)

    def resources(self, stack: str) -> Mapping[str, str]:
        """Physical ids of a stack's resources by their logical ids."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [each for page in pages for each in page["StackResourceSummaries"]]
        return {
            each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
            for each in found
            if each["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def outputs(self, stack: str) -> Mapping[str, str]:
        """A stack's outputs."""
        found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    def open(self, link: str) -> requests.Response:
        """What a browser gets: the emulator serves function URLs and buckets by the name of the host."""
        return self._get(link, redirects=5)

    def _get(self, link: str, redirects: int) -> requests.Response:
        parts = urlsplit(link)
        address = f"{self.url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        answer = requests.get(address, headers={"Host": parts.netloc}, allow_redirects=False, timeout=30)
        if answer.is_redirect and redirects:
            return self._get(answer.headers["Location"], redirects - 1)
        return answer

    def decisions(self) -> list[Decision]:
        """What IAM decided about the calls of roles so far."""
        path = self.log.parent / "decisions.jsonl"
        return [Decision(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def memory(self) -> tuple[int, int]:
        """Megabytes that the emulator holds, and those of the functions' processes, as Linux has them."""
        own, others = 0, 0
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
                session = int(status.with_name("stat").read_text().rpartition(")")[2].split()[3])
            except OSError:
                continue  # the process has ended
            found = re.search(r"VmRSS:\s+(\d+) kB", text)
            if session != self.session or not found:
                continue
            if int(status.parent.name) == self.session:
                own += int(found[1])
            else:
                others += int(found[1])
        return own // 1024, others // 1024

    def tail(self) -> str:
        """The end of the emulator's log."""
        return self.log.read_text(errors="replace")[-3000:]


def until(found: Callable[[], T], seconds: float, what: str) -> T:
    """Waits until something is there. Raises AssertionError if it does not come."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.3)
    return result


@contextmanager
def running(
    folder: Path, account: str, region: str, answers: Sequence[Mapping[str, Any]], built: Path
) -> Iterator[Cloud]:
    """The emulator and the stand-ins on free ports, for the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    sagemaker = from_recording(answers, Account(), lambda: datetime.now(UTC))
    workspace = Workspace()
    log = folder / "emulator.log"
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TRIALBOOK_"))}
    with serve(sagemaker) as sagemaker_url, serve_slack(workspace) as slack_url:
        stand_ins = {"AWS_ENDPOINT_URL_SAGEMAKER": sagemaker_url, "SLACK_API": f"{slack_url}/api/"}
        emulator = {
            **plain,
            **stand_ins,  # the functions inherit them
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": account,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": region,
            "SFTP_ENABLED": "0",
            "TMPDIR": str(folder),
        }
        with log.open("w") as output:
            server = subprocess.Popen(
                [str(PYTHON), str(Path(__file__).with_name("emulator.py"))],
                env=emulator,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        environment = {
            **plain,
            **stand_ins,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": url,
            "SAM_CLI_TELEMETRY": "0",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "COLUMNS": "120",
        }
        try:
            until(lambda: _answers(url), 60, "the emulator's first answer")
            yield Cloud(
                account, region, url, environment, sagemaker, workspace, f"{slack_url}/api/", built, log, server.pid
            )
        finally:
            os.killpg(server.pid, 15)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, 9)
                server.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_ministack/health", timeout=5).ok
    except requests.ConnectionError:
        return False
