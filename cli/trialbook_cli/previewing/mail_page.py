"""A mail's HTML as a page that opens in a browser: its pictures, which are beside it in the mail, are put into it."""

import base64
import email
from email.message import EmailMessage
from email.policy import default


def mail_page(mail: bytes) -> str:
    """The HTML part, with pictures as data."""
    parsed = email.message_from_bytes(mail, policy=default)
    assert isinstance(parsed, EmailMessage)
    body = parsed.get_body(("html",))
    page = str(body.get_content()) if body is not None else ""
    for part in parsed.walk():
        if part["Content-ID"] is not None:
            picture = base64.b64encode(part.get_content()).decode()
            data = f"data:{part.get_content_type()};base64,{picture}"
            page = page.replace(f"cid:{part['Content-ID'].strip('<>')}", data)
    return page
