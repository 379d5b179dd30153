"""What messages say, in each format; hostile text can only be read; secrets are masked, and nothing is too long."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.searches import scenario, summary, threshold
from tests.support.golden import assert_golden
from tests.support.shop import failing_run

from loadworthy.alert.message import Fact, Message, ThresholdLine
from loadworthy.alert.policy import Due
from loadworthy.alert.render import html_page, plain, prepared, slack
from loadworthy.alert.words import Counts, RunFacts, at_the_end, broke_off, of_a_test, while_it_runs
from loadworthy.analysis.compared_figures import Change, ComparedFigure
from loadworthy.analysis.comparison import Comparison
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.redact import Redactor

FACTS = RunFacts("shop", "http://shop.test:8080", "bench", Path("/work/runs/2026-11-20T14-05-09-load"))
REPORT = Path("/work/runs/2026-11-20T14-05-09-load/report.html")
BREACH = Due(
    "breach", "load", "p95 < 250ms", "p95 < 250ms was missed: 7 % of 4,000 were slower, up to second 40", 31_000_000
)

SLOWEST = ("Slowest in the last 10 s, on average", "GET /items 612 ms · POST /orders 48.0 ms")


def worse(figure: str, base: float, new: float, series: str = "") -> ComparedFigure:
    """A figure of which that was found."""
    return ComparedFigure("load", series, figure, base, new, new / base - 1, verdict=Change.WORSE)


def all_formats(message: Message) -> str:
    """For a golden file."""
    return "\n".join(
        [message.title, "", plain(message), "", "--- Slack", slack(message), "", "--- HTML", html_page(message)]
    )


def test_golden_of_the_end_of_a_run(tmp_path: Path) -> None:
    """Verdict, reasons, thresholds with the missed ones first, key figures, where the report is."""
    found = summarize(failing_run(tmp_path))
    comparison = Comparison(
        Change.WORSE, 0.05,
        (worse("p95", 100.0, 151.0, "GET /items"), worse("error rate", 0.001, 0.02), worse("throughput", 300.0, 200.0)),
    )  # fmt: skip
    message = at_the_end(("fail", "regression"), found, comparison, FACTS, REPORT)
    assert_golden("alert_fail.txt", all_formats(prepared(message, str)))


def test_golden_while_it_runs() -> None:
    """A breach with its evidence and the counts so far, and its end."""
    counts = Counts(4_120, 31, 20, 40.0)
    texts = [all_formats(while_it_runs([BREACH], counts, FACTS, SLOWEST))]
    over = replace(
        BREACH, matter="recovered", evidence="p95 < 250ms holds again: 1 % were slower", lasted_us=75_000_000
    )
    texts.append(all_formats(while_it_runs([over], counts, FACTS, SLOWEST)))
    assert_golden("alert_breach.txt", "\n\n".join(texts))


def test_titles() -> None:
    """The most severe matter is the first word, and the rest says what of."""
    judged = summary(scenario("find", thresholds=(threshold(),)))
    passed = replace(judged, verdict=Verdict.PASS)
    broken = replace(judged, verdict=Verdict.INVALID, reasons=("It broke.",))
    regression = Comparison(Change.WORSE, 0.05, (worse("p95", 10, 20), worse("p99", 10, 20)))
    cases = [
        (while_it_runs([BREACH], Counts(), FACTS), "BREACH  load · p95 < 250ms missed"),
        (at_the_end(("passed_again",), passed, None, FACTS, None), "PASS  shop · it is good again"),
        (
            at_the_end(("regression",), passed, regression, FACTS, None),
            "WORSE  load · p95 is worse than the baseline, and 1 more",
        ),
        (at_the_end(("aborted", "invalid"), broken, None, FACTS, None), "ABORTED  shop · It broke."),
        (broke_off("cannot connect\nmore", FACTS), "ABORTED  shop · cannot connect"),
        (of_a_test(FACTS), "TEST  shop · alerts arrive here"),
    ]  # fmt: skip
    assert [message.title for message, _ in cases] == [title for _, title in cases]
    aborting = while_it_runs([replace(BREACH, aborts=True)], Counts(), FACTS)
    assert "The run ends because of it." in aborting.sentences
    assert broke_off("cannot connect\nmore", FACTS).sentences[0] == "cannot connect."


def test_thresholds_that_are_missed_together_are_one_message() -> None:
    """An outage misses all of them; the one that ends the run is in the title, and each is remembered."""
    errors = Due("breach", "load", "error_rate < 1%", "9 of 10 failed", 33_000_000)
    message = while_it_runs([BREACH, errors], Counts(), FACTS)
    assert message.title == "BREACH  load · p95 < 250ms missed, and 1 more"
    assert message.about == ("breach: load: p95 < 250ms", "breach: load: error_rate < 1%")
    assert message.sentences[1:] == ("9 of 10 failed.", "They have been so for 33 s, and the run goes on.")
    ending = while_it_runs([BREACH, replace(errors, aborts=True)], Counts(), FACTS)
    assert (ending.title, ending.sentences[-1]) == (
        "BREACH  load · error_rate < 1% missed, and 1 more", "The run ends because of it.",
    )  # fmt: skip
    over = [replace(one, matter="recovered", evidence="good") for one in (BREACH, errors)]
    again = while_it_runs(over, Counts(), FACTS)
    assert (again.title, again.about, again.sentences[-1]) == (
        "RECOVERED  load · p95 < 250ms holds again, and 1 more", (), "They had been missed for 33 s.",
    )  # fmt: skip
    many = while_it_runs([replace(BREACH, expression=f"p{n} < 1ms") for n in range(50, 70)], Counts(), FACTS)
    assert "the run goes on" in prepared(many, str).sentences[-1]


def test_the_title_of_an_aborted_run_names_the_threshold_that_ended_it() -> None:
    """Others may have been missed meanwhile, and stand before it in the plan."""
    missed = tuple(
        replace(threshold(), expression=expression, verdict=Verdict.FAIL)
        for expression in ("p95 < 5ms", "error_rate < 1% for 3s, abort")
    )
    judged = replace(summary(scenario("find", thresholds=missed)), verdict=Verdict.FAIL)
    titles = [at_the_end((matter,), judged, None, FACTS, None).title for matter in ("aborted", "fail")]
    assert titles == [
        "ABORTED  find · error_rate < 1% for 3s, abort missed, and 1 more", "FAIL  find · p95 < 5ms missed, and 1 more",
    ]  # fmt: skip


def test_a_limit_on_times_that_failures_broke_says_so() -> None:
    """A figure far below the limit beside the word FAIL would be a riddle."""
    missed = tuple(
        replace(threshold(observed=observed), verdict=verdict)
        for observed, verdict in ((18.4, Verdict.FAIL), (612.0, Verdict.FAIL), (18.4, Verdict.PASS))
    )
    judged = replace(summary(scenario("find", thresholds=missed)), verdict=Verdict.FAIL)
    told = [one.observed for one in at_the_end(("fail",), judged, None, FACTS, None).thresholds]
    assert told == ["18.4 ms, but too many failed", "612 ms", "18.4 ms"]


def test_in_ci_the_page_of_the_job_is_told() -> None:
    """The path of a report on a runner that is gone by then helps nobody."""
    facts = replace(FACTS, job="https://ci.test/jobs/7")
    for message in (while_it_runs([BREACH], Counts(), facts), broke_off("it broke", facts), of_a_test(facts)):
        assert dict(message.facts)["Job"] == "https://ci.test/jobs/7"


HOSTILE = (
    "<!channel> <http://evil.test|x> @here *bold* `code` &amp; <script>alert(1)</script>\r\nBcc: x@y "
    "\u202etxt.exe\ud800"
)


def hostile(text: str) -> Message:
    """The text in every place."""
    return Message(
        ("fail",), ("fail",), "FAIL", text, (text,) * 50, (ThresholdLine("fail", text, text),) * 50,
        (Fact(text, text),) * 50, (Fact("Target", text),),
    )  # fmt: skip


def test_hostile_text_is_only_read() -> None:
    """No line of its own, nobody called, no link, no tag."""
    message = prepared(hostile(HOSTILE), str)
    assert not set(message.title) & set("\r\n\u202e")
    for text in (plain(message), slack(message)):
        assert "Bcc" not in [line.split(":")[0] for line in text.splitlines()]
    said = slack(message)
    in_the_open = re.sub("`[^`\n]*`", "", said)  # in code nothing is looked for
    assert not re.search(r"@\w|://", in_the_open)
    assert "<" not in said
    assert tags_of(html_page(message)) <= TAGS


@settings(max_examples=30)
@given(st.text(max_size=400), st.text(min_size=6, max_size=30))
def test_whatever_the_text_is(text: str, secret: str) -> None:
    """It is bounded, masked, and goes through UTF-8."""
    message = prepared(hostile(text + secret + text), Redactor([secret]))
    rendered = [message.title, plain(message), slack(message), html_page(message)]
    assert max(map(len, rendered)) < 90_000
    for one in rendered:
        one.encode()
    assert len(plain(message)) < 15_000
    assert "<" not in slack(message)
    assert tags_of(rendered[-1]) <= TAGS


def test_a_message_is_never_long() -> None:
    """Whatever there is to say, in characters that each format writes as several."""
    message = prepared(hostile("<@" * 2000), str)
    assert len(message.title) < 200
    assert (len(plain(message)), len(slack(message)), len(html_page(message))) < (15_000, 40_000, 90_000)


def test_secrets_are_masked() -> None:
    """Wherever they stand."""
    message = prepared(hostile("a s3cret-token b"), Redactor(["s3cret-token"]))
    assert "s3cret-token" not in message.title + plain(message) + slack(message) + html_page(message)


TAGS = {"html", "body", "h3", "p", "table", "tr", "td", "th"}


def tags_of(page: str) -> set[str]:
    """Which there are."""
    found = set()

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.add(tag)

    Parser().feed(page)
    return found
