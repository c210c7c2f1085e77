"""Where template, functions and recordings lie: in the repository, or inside of the installed package (setup.py)."""

from pathlib import Path

_SHIPPED = Path(__file__).with_name("project")
ROOT = _SHIPPED if _SHIPPED.is_dir() else Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "events" / "recordings"
