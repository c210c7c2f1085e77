"""The layer has the models of those services that functions call, and of no others."""

import re

from tests.conftest import ROOT
from trialbook.core.kinds import SERVICES

LAYER = ROOT / "layers" / "trialbook"


def test_the_layer_keeps_the_models_of_the_services_that_functions_call() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (LAYER / "trialbook").rglob("*.py"))
    called = set(re.findall(r"create_client\(\s*\"([a-z0-9-]+)\"", code))
    kept = re.search(r"^SERVICES := (.+)$", (LAYER / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    called |= {service.name for service in SERVICES}  # each runs jobs of a kind

    assert kept is not None
    assert "sagemaker-metrics" in called
    assert called <= set(kept[1].split())
