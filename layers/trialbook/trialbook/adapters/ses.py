"""Mail, by way of SES."""

from email.message import EmailMessage
from http import HTTPStatus
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from botocore.session import Session

from trialbook.core.messages.delivery import NotSent
from trialbook.runtime.aws_clients import OutOfTime

# One attempt: a call that timed out may have sent the mail, and trying again at once would make two of it. Whether to
# try again is for who keeps the record of it to say.
_CONFIG = Config(retries={"total_max_attempts": 1})
_PASSES = frozenset(
    {"TooManyRequestsException", "LimitExceededException", "SendingPausedException", "ThrottlingException"}
)


class Ses:
    """Sends mails as they are, with SESv2."""

    def __init__(self, session: Session) -> None:
        self._client: Any = session.create_client("sesv2", config=_CONFIG)

    def send(self, mail: EmailMessage) -> str:
        """Sends to whom the mail says; gives SES's id of it. Raises NotSent, without SES's text: it names addresses."""
        recipients, content = [each.addr_spec for each in mail["To"].addresses], mail.as_bytes()
        try:
            answer = self._client.send_email(
                Destination={"ToAddresses": recipients}, Content={"Raw": {"Data": content}}
            )
            return str(answer["MessageId"])
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code") or "no_code")
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            is_unsure = status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT
            raise NotSent(code, passes=code in _PASSES or is_unsure, is_unsure=is_unsure) from None
        except (EndpointConnectionError, ConnectTimeoutError, OutOfTime) as error:
            raise NotSent(type(error).__name__, passes=True) from None
        except BotoCoreError as error:  # such as an answer that did not come in time
            raise NotSent(type(error).__name__, passes=True, is_unsure=True) from None
        except (AttributeError, LookupError, TypeError, ValueError):  # an answer that is JSON, and not what SES answers
            raise NotSent("no_answer_of_ses", passes=True, is_unsure=True) from None
