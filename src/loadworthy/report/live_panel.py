"""What the live view shows, line by line: what matters first, and in a small terminal that alone.

Each line has a :class:`~loadworthy.report.layout.Rank`. Where it is, what it does now and the figures stay to the last,
beside thresholds that are missed and a generator that was warned of. As there are fewer lines, these go one after the
other: more of what is there already, blank lines, older messages, the busiest series, the throughput over time, the p99
over time, what holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from loadworthy.analysis.thresholds import format_value
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.layout import ELLIPSIS, Rank, Row, cut_middle, fitted_rows, flowed, folded_at_words
from loadworthy.report.live_figures import busiest_series, last_minutes, last_seconds
from loadworthy.report.live_search import known_words, last_words, now_words
from loadworthy.report.live_stage import clock, left_words
from loadworthy.report.progress import Phase, Progress, Running
from loadworthy.report.terminal import MARKS, MAX_WIDTH, STYLES, bar, plain
from loadworthy.units import US_PER_S, format_count

_LINES_OF_MESSAGE = 3
_WIDE = 60
"""From here on there is room for a margin of two."""
_BAR_WIDTH, _LEAST_BAR = 40, 8
_LEAST_NAME = 8
"""Of a name, so much comes before words that are good to have."""

_WORDS = {
    Verdict.PASS: "holds",
    Verdict.FAIL: "missed",
    Verdict.UNDECIDED: Verdict.UNDECIDED.value,
    Verdict.INVALID: Verdict.INVALID.value,
}
_GENERATOR = "generator"
_GENERATOR_MARKS = {**MARKS, Verdict.UNDECIDED: "!", Verdict.INVALID: "✗"}
_ENDED = {
    "completed": "its time is up",
    "iterations": "all iterations are done",
    "users_stopped": "all users stopped by themselves",
    "interrupted": "it was asked to stop",
    "aborted": "a threshold was missed that ends the run",
    "workers_lost": "no worker is left",
}
"""Why a scenario ended."""


class Panel:
    """All that the live view shows, as wide as there is room and no taller than the terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from panel_lines(self._progress, options.max_width, options.size.height)


def panel(progress: Progress) -> Panel:
    """All that the live view shows."""
    return Panel(progress)


def panel_lines(progress: Progress, width: int, height: int) -> list[Text]:
    """The lines of the panel: at most ``height`` of them, each at most ``width`` characters."""
    margin = 2 if width >= _WIDE else 1 if width >= _WIDE // 2 else 0
    room = max(min(width, MAX_WIDTH) - 2 * margin, 1)
    lines = fitted_rows([row for section in _sections(progress, room) for row in section], height)
    for line in lines:
        line.truncate(room, overflow="ellipsis")
    return [Text(" " * margin, no_wrap=True).append_text(line) for line in lines]


def _sections(progress: Progress, width: int) -> Iterator[list[Row]]:
    """Parts of the panel, each after a blank line."""
    blank = Row(Text(), Rank.BLANK)
    yield [blank, *_where(progress, width), *_doing(progress, width)]
    for section in (
        last_seconds(progress, width),
        last_minutes(progress, width),
        (*_thresholds(progress, width), *_generator(progress, width)),
        busiest_series(progress, width),
        _messages(progress, width),
    ):
        if rows := list(section):
            yield [blank, *rows]


# Where it is, and what it does now.


def _where(progress: Progress, width: int) -> Iterator[Row]:
    far = _how_far(progress)
    name = plain(progress.title)
    words = f"{far.brief}{far.more}"
    if width - len(words) - 2 < min(cell_len(name), _LEAST_NAME):
        words = far.brief
    words = f"  {words}" if words else ""
    room = width - len(words)
    line = Text(name, style="bold")
    line.truncate(max(room, 1), overflow="ellipsis")
    bar_width = min(room - line.cell_len - 2, _BAR_WIDTH)
    if far.share is not None and bar_width >= _LEAST_BAR:
        line = Text.assemble(line, "  ", bar(far.share, bar_width))
    yield Row(Text.assemble(line, words), Rank.HEAD)


class _HowFar(NamedTuple):
    """The share that is done, None where it is not known; the same in words, and what is added where there is room."""

    share: float | None
    brief: str
    more: str


def _how_far(progress: Progress) -> _HowFar:
    elapsed_s = progress.elapsed_us / US_PER_S
    if progress.planned_us is not None:
        planned_s = progress.planned_us / US_PER_S
        about = "about " if any(one.search for one in progress.shown) else ""
        is_over = progress.phase is Phase.STOPPING
        brief = clock(elapsed_s) if is_over else f"{about}{clock(planned_s - elapsed_s)} left"
        return _HowFar(min(elapsed_s / planned_s, 1.0) if planned_s else 1.0, brief, f" of {clock(planned_s)}")
    if progress.phase is Phase.STARTING or not progress.shown:
        return _HowFar(None, "", "")
    one = progress.shown[0]
    spec, totals = progress.plan.scenarios.get(one.name), progress.totals_of(one)
    if spec is not None and spec.iterations and len(progress.shown) == 1:
        done = min(totals.iterations if totals is not None else 0, spec.iterations)
        brief = f"{format_count(done)} of {format_count(spec.iterations)}"
        return _HowFar(done / spec.iterations, brief, f" iterations, {clock(elapsed_s)}")
    return _HowFar(None, clock(elapsed_s), ", until Ctrl-C")


