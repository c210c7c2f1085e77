"""The linters of templates find nothing but what is left so with a reason; and nothing is left so that they no longer find."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
CFN_LINT = ROOT / ".venv-sam" / "bin" / "cfn-lint"
TEMPLATES = [str(ROOT / name) for name in ("template.yaml", "member.yaml")]


def run(tool: Path, *arguments: str, cwd: Path) -> str:
    """What it prints; away from the project's folder it does not find what to leave out."""
    if not tool.exists():
        pytest.skip(f"{tool.name} is not there: make test installs it")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [tool, *arguments], cwd=cwd, capture_output=True, text=True, check=False, env=environment
    ).stdout


def left_so(file: str, under: str) -> set[str]:
    """The checks that a file of settings leaves out; each stands there with a reason."""
    text = (ROOT / file).read_text()
    ids: list[str] = yaml.safe_load(text)[under]
    assert [each for each in ids if not re.search(rf"- {each} # \w.{{20,}}", text)] == [], "a reason is missing"
    return set(ids)


def test_checkov_finds_just_what_is_left_so_with_a_reason(tmp_path: Path) -> None:
    printed = run(CHECKOV, "--framework", "cloudformation", "--quiet", "-o", "json", "-f", *TEMPLATES, cwd=tmp_path)
    answer = json.loads(printed)
    results = [each["results"] for each in (answer if isinstance(answer, list) else [answer])]

    assert sum(each["summary"]["passed"] for each in (answer if isinstance(answer, list) else [answer])) > 50
    assert {found["check_id"] for each in results for found in each["failed_checks"]} == left_so(
        ".checkov.yaml", "skip-check"
    )


def test_cfn_lint_finds_just_what_is_left_so_with_a_reason(tmp_path: Path) -> None:
    printed = run(CFN_LINT, "-t", *TEMPLATES, "-c", "I", "-f", "json", cwd=tmp_path)

    assert {found["Rule"]["Id"] for found in json.loads(printed)} == left_so(".cfnlintrc", "ignore_checks")
