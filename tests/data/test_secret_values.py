"""Many secret texts, masked in others."""

from hypothesis import given
from hypothesis import strategies as st

from loadworthy.data.secret_values import SecretValues
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
