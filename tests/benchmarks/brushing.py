"""A sweep's page in headless Chromium without a graphics card, opened from disk: first paint, when the table is complete (median
of three), and how long after a movement of the mouse that brushes a chart the last of the three frames it causes is
drawn (median of the movements; 50 ms if nothing has to be drawn)."""

import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from tests import synthetic
from tests.benchmarks.page import table
from tests.browser.conftest import CHROMIUM, FLAGS, files_of

TITLE = "The page in a browser"
SIZES = (100, 1000, 10_000)
RUNS = 3
MOVES = 8
CHARTS = ("history", "parallel-coordinates", "contour", "slices")
_LISTEN = """() => {
  window.took = [];
  const frame = () => new Promise(requestAnimationFrame);
  addEventListener("pointermove", async () => {
    const began = performance.now();
    await frame(), await frame(), await frame();
    took.push(performance.now() - began);
  }, true);
}"""


def measure() -> str:
    """Milliseconds, and the page's megabytes."""
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for size in SIZES:
            page = Path(folder) / f"{size}.html"
            page.write_bytes(files_of(synthetic.records(size))["report.html"])
            opened = zip(*(_opened(browser, page) for _ in range(RUNS)), strict=True)
            row = [*map(median, opened), *_brushed(browser, page)]
            rows.append([f"{size:,} trials", round(page.stat().st_size / 1e6, 2), *map(round, row)])
        browser.close()
    brushed = [f"brush in {each.replace('-', ' ')}, ms" for each in CHARTS]
    return table(["", "page MB", "first paint, ms", "table, ms", *brushed], rows)


def _opened(browser: Browser, path: Path) -> tuple[float, float]:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector("#rows tr[data-trial]")
    stands = page.evaluate("performance.now()")
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.close()
    return painted, stands


def _brushed(browser: Browser, path: Path) -> list[float]:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_timeout(1500)  # what is out of view is drawn when nothing else is to do
    page.evaluate(_LISTEN)
    found = [_brush(page, chart) for chart in CHARTS]
    page.close()
    return found


def _brush(page: Page, chart: str) -> float:
    """The median over the movements of one brush."""
    canvas = page.locator(f"figure.{chart} canvas").nth(1)
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("took.length = 0")
    for step in range(1, MOVES + 1):
        page.mouse.move(x + step * box["width"] * 0.03, y + step * box["height"] * 0.04)
        page.wait_for_function("count => took.length >= count", arg=step)
    page.mouse.up()
    took: list[float] = page.evaluate("took")
    page.keyboard.press("Escape")
    return median(took)
