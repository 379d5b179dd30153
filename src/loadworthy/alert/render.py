"""A message as plain text, as Slack's mrkdwn and as HTML.

What comes from the target or the plan may do no more than be read: no line of its own, no link that the message does
not want, nobody called by name, no markup. Each format has its own way to be disarmed; lengths are bounded for all.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator

from loadworthy.alert.message import Fact, Message

MOST = (140, 400, 120, 300, 8, 10, 12)
"""See :meth:`Message.changed`."""

# Control characters, and those that turn the direction of writing or end a line without looking like it.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_NO_WIDTH = "\u200b"
# mrkdwn has no escape for these; a space without width beside them is not seen, and they begin nothing any more.
_SLACK_MARKS = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])|(?<=:)(?=//)|(?<=@)(?=\w)|:(?=[\w+-]+:)")


def one_line(text: str) -> str:
    """Text without line ends, control characters, halves of surrogate pairs and marks that turn the direction."""
    return _UNSEEN.sub("·", text.encode("utf-8", "backslashreplace").decode("utf-8"))


def prepared(message: Message, redact: Callable[[str], str]) -> Message:
    """What is rendered: secrets masked, each text on one line, all of it of bounded length."""
    return message.changed(lambda text: one_line(redact(text)), most=MOST)


def plain(message: Message) -> str:
    """The body as plain text; the title stands beside it."""
    return "\n\n".join(_blocks(message, str, str))


def slack(message: Message) -> str:
    """Title and body in Slack's mrkdwn."""
    title = f"*{_slack_text(message.mark)}*  {_slack_text(message.subject)}"
    return "\n\n".join([title, *_blocks(message, _slack_text, _slack_code)])


def html_page(message: Message) -> str:
    """Title and body as a simple page without scripts, pictures or addresses that a mail program would fetch."""
    parts = [f"<h3>{html.escape(message.title)}</h3>", *(f"<p>{html.escape(one)}</p>" for one in message.sentences)]
    if message.thresholds:
        rows = [(one.verdict, one.expression, one.observed) for one in message.thresholds]
        parts.append(_table(("", "Threshold", "Observed"), rows))
    if message.figures or message.facts:
        parts.append(_table((), [*message.figures, *message.facts]))
    return f'<!doctype html><html><body style="font-family:sans-serif">{"".join(parts)}</body></html>\n'


def _blocks(message: Message, text: Callable[[str], str], code: Callable[[str], str]) -> Iterator[str]:
    if message.sentences:
        yield "\n".join(text(one) for one in message.sentences)
    if message.thresholds:
        yield "\n".join(
            f"{one.verdict.upper()}  {code(one.expression)}  observed {text(one.observed)}"
            for one in message.thresholds
        )
    if message.figures:
        yield "\n".join(f"{text(one.label)}: {text(one.text)}" for one in message.figures)
    if message.facts:
        yield "\n".join(f"{one.label}: {code(one.text)}" for one in message.facts)


def _slack_text(text: str) -> str:
    disarmed = _SLACK_MARKS.sub(lambda found: f"{_NO_WIDTH}{found[0]}{_NO_WIDTH}" if found[0] else _NO_WIDTH, text)
    return _slack_escaped(disarmed)


def _slack_code(text: str) -> str:
    return f"`{_slack_escaped(text.replace('`', chr(39)))}`"


def _slack_escaped(text: str) -> str:
    """The three characters that Slack asks to be escaped; without ``<`` there is no link and no mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(headings: tuple[str, ...], rows: list[tuple[str, str, str]] | list[Fact]) -> str:
    cell = '<{0} align="left" style="padding:2px 12px 2px 0">{1}</{0}>'
    head = "".join(cell.format("th", html.escape(one)) for one in headings)
    lines = ["".join(cell.format("td", html.escape(one)) for one in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in ([head] if head else []) + lines)}</table>"
