"""Jinja's templates. Compiled, they lie beside Python's own bytecode, because compiling takes longer than rendering."""

import sys
from pathlib import Path
from pickle import UnpicklingError

import jinja2
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket


class _Cache(FileSystemBytecodeCache):
    """Compiled templates in the folder's `__pycache__`, for this version of Jinja. The folder may be moved, and may be
    read-only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder / "__pycache__"), f"%s.jinja-{jinja2.__version__}")

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The template's name."""
        return name.replace("/", "-")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Reads the file. A damaged one counts as missing."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, TypeError, UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Writes the file, if Python would write its own."""
        if sys.dont_write_bytecode:
            return
        try:
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
        except OSError:
            return  # the next process compiles again


def environment(folder: Path) -> Environment:
    """The templates of a folder. Values are escaped, unknown ones an error. Nothing is evaluated while a template is
    compiled, because what is compiled may outlive the filters."""
    return Environment(
        loader=FileSystemLoader(folder),
        bytecode_cache=_Cache(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
    )
