"""The demo's mail server keeps mails in the order in which they came, however many there are."""

import smtplib
from pathlib import Path

from keyservice.demo.mailbox import DemoMailServer


def test_the_names_of_mails_sort_as_they_came_also_after_ten_thousand(tmp_path: Path) -> None:
    with DemoMailServer(tmp_path) as server:
        server._controller.handler.count = 9_998
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            for number in range(3):
                client.sendmail("a@voorbeeld.example", ["b@voorbeeld.example"], f"Subject: {number}\r\n\r\n")
    found = [path.read_text("utf-8") for path in sorted(tmp_path.glob("*.eml"))]
    assert [mail.splitlines()[0] for mail in found] == ["Subject: 0", "Subject: 1", "Subject: 2"]
