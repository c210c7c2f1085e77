"""A real Chromium, and pages of reports to open in it."""

import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests import synthetic
from trialbook.core.analysis.analyse import analyse
from trialbook.core.sweeps import Record
from trialbook.report import files

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# As root in a container there is no sandbox; the rest keeps the browser from asking its maker for anything.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH: Debian's package chromium has it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@cache
def report_of(trials: int) -> dict[str, bytes]:
    """The files of a made-up sweep's report."""
    return dict(files_of(synthetic.records(trials)))


def files_of(records: list[Record]) -> dict[str, bytes]:
    """The files of the report of these records."""
    sweep = synthetic.sweep(records)
    assert sweep.closed_at is not None
    return dict(files(analyse(sweep, records, as_of=sweep.closed_at)))


Open = Callable[..., Page]


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds of serious or critical violations."""
    found = Axe().run(page).response["violations"]
    bad = [each for each in found if each["impact"] in ("serious", "critical")]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in bad]


def pages_of(pdf: bytes) -> int:
    """How many sheets a PDF has."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report's page from disk. What goes wrong in it, and each request it makes, fails the test at its end."""
    wrong: list[str] = []
    contexts = []

    def opened(
        content: bytes,
        *,
        name: str = "report.html",
        width: int = 1200,
        scheme: str = "light",
        anchor: str = "",
        ready: str = "#rows table",
    ) -> Page:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            accept_downloads=True,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: asked(request.url))
        page.goto(f"{path.as_uri()}{anchor}")
        page.wait_for_selector(ready, state="attached")
        return page

    def asked(url: str) -> None:
        if not url.startswith(("data:", "blob:", tmp_path.as_uri())):
            wrong.append(f"request: {url}")

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
