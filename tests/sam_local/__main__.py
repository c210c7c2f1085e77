"""Serves what functions in containers talk to, at the addresses in events/env.json, until it is interrupted."""

import json
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.integration import conftest as _credentials  # noqa: F401 sets those of this machine's servers
from tests.sam_local.world import ENVIRONMENT, world

if __name__ == "__main__":
    wanted = json.loads(ENVIRONMENT.read_text())["Parameters"]
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SAGEMAKER", "SLACK_API")
    moto, dynamodb, sagemaker, slack = (urlsplit(wanted[name]).port or 0 for name in names)
    host = urlsplit(wanted[names[0]]).hostname or "127.0.0.1"
    with (
        tempfile.TemporaryDirectory() as folder,
        world(Path(folder), host, ports=(moto, dynamodb, sagemaker, slack)) as made,
    ):
        print(f"serving; use sam local with -t {made.template} --env-vars events/env.json")
        while True:
            time.sleep(3600)