def _doing(progress: Progress, width: int) -> Iterator[Row]:
    if progress.phase is Phase.WAITING:
        joined = [f"{progress.joined} joined"] if progress.joined else []
        yield from _words([progress.waits_for, *joined], width)
    elif progress.phase is Phase.STOPPING:
        why = _ENDED.get(progress.end_reason or "", "it is over")
        yield from _words([f"stopping: {why}", "what is under way comes to its end"], width)
    for one in progress.shown:
        name = f"{one.name}: " if len(progress.shown) > 1 else ""
        if one.search is not None:
            yield from _search(one, name, progress, width)
        elif progress.phase is Phase.RUNNING and (parts := _stage(progress, one)):
            yield from _words([f"{name}{parts[0]}", *parts[1:]], width)


def _words(parts: Sequence[str], width: int, style: str = "bold") -> Iterator[Row]:
    for line in flowed((plain(part) for part in parts), width):
        yield Row(Text(line, style=style), Rank.HEAD)


def _stage(progress: Progress, running: Running) -> list[str]:
    """``stage 2 of 4: ramping to 200 users``, and how long that still takes."""
    found = progress.span_of(running)
    if found is None:
        return ["users as the load shape of the locustfile says"] if running.is_shaped else []
    index, span = found
    spec = progress.plan.scenarios[running.name]
    stage = f"stage {index + 1} of {len(spec.stages)}: " if len(spec.stages) > 1 else ""
    by_hand = f", {running.factor:g} times that by hand" if running.factor != 1 else ""
    is_whole = span.end_us is None or span.end_us == progress.planned_us
    left = None if is_whole and not stage else left_words(span.end_us, progress.elapsed_us)
    return [f"{stage}{span.words}{by_hand}", *([left] if left else [])]


def _search(running: Running, name: str, progress: Progress, width: int) -> Iterator[Row]:
    search = running.search
    if search is None:
        return
    if progress.phase is Phase.RUNNING:
        left = left_words(search.end_us, progress.elapsed_us)
        now = [f"{name}{now_words(running)}", *([left] if left else [])]
        yield from _words([*now, known_words(search)], width)
    if words := last_words(running, name):
        lines = folded_at_words(words, width)
        for place, line in enumerate(lines, 1):
            rank = Rank.SIGNAL if place == 1 else Rank.NEWS
            yield Row(Text(line, style="dim"), rank, goes_on=place < len(lines))


# How it stands.


def _thresholds(progress: Progress, width: int) -> Iterator[Row]:
    """A light for each: a mark, a word, the colour of both; what was observed where there is room for it."""
    results = progress.thresholds()
    several = len(progress.shown) > 1
    texts = [plain(f"{name}: {one.expression}" if several else one.expression) for name, one in results]
    word_width = _light_width(width, [_WORDS[one.verdict] for _, one in results])
    lights = [f"{MARKS[one.verdict]} {_WORDS[one.verdict]:<{word_width}}  " for _, one in results]
    observed = [format_value(one.observed, one.unit) for _, one in results]
    room = width - word_width - 4
    widest = min(max((cell_len(text) for text in texts), default=0), room)
    has_room = widest + 2 + max((len(value) for value in observed), default=0) <= room
    for (_, one), light, text, value in zip(results, lights, texts, observed, strict=True):
        shown = cut_middle(text, room)
        line = Text.assemble((light, f"bold {STYLES[one.verdict]}"), shown)
        if has_room:
            line.append(f"{' ' * (widest - cell_len(shown))}  {value}", style="dim")
        yield Row(line, Rank.SIGNAL if one.verdict is Verdict.FAIL else Rank.CALM)


def _light_width(width: int, words: Sequence[str]) -> int:
    """Of the words beside the lights: in a narrow terminal they do not stand below each other with the generator's."""
    return max((len(word) for word in words if width < _WIDE), default=len(_GENERATOR))


def _generator(progress: Progress, width: int) -> Iterator[Row]:
    light = progress.generator
    state, *readings = light.words()
    rank = Rank.CALM if light.verdict is Verdict.PASS else Rank.SIGNAL
    mark = f"{_GENERATOR_MARKS[light.verdict]} {_GENERATOR}  "
    first, *more = flowed([state, *readings], width - len(mark))
    yield Row(Text.assemble((mark, f"bold {STYLES[light.verdict]}"), first), rank)
    yield from (Row(Text(f"{'':{len(mark)}}{line}"), Rank.MORE) for line in more)


def _messages(progress: Progress, width: int) -> Iterator[Row]:
    """The last few; of the latest as much as there is room for."""
    for age, message in reversed(list(enumerate(reversed(progress.messages)))):
        lines = folded_at_words(message, width)
        kept = lines[:_LINES_OF_MESSAGE]
        if len(lines) > len(kept):
            kept[-1] = set_cell_size(kept[-1], min(cell_len(kept[-1]), width - 1)) + ELLIPSIS
        for place, line in enumerate(kept):
            rank = Rank.MORE if place and (age or place > 1) else Rank.OLD_NEWS if age or place else Rank.NEWS
            yield Row(Text(line, style="yellow"), rank, goes_on=place + 1 < len(kept))
