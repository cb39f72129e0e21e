"""Mail through Amazon SES (port `Mailer`)."""

from typing import Any

from fivetier.app.records import Mail


class SesMailer:
    """Port `Mailer`: one sender, who must be verified with SES, by address or by domain."""

    def __init__(self, sesv2: Any, sender: str) -> None:
        self._ses, self._sender = sesv2, sender

    def send(self, mail: Mail) -> None:
        """Hand a mail over for delivery; SES refuses it whole or takes it whole."""
        self._ses.send_email(
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": list(mail.to)},
            Content={
                "Simple": {
                    "Subject": _part(mail.subject),
                    "Body": {"Text": _part(mail.text), "Html": _part(mail.html)},
                }
            },
        )


def _part(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
