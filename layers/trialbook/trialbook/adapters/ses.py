"""Mail, by way of SES."""

from email.message import EmailMessage
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

# One attempt: a call that timed out may have sent the mail, and trying again at once would make two of it. Whether to
# try again is for who keeps the record of it to say.
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
_PASSES = frozenset(
    {"TooManyRequestsException", "LimitExceededException", "SendingPausedException", "ThrottlingException"}
)
_TODO = {
    "MessageRejected": "EmailFrom's identity is not verified in this region, or the account is in SES's sandbox and the"
    " recipient's is not",
    "MailFromDomainNotVerifiedException": "the identity's MAIL FROM domain is not verified",
    "AccountSuspendedException": "AWS has stopped the account's sending",
    "AccessDeniedException": "the function may not send as EmailFrom: deploy the stack again",
    "NotFoundException": "the identity of EmailFrom does not exist in this region",
}


class NotSent(Exception):
    """SES did not take a mail. `code` is its error's; `passes` where the same call may well succeed later without
    anybody doing anything. Its text has no address in it, as SES's own has."""

    def __init__(self, code: str, *, passes: bool) -> None:
        super().__init__(f"SES: {code}{f', {_TODO[code]}' if code in _TODO else ''}")
        self.code = code
        self.passes = passes


class Ses:
    """Sends mails as they are, with SESv2."""

    def __init__(self, session: Session) -> None:
        self._client: Any = session.create_client("sesv2", config=_CONFIG)

    def send(self, mail: EmailMessage) -> str:
        """Sends to whom the mail says; gives SES's id of it. Raises NotSent; whatever else goes wrong leaves open
        whether it was sent."""
        recipients = [each.addr_spec for each in mail["To"].addresses]
        try:
            answer = self._client.send_email(
                Destination={"ToAddresses": recipients}, Content={"Raw": {"Data": mail.as_bytes()}}
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            raise NotSent(code, passes=code in _PASSES or status >= 500) from None
        except BotoCoreError as error:
            raise NotSent(type(error).__name__, passes=True) from None
        message_id: str = answer["MessageId"]
        return message_id
