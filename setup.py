"""One build step beyond pyproject.toml: the wheel carries what replays run, without a second copy in the repository."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ("template.yaml", "functions/*/app.py", "events/recordings/*/*.jsonl")


class BuildWithProject(build_py):
    """Puts the template, the functions and the recordings beside the command that reads them."""

    def run(self) -> None:
        """An editable install reads them where they lie."""
        super().run()
        if self.editable_mode:
            return
        for pattern in SHIPPED:
            for source in sorted(ROOT.glob(pattern)):
                target = Path(self.build_lib, "trialbook_cli", "project", source.relative_to(ROOT))
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(source), str(target))


setup(cmdclass={"build_py": BuildWithProject})
