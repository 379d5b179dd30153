"""Plans for tests: good ones, and a way to see what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from loadworthy.errors import PlanError, Problem
from loadworthy.plan.load import LoadedPlan, load_plan

FRAMEWORK_PLAN = """\
base_url: "http://localhost:8000"

scenarios:
  smoke:
    description: "Quick smoke test"
    users: 1
    spawn_rate: 1
    run_time: "30s"
    thresholds:
      response_time_p95: 1000  # ms
      error_rate: 0.01  # 1%
      throughput: 5  # req/s

alerting:
  enabled: true
  email:
    enabled: true
    smtp_server: "smtp.example.com"
    smtp_port: 587
    username: "user@example.com"
    password: "your-password"
    from_addr: "perf-tests@example.com"
    to_addrs:
      - "team@example.com"
"""
"""The smallest plan of a team that has its behaviour elsewhere; it must load exactly as it stands."""

FULL_PLAN = """\
name: shop
base_url: https://tester:pa55-word@shop.example:8443/v1
seed: 7
timeout: 10s
stop_timeout: 1.5s
max_body: 10MB
verify_tls: false
test_data:
  accounts:
    - {user: ann, password: open-sesame}
    - {user: bob, password: open-barley}
  goods:
    rows: [{id: 1}, {id: 2}]
    order: random
    per: iteration
monitors:
  - prometheus: /metrics
    metrics: [process_open_fds, 'pool{state="out",kind!~"x.*"}']
    every: 500ms
  - process: {port: 8443}
reporting:
  title: Shop
locust:
  stop_timeout: 3
scenarios:
  browse:
    kind: stress
    description: Looks around
    wait_time: 1s-3s
    headers: {Accept: application/json}
    on_start:
      - path: /login
        method: POST
        form: {user: "{{ accounts.user }}", password: "{{ accounts.password }}"}
        extract: {token: $.token, at: "header:Location", jar: "cookie:session", found: "regex:id=(\\\\d+)"}
    endpoints:
      - path: /goods
        query: {page: 1, tag: [a, b], all: true}
        weight: 3
        expect: {status: [200, 304], json: {"$.items[0].id": null, $.ok: true}, text: [goods, shop]}
      - path: /goods/{{ goods.id }}
        name: /goods/[id]
        headers: {Authorization: "Bearer {{ token }}"}
        timeout: 250ms
        allow_redirects: false
        expect: {status: 200, text: name}
    stages:
      - {duration: 1m, ramp_to: 50}
      - {duration: 90s, users: 50}
    thresholds:
      - GET /goods p99 < 1s
      - error_rate: 0.01
  buy:
    users: 4
    spawn_rate: 30/min
    run_time: 1m30s
    iterations: 1000
    thresholds: {response_time_p99.9: 2s, throughput: 5}
    roles:
      buyer:
        weight: 2
        wait_time: 0.5
        flow:
          - {path: /cart, method: PUT, json: {id: 1, tags: [a, {b: null}], price: 1.5}}
          - {path: "https://pay.example/{{ uuid() }}", method: POST, body: "<pay/>"}
          - path: /receipts
            method: POST
            multipart:
              shop: 7
              tags: [a, {json: {b: 1}, filename: b.json, type: text/json}]
              picture: {size: 2kB, filename: "{{ uuid() }}.png"}
              key: {base64: aGVsbG8=}
      watcher:
        endpoints:
          - path: "{{ uuid() }}"
    monitors:
      - process: {name: shopd}
        every: 2
      - postgres: postgresql://watcher:pa55-word@db.example/shop
  code:
    locustfile: users.py
    user_classes: [Reader]
    users: 2
"""
"""A plan that uses every key of the model."""


def write_plan(directory: Path, text: str, name: str = "plan.yaml") -> Path:
    """A plan file of this text."""
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def load_text(
    directory: Path,
    text: str,
    name: str = "plan.yaml",
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> LoadedPlan:
    """The plan that this text is."""
    return load_plan(write_plan(directory, text, name), environ=environ or {}, overrides=overrides)


def problems_of(
    directory: Path,
    text: str,
    name: str = "plan.yaml",
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> tuple[Problem, ...]:
    """What is wrong with it; it must be something."""
    with pytest.raises(PlanError) as caught:
        load_text(directory, text, name, environ, overrides)
    assert caught.value.problems
    return caught.value.problems
