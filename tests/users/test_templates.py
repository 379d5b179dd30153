"""Templates of a plan."""

from random import Random

import pytest

from loadworthy.users import templates
from loadworthy.users.templates import TemplateFailedError, Templates, functions, resolve


def test_text_without_a_template_stays_the_same_object() -> None:
    """What does not vary costs nothing at run time."""
    source = "/contacts"
    assert Templates().text(source) is source


def test_text_is_filled_from_variables() -> None:
    """Rows and extracted values are reached by their names."""
    rendered = resolve(Templates().text("/u/{{ user.email }}/{{ id }}"), {"user": {"email": "a@b"}, "id": 7})
    assert rendered == "/u/a@b/7"


def test_a_value_that_is_one_expression_keeps_its_type() -> None:
    """``"{{ id }}"`` in a JSON body is a number when id is one; mixed text is text."""
    compiled = Templates().value({"id": "{{ id }}", "name": "n{{ id }}", "tags": ["{{ id }}", "x"], "fixed": 1})
    assert resolve(compiled, {"id": 7}) == {"id": 7, "name": "n7", "tags": [7, "x"], "fixed": 1}


def test_two_expressions_in_one_value_are_text() -> None:
    """Only a value that is exactly one expression keeps its type."""
    assert resolve(Templates().value("{{ a }}{{ b }}"), {"a": 1, "b": 2}) == "12"


@pytest.mark.parametrize("source", ["{{ missing }}", "x{{ user.missing }}", "{{ 1 / zero }}"])
def test_what_cannot_be_filled_is_an_error_that_names_the_template(source: str) -> None:
    """An undefined name never becomes an empty string."""
    with pytest.raises(TemplateFailedError, match="template"):
        resolve(Templates().value(source), {"user": {}, "zero": 0})


def test_lists_of_query_values_are_filled_one_by_one() -> None:
    """A query may repeat a key."""
    compiled = Templates().texts({"tag": ["{{ a }}", "b"], "page": 2})
    assert resolve(compiled, {"a": "x"}) == {"tag": ["x", "b"], "page": "2"}


def test_the_sandbox_keeps_templates_away_from_internals() -> None:
    """A plan cannot reach Python's internals through an attribute."""
    with pytest.raises(TemplateFailedError):
        resolve(Templates().text("{{ ''.__class__.__mro__[1].__subclasses__() }}"), {})


def test_functions_draw_from_the_users_own_random_numbers() -> None:
    """The same seed gives the same uuid, number and choice."""
    source = "{{ uuid() }} {{ random_int(1, 1000) }} {{ random_choice(['a', 'b', 'c']) }}"
    first, second = (resolve(Templates().text(source), functions(Random(5))) for _ in range(2))
    other = resolve(Templates().text(source), functions(Random(6)))
    assert first == second != other


def test_the_time_and_the_day_may_be_shifted(monkeypatch: pytest.MonkeyPatch) -> None:
    """In UTC, as APIs take them; a booking needs a day that is still to come."""
    monkeypatch.setattr(templates, "wall_s", lambda: 1_795_183_509.12)
    source = (
        "{{ now() }} {{ now(-60) }} {{ now(86400.5) }} {{ today() }} {{ today(30) }} {{ today(-1) }} {{ now_ms() }}"
    )
    assert resolve(Templates().text(source), functions(Random(5))).split() == [
        "2026-11-20T14:05:09.120Z", "2026-11-20T14:04:09.120Z", "2026-11-21T14:05:09.620Z",
        "2026-11-20", "2026-12-20", "2026-11-19", "1795183509120",
    ]  # fmt: skip


@pytest.mark.parametrize("source", ["{{ now(1e30) }}", "{{ today(10 ** 12) }}", "{{ today('soon') }}"])
def test_a_time_that_there_is_not_is_an_error(source: str) -> None:
    """Beyond the calendar, or no number."""
    with pytest.raises(TemplateFailedError, match="template"):
        resolve(Templates().text(source), functions(Random(5)))


@pytest.mark.parametrize("given", [3, [], None, {"a": 1}])
def test_a_choice_of_nothing_says_what_it_takes(given: object) -> None:
    """A path that took one id where a list was meant is a common mistake."""
    with pytest.raises(TemplateFailedError, match=r"random_choice\(\) takes a list with an entry or more"):
        resolve(Templates().value("{{ random_choice(ids) }}"), {**functions(Random(5)), "ids": given})


@pytest.mark.parametrize("column", ["items", "values", "keys", "copy", "get", "pop", "update"])
def test_a_column_goes_before_a_method_of_the_same_name(column: str) -> None:
    """In a text and in a value, and also for what was extracted."""
    variables = {"order": {column: "lamp", "more": {column: 3}}}
    assert resolve(Templates().text(f"/x/{{{{ order.{column} }}}}"), variables) == "/x/lamp"
    assert resolve(Templates().value(f"{{{{ order.more.{column} }}}}"), variables) == 3


def test_mappings_have_their_methods_still() -> None:
    """Where no column is called so."""
    variables = {"order": {"lamp": 3}}
    assert resolve(Templates().text("{{ order.get('chair', 0) }}{{ order.keys() | list }}"), variables) == "0['lamp']"


def test_carriage_returns_stay() -> None:
    """Those of the text around expressions."""
    assert resolve(Templates().text("a\r\n{{ x }}\r\n{% if x %}b\r{% endif %}"), {"x": 1}) == "a\r\n1\r\nb\r"
