"""Many secret texts, masked in others."""

from hypothesis import given
from hypothesis import strategies as st

from loadworthy.data.secret_values import SecretValues, masked_value, secret_names, secret_texts, without_secrets
from loadworthy.plan.redact import MASK


def test_secrets_are_masked_in_all_their_forms() -> None:
    """As they are, in a URL, in a form and in JSON; the longest where several begin at one place."""
    mask = SecretValues()
    for secret in ('pa"ss wörd&', "hunter22", "hunter22-long"):
        mask.add(secret)
    assert mask('wrong password hunter22-long! not "hunter22"') == 'wrong password ***! not "***"'
    assert mask("/login?p=pa%22ss%20w%C3%B6rd%26&x=1") == "/login?p=***&x=1"
    assert mask("p=pa%22ss+w%C3%B6rd%26") == "p=***"
    assert mask(r'{"p": "pa\"ss w\u00f6rd&"}') == '{"p": "***"}'


def test_what_says_nothing_is_left() -> None:
    """Short texts and flags occur everywhere."""
    mask = SecretValues()
    for text in ("abc", "true", "12345", ""):
        mask.add(text)
    assert mask("abc is true for 12345") == "abc is true for 12345"


def test_the_oldest_are_forgotten() -> None:
    """So that a run of millions of rows takes no more memory than this."""
    mask = SecretValues(most=2)
    for text in ("alpha-secret", "beta-secret", "gamma-secret", "gamma-secret"):
        mask.add(text)
    assert mask("alpha-secret beta-secret gamma-secret") == f"alpha-secret {MASK} {MASK}"


def test_a_form_that_two_have_in_common_stays_while_one_is_known() -> None:
    """``a b1`` is ``a+b1`` in a form; when it is forgotten, the other is not."""
    mask = SecretValues(most=1)
    for text in ("a b1", "a+b1"):
        mask.add(text)
    assert mask("a b1 a+b1 a%2Bb1 a%20b1") == f"a b1 {MASK} {MASK} a%20b1"


NESTED = {
    "email": "ann@x",
    "auth": {"user": "ann", "password": "open-sesame", "pins": {"pin_secret": 98765432}},
    "cards": [{"number": 7, "token": ["tok-1", {"x": "tok-2"}, None]}],
}


def test_what_looks_like_a_credential_is_found_at_any_depth() -> None:
    """All that is below a name that speaks of a secret, numbers too; shown with a mask, or left out."""
    assert set(secret_texts(NESTED)) == {"open-sesame", "98765432", "tok-1", "tok-2"}
    assert list(secret_names(NESTED)) == ["auth.password", "auth.pins.pin_secret", "cards.token"]
    assert masked_value(NESTED) == {
        "email": "ann@x",
        "auth": {"user": "ann", "password": MASK, "pins": {"pin_secret": MASK}},
        "cards": [{"number": 7, "token": MASK}],
    }
    assert without_secrets(NESTED) == {
        "email": "ann@x", "auth": {"user": "ann", "pins": {}}, "cards": [{"number": 7}],
    }  # fmt: skip


def test_rows_nested_too_deeply_show_nothing_they_should_not() -> None:
    """Nor do they exhaust the stack."""
    deep: dict[str, object] = {"password": "open-sesame"}
    for _ in range(5_000):
        deep = {"a": deep}
    assert list(secret_texts(deep)) == ["open-sesame"]
    assert "sesame" not in str(masked_value(deep)) + str(without_secrets(deep)) + str(list(secret_names(deep)))


SECRETS = st.text("abx ", min_size=4, max_size=7).filter(str.strip)  # blanks are nobody's password


@given(secrets=st.lists(SECRETS, max_size=6), around=st.text("abx ", max_size=20))
def test_no_secret_is_left(secrets: list[str], around: str) -> None:
    """Whatever else is in a text, and however they overlap."""
    mask = SecretValues()
    for secret in secrets:
        mask.add(secret)
    for secret in secrets:
        masked = mask(f"{around}{secret}{around}")
        assert all(one not in masked for one in secrets)
