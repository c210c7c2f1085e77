"""Where a command is to write, checked before it begins: a run of minutes is not to end with an error."""

import os
from pathlib import Path

import typer


def a_folder(path: Path | None) -> Path | None:
    """The folder, which need not exist. Exit code 2 where none can be made or written there."""
    if path is not None:
        there = _nearest(path)
        if not there.is_dir():
            raise typer.BadParameter(f"{path}: {there} is no folder, expected one that is there or can be made")
        _check_writable(path, there)
    return path


def a_file(path: Path | None) -> Path | None:
    """The file, which need not exist; its folder must. Exit code 2 where it can't be written."""
    if path is not None:
        if path.is_dir():
            raise typer.BadParameter(f"{path}: is a folder, expected a file")
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: {path.parent} is no folder, expected one that is there")
        _check_writable(path, path if path.exists() else path.parent)
    return path


def _nearest(path: Path) -> Path:
    """The path, or the first of the folders above it that is there; a link that leads nowhere counts as there."""
    return next(each for each in (path, *path.parents, Path("/")) if os.path.lexists(each))


def _check_writable(path: Path, there: Path) -> None:
    if not os.access(there, os.W_OK):
        raise typer.BadParameter(f"{path}: {there} can't be written to")
