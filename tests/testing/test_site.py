"""Which answer a request gets."""

import json

from loadworthy.testing import Delay, Route
from loadworthy.testing.site import Answer, Site


def ask(site: Site, target: str, method: str = "GET", authorization: bytes = b"", body: bytes = b"") -> Answer:
    return site.answer(method, target, "", authorization, body)


def test_exact_paths_come_before_prefixes_and_the_first_that_fits_answers() -> None:
    """The query does not matter; a wrong method is 405 and an unknown path 404."""
    site = Site([Route("/a/*", status=201), Route("/a/b", status=202), Route("/a/c", method="POST", status=203)], 1)
    assert ask(site, "/a/b?x=1").status == 202
    assert ask(site, "/a/z").status == 201
    assert ask(site, "/a/c", method="POST").status == 203
    assert ask(site, "/a/c").status == 405
    assert ask(site, "/b").status == 404


def test_a_get_route_answers_head() -> None:
    """As every web server does."""
    site = Site([Route("/a", method="GET", body_bytes=3)], 1)
    assert ask(site, "/a", method="HEAD").status == 200


def test_the_same_seed_gives_the_same_delays_and_failures_whatever_other_routes_do() -> None:
    """Each route draws from a stream of its own."""
    routes = [Route("/a", delay=Delay.exponential(5), failure_share=0.3), Route("/b", delay=Delay.exponential(5))]
    quiet, busy, other = Site(routes, 7), Site(routes, 7), Site(routes, 8)
    first = [ask(quiet, "/a")[0::3] for _ in range(200)]
    second = []
    for _ in range(200):
        ask(busy, "/b")
        second.append(ask(busy, "/a")[0::3])
    assert first == second
    assert first != [ask(other, "/a")[0::3] for _ in range(200)]
    assert [status for status, _ in first].count(500) in range(35, 86)  # 60 expected; 4 standard deviations


def test_tokens_are_issued_and_demanded() -> None:
    """A made-up token is as good as none."""
    site = Site([Route("/login", method="POST", issues_token=True), Route("/secret", needs_token=True)], 1)
    assert ask(site, "/secret").status == 401
    assert ask(site, "/secret", authorization=b"Bearer made-up").status == 401
    token = json.loads(ask(site, "/login", method="POST").body)["token"]
    assert ask(site, "/secret", authorization=f"Bearer {token}".encode()).status == 200


def test_bodies_headers_and_cookies() -> None:
    """The head tells the length; 204 has neither body nor length."""
    site = Site(
        [
            Route("/json", json={"a": [1]}, headers={"X-One": "1"}, set_cookies=("s=1; Path=/", "t=2")),
            Route("/echo", echo=True),
            Route("/none", status=204, body_bytes=5),
        ],
        1,
    )
    answer = ask(site, "/json")
    assert json.loads(answer.body) == {"a": [1]}
    assert b"Content-Length: 10\r\n" in answer.head
    assert b"X-One: 1\r\nSet-Cookie: s=1; Path=/\r\nSet-Cookie: t=2\r\n" in answer.head
    assert ask(site, "/echo", body=b"hello").body == b"hello"
    assert (ask(site, "/none").body, b"Length" in ask(site, "/none").head) == (b"", False)


def test_only_what_never_changes_is_a_fixed_answer() -> None:
    """Chance, time, tokens and the request's own body make an answer another one each time."""
    routes = [
        Route("/plain", body_bytes=3),
        Route("/delay", delay=Delay.fixed(1)),
        Route("/chance", failure_share=0.1),
        Route("/secret", needs_token=True),
        Route("/login", issues_token=True),
        Route("/echo", echo=True),
    ]
    site = Site(routes, 1)
    assert site.fixed("GET", "/plain?a=1") == ask(site, "/plain")
    assert [site.fixed("GET", route.path) for route in routes[1:]] == [None] * 5
    assert site.fixed("GET", "/nowhere") is None
