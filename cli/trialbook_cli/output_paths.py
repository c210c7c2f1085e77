"""Checks where a command will write before it begins, so that no long run ends in an error."""

import os
from pathlib import Path

import typer


def output_folder(path: Path | None) -> Path | None:
    """The folder, which need not exist. Exit code 2 if it can't be created or written to."""
    if path is not None:
        existing = _nearest_existing(path)
        if not existing.is_dir():
            raise typer.BadParameter(f"{path}: {existing} is not a folder. Choose a folder that exists or a new one.")
        _check_writable(path, existing)
    return path


def output_file(path: Path | None) -> Path | None:
    """The file, which need not exist; its folder must. Exit code 2 if it can't be written."""
    if path is not None:
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a folder. Choose a file.")
        if not path.parent.is_dir():
            raise typer.BadParameter(f"{path}: there is no folder {path.parent}. Create it first.")
        _check_writable(path, path if path.exists() else path.parent)
    return path


def _nearest_existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists; a broken link counts as existing."""
    return next(each for each in (path, *path.parents, Path("/")) if os.path.lexists(each))


def _check_writable(path: Path, existing: Path) -> None:
    if not os.access(existing, os.W_OK):
        raise typer.BadParameter(f"{path}: you may not write to {existing}.")
