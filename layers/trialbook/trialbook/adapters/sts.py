"""Sessions of other accounts, by roles there that this one may take."""

from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.session import Session

from trialbook.runtime.aws_clients import prepared

_NAME = "trialbook"  # by which calls can be told apart in the other account's CloudTrail


def session_as(session: Session, role: str) -> Session:
    """A session with the rights of a role, taken when first needed and again before it expires. What is refused, is
    refused at the first call."""
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session.create_client,
        source_credentials=session.get_credentials(),
        role_arn=role,
        extra_args={"RoleSessionName": _NAME},
    )
    other = Session()
    # The models are parsed once for both sessions.
    other.register_component("data_loader", session.get_component("data_loader"))
    prepared(other)
    # set_credentials takes none that refresh.
    credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    other._credentials = credentials  # type: ignore[attr-defined]  # noqa: SLF001
    return other
