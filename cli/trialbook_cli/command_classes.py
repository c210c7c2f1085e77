"""The classes of Trialbook's commands: shared options, exit codes, errors. Light: `--help` loads this module."""

from collections.abc import Callable
from typing import Any, ClassVar

import typer

from trialbook_cli.help_format import CommandWithExample
from trialbook_cli.options import Source, any_book, aws_account, declared_options, deployed_stack, shared_parameters


class Command(CommandWithExample):
    """A command whose function returns its exit code. An error becomes a line that says what to do.

    `part` is the part of Trialbook that all of the command needs; of others, the missing library tells.
    """

    part: ClassVar[str | None] = None

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Runs the command."""
        try:
            code = super().invoke(ctx)
        except Exception as error:
            if isinstance(error, typer.Exit | typer.Abort | typer.BadParameter):
                raise
            from trialbook_cli.errors import report_damage, report_error, report_missing

            if isinstance(error, ModuleNotFoundError):
                code = report_missing(error, ctx.command_path, self.part)
            else:
                code = report_error(error)
            if code is None and isinstance(ctx.obj, Source) and ctx.obj.book is not None:
                code = report_damage(ctx.obj.book)  # somebody may have edited the folder
            if code is None:
                raise
        raise typer.Exit(code or 0)


class LaptopCommand(Command):
    """A command that runs the deployed functions on this machine."""

    part = "laptop"


class SourceCommand(Command):
    """A command with the shared options of `source`; its function finds the Source by `source_of(context)`."""

    source: ClassVar[Callable[..., Source]]

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
        """The command's own parameters, then the shared ones."""
        return [*super().get_params(ctx), *shared_parameters(type(self).source)]

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Makes the Source of the shared options, then runs the command."""
        declared = declared_options(type(self).source)
        ctx.obj = declared.callback(**{each.name: ctx.params.pop(each.name) for each in declared.params})
        return super().invoke(ctx)


class BookCommand(SourceCommand):
    """A command that asks a book, deployed or in a folder."""

    source = staticmethod(any_book)


class StackCommand(SourceCommand):
    """A command that needs a deployed stack."""

    source = staticmethod(deployed_stack)


class AccountCommand(SourceCommand):
    """A command that needs an AWS account, with or without a stack."""

    source = staticmethod(aws_account)
