"""Pictures of pages, by whatever Chromium this machine has."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
# As root in a container there is no sandbox; the rest keeps the browser from asking its maker for anything.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SECONDS = 60
_MEASURE = (
    "<script>document.documentElement.setAttribute('data-height', document.documentElement.scrollHeight)</script>"
)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def browser() -> str | None:
    """The browser's path; None if there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def shoot(program: str, page: Path, picture: Path, *, width: int, dark: bool = False) -> bool:
    """A picture of the whole page at this width; whether it was made."""
    # Headless Chromium takes pictures of its window alone: so the window is made as high as the page.
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "page.html"
        measured.write_text(_POLICY.sub("", page.read_text(encoding="utf-8")) + _MEASURE, encoding="utf-8")
        shown = _run(program, f"--window-size={width},400", "--dump-dom", measured.as_uri(), home=folder)
        found = re.search(r'data-height="(\d+)"', shown or "")
        if found is None:
            return False
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        size = f"--window-size={width},{min(int(found[1]), 16_000)}"
        _run(program, size, *scheme, f"--screenshot={picture.resolve()}", page.resolve().as_uri(), home=folder)
        return picture.exists()


def _run(program: str, *arguments: str, home: str) -> str | None:
    command = [program, *_FLAGS, f"--user-data-dir={home}/profile", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 found on the PATH
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout
