"""What every `Mailer` does: a mail is taken whole, as it was written, or not at all."""

import pytest
from fivetier.app.records import Mail

from tests.contract.sides.scenes import MailScene

ASKED = Mail(
    to=("emil@example.test", "dora@example.test"),
    subject="Sign-off asked: Medicare Advantage 2025_06 (review: 2 findings to tick)",
    text="Zwölf Verträge\n\nRead it:\nhttps://pages.example.test/sign-offs/r1/1\n",
    html='<p>Zw\u00f6lf Vertr\u00e4ge &amp; <a href="https://pages.example.test/sign-offs/r1/1">more</a></p>',
)
TOLD = ASKED.model_copy(update={"to": ("emil@example.test",), "subject": "Published: Medicare Advantage 2025_06"})


class MailSuite:
    kind = "mail"

    def test_a_mail_is_taken_as_it_was_written(self, scene: MailScene) -> None:
        scene.mailer.send(ASKED)
        scene.mailer.send(TOLD)
        assert scene.outbox() == [ASKED, TOLD]

    def test_a_mail_that_is_not_taken_is_an_error(self, scene: MailScene) -> None:
        scene.close()
        with pytest.raises(Exception, match=r"not verified|does not answer"):
            scene.mailer.send(ASKED)
        assert scene.outbox() == []
