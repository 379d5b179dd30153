"""Templates of a plan."""

from random import Random

import pytest

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
