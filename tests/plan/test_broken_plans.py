"""Broken plans: each mistake is reported with its file, its line, the offending value and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.plans import problems_of

HEAD = "scenarios:\n  load:\n"
SOCKET = "scenarios:\n  load:\n    flow:\n      - websocket: {path: /x}\n      - "
STEP = "scenarios:\n  load:\n    endpoints:\n      - path: /x\n"

# (text, line, where, part of the message, part of the hint)
YAML_TABLE = [
    # keys
    ("base_ur: http://x\nscenarios: {a: {}}", 1, "base_ur", '"base_ur"', "did you mean base_url?"),
    ("host: http://x\nscenarios: {a: {}}", 1, "host", '"host"', "did you mean base_url?"),
    ("scenarios: {a: {}}\nzzz: 1", 2, "zzz", '"zzz"', "accepted here: name, base_url, scenarios"),
    (HEAD + "    spawn-rate: 1", 3, "scenarios.load.spawn-rate", '"spawn-rate"', "did you mean spawn_rate?"),
    (HEAD + "    duration: 1m", 3, "scenarios.load.duration", '"duration"', "did you mean run_time?"),
    (STEP + "        Weight: 2", 5, "scenarios.load.endpoints[0].Weight", '"Weight"', "did you mean weight?"),
    (STEP + "        expect:\n          stats: 2", 6, "scenarios.load.endpoints[0].expect.stats", "stats", "status"),
    ("scenarios: {a: {}}\nalerting:\n  mail: {}", 3, "alerting.mail", '"mail"', "did you mean email?"),
    ("base_url: http://x", 1, "scenarios", "scenarios is missing", "Run one after another"),
    (HEAD + "    endpoints:\n      - name: x", 4, "scenarios.load.endpoints[0].path", "path is missing", "base URL"),
    (
        HEAD + "    users: 1\n    run_time: 1m\n    users: 2",
        5,
        "scenarios.load.users",
        "twice; first on line 3",
        "remove",
    ),
    (HEAD + "    users: 1\n  load:\n    users: 2", 4, "scenarios.load", "twice; first on line 2", "remove"),
    # kinds of values
    (HEAD + "    users: many", 3, "scenarios.load.users", '"many" is not a whole number', ""),
    (HEAD + "    users: 1.5", 3, "scenarios.load.users", "1.5 is not a whole number", ""),
    (HEAD + "    users: true", 3, "scenarios.load.users", "true and false are not numbers", ""),
    (HEAD + "    users: 0", 3, "scenarios.load.users", "0 is too small: it must be at least 1", ""),
    (HEAD + "    users: [1]", 3, "scenarios.load.users", "[1] is not a whole number", ""),
    (HEAD + "    iterations: -3", 3, "scenarios.load.iterations", "-3 is too small", ""),
    (HEAD + "    run_time: 10x", 3, "scenarios.load.run_time", "'10x' is not a duration", "500ms, 30s"),
    (HEAD + "    run_time: 0s", 3, "scenarios.load.run_time", '"0s" is too small', ""),
    (HEAD + "    run_time: -5", 3, "scenarios.load.run_time", "cannot be -5", ""),
    (HEAD + "    run_time: 9000h", 3, "scenarios.load.run_time", "longer than a year", ""),
    (HEAD + "    run_time: {s: 1}", 3, "scenarios.load.run_time", "a number or text with a unit", ""),
    (HEAD + "    run_time: 1e305", 3, "scenarios.load.run_time", "too large", ""),
    (HEAD + "    users: 1\n    spawn_rate: fast", 4, "scenarios.load.spawn_rate", "'fast' is not a rate", "200/s"),
    (HEAD + "    users: 1\n    spawn_rate: 0", 4, "scenarios.load.spawn_rate", "0 is too small", ""),
    (HEAD + "    kind: laod", 3, "scenarios.load.kind", '"laod" is not one of', "did you mean load?"),
    (HEAD + "    wait_time: 3s-1s", 3, "scenarios.load.wait_time", "the shorter time comes first: 1s-3s", ""),
    (HEAD + "    wait_time: soon", 3, "scenarios.load.wait_time", "'soon' is not a duration", "500ms"),
    (HEAD + "    wait_time: {low_us: -1, high_us: 2}", 3, "scenarios.load.wait_time.low_us", "-1 is too small", ""),
    (HEAD + "    user_classes: Reader", 3, "scenarios.load.user_classes", '"Reader" is not a list', "write a list"),
    (HEAD, 2, "scenarios.load", "it has no value", "or remove the key"),
    ("scenarios: {}", 1, "scenarios", "it is empty", "at least one entry"),
    ("scenarios: [load]", 1, "scenarios", "is not a mapping", "key: value"),
    ("verify_tls: maybe\nscenarios: {a: {}}", 1, "verify_tls", '"maybe" is not true or false', ""),
    ("max_body: 3 furlongs\nscenarios: {a: {}}", 1, "max_body", "'3 furlongs' is not a size", "64KiB"),
    ("seed: x\nscenarios: {a: {}}", 1, "seed", '"x" is not a whole number', ""),
    # requests
    (STEP + "        method: get", 5, "scenarios.load.endpoints[0].method", '"get" is not one of', "did you mean GET?"),
    (STEP + "        method: FETCH", 5, "scenarios.load.endpoints[0].method", '"FETCH" is not one of', ""),
    (
        STEP + "        weight: -1",
        5,
        "scenarios.load.endpoints[0].weight",
        "-1 is too small: it must be more than 0",
        "",
    ),
    (STEP + "        weight: .inf", 5, "scenarios.load.endpoints[0].weight", '".inf" is not a', ""),
    (STEP + "        expect: {status: 999}", 5, "scenarios.load.endpoints[0].expect.status", "999 is too large", ""),
    (
        STEP + "        expect: {status: [200, x]}",
        5,
        "scenarios.load.endpoints[0].expect.status[1]",
        '"x" is not a',
        "",
    ),
    (
        STEP + "        expect: {status: ok}",
        5,
        "scenarios.load.endpoints[0].expect.status",
        "whole number or a list",
        "",
    ),
    (
        STEP + '        expect: {json: {"$.a[": 1}}',
        5,
        'scenarios.load.endpoints[0].expect.json."$.a["',
        "JSON path",
        "$.items",
    ),
    (
        STEP + "        expect: {json: {id: 1}}",
        5,
        "scenarios.load.endpoints[0].expect.json.id",
        "start with $",
        "$.items",
    ),
    (
        STEP + "        query: {a: {b: 1}}",
        5,
        "scenarios.load.endpoints[0].query.a",
        "is not text or a whole number",
        "",
    ),
    (STEP + "        headers: {X: null}", 5, "scenarios.load.endpoints[0].headers.X", "it has no value", ""),
    (STEP + "        headers: {X: [1]}", 5, "scenarios.load.endpoints[0].headers.X", "[1] is not text", ""),
    (
        STEP + '        headers: {"X Y": a}',
        5,
        'scenarios.load.endpoints[0].headers."X Y"',
        '"X Y" is not the name',
        "no spaces",
    ),
    (
        STEP + '        headers: {X: "a\\nb"}',
        5,
        "scenarios.load.endpoints[0].headers.X",
        '"a\\nb" holds a line break',
        "one line",
    ),
    (
        STEP + "        json: {a: 1}\n        body: x",
        6,
        "scenarios.load.endpoints[0].body",
        "json and body exclude",
        "one body",
    ),
    (
        STEP + '        json:\n          a: "{{ x"',
        6,
        "scenarios.load.endpoints[0].json.a",
        '"{{ x" is not a template',
        "{{ name }}",
    ),
    (
        STEP + "        extract: {a: id}",
        5,
        "scenarios.load.endpoints[0].extract.a",
        '"id" does not say where',
        "header:Name",
    ),
    (
        STEP + "        extract: {a: '$.['}",
        5,
        "scenarios.load.endpoints[0].extract.a",
        '"$.[" is not a JSON path',
        "$.items",
    ),
    (
        STEP + "        extract: {a: 'header:'}",
        5,
        "scenarios.load.endpoints[0].extract.a",
        "does not name a header",
        "Location",
    ),
    (
        STEP + "        extract: {a: 'cookie:'}",
        5,
        "scenarios.load.endpoints[0].extract.a",
        "does not name a cookie",
        "session",
    ),
    (
        STEP + "        extract: {a: 'regex:('}",
        5,
        "scenarios.load.endpoints[0].extract.a",
        "not a regular expression",
        "",
    ),
    (STEP + "        extract: {a: 'regex:'}", 5, "scenarios.load.endpoints[0].extract.a", "has no pattern", ""),
    (STEP + "        extract: {a: 'regex:(a)(b)'}", 5, "scenarios.load.endpoints[0].extract.a", "one group", "(?:"),
    (
        STEP + "        extract: {user-id: $.id}",
        5,
        "scenarios.load.endpoints[0].extract.user-id",
        '"user-id"',
        "{{ name }}",
    ),
    (
        STEP + "        extract: {uuid: $.id}",
        5,
        "scenarios.load.endpoints[0].extract.uuid",
        "templates have already",
        "another",
    ),
    (
        HEAD + "    flow:\n      - path: contacts",
        4,
        "scenarios.load.flow[0].path",
        '"contacts"',
        "did you mean /contacts?",
    ),
    (HEAD + "    flow:\n      - path: ftp://x/", 4, "scenarios.load.flow[0].path", '"ftp://x/"', "http://"),
    (
        HEAD + "    flow:\n      - path: {{ x }}",
        4,
        "",
        "a key must be text",
        "quotes round a value that starts with {{",
    ),
    (
        HEAD + "    headers: {A: '{{ x | uper }}'}\n",
        3,
        "scenarios.load.headers.A",
        "no filter uper; did you mean upper?",
        "",
    ),
    (HEAD + "    headers: {A: '{{ x is nice }}'}\n", 3, "scenarios.load.headers.A", "there is no test nice", ""),
    (HEAD + "    headers: {A: '{% if %}'}\n", 3, "scenarios.load.headers.A", "is not a template", ""),
    # steps about WebSockets
    (
        HEAD + "    flow:\n      - path: /x\n        ping: {}",
        5,
        "scenarios.load.flow[0].ping",
        "path and ping exclude each other",
        "write two steps",
    ),
    (
        SOCKET + "send: {text: a}\n        wait: 1s",
        6,
        "scenarios.load.flow[1].wait",
        "send and wait exclude each other",
        "write two steps",
    ),
    (
        HEAD + "    flow:\n      - websocket: {path: /x}\n        headers: {A: b}",
        5,
        "scenarios.load.flow[0].headers",
        "headers belongs to a request with a path",
        "stand below websocket:",
    ),
    (SOCKET + "wait: 1s\n        name: x", 6, "scenarios.load.flow[1].name", "name belongs to a request", "remove it"),
    (SOCKET + "ping:", 5, "scenarios.load.flow[1].ping", "it has no value", "write ping: {}"),
    (SOCKET + "send:", 5, "scenarios.load.flow[1].send", "it has no value", "or remove the key"),
    (SOCKET + "sent: {text: a}", 5, "scenarios.load.flow[1].sent", "no key", "did you mean send?"),
    (SOCKET + "send: {binary: a, text: b}", 5, "scenarios.load.flow[1].send.binary", "no key", "did you mean base64?"),
    (SOCKET + "send: {}", 5, "scenarios.load.flow[1].send", "it needs one of text, json, base64, size", "a message"),
    (
        SOCKET + "request:\n          name: x\n          text: a\n          json: {}",
        8,
        "scenarios.load.flow[1].request.json",
        "text and json exclude each other",
        "a message is one of",
    ),
    (SOCKET + "request: {text: a}", 5, "scenarios.load.flow[1].request.name", "name is missing", "The series"),
    (SOCKET + "send: {base64: a}", 5, "scenarios.load.flow[1].send.base64", "it is not base64", "aGVsbG8="),
    (SOCKET + "send: {size: 5 miles}", 5, "scenarios.load.flow[1].send.size", "is not a size", "64KiB"),
    (SOCKET + "send: {text: '{{ nix }}'}", 5, "scenarios.load.flow[1].send.text", "uses nix", "uuid"),
    (SOCKET + "send: {json: {a: '{{ x'}}", 5, "scenarios.load.flow[1].send.json.a", "is not a template", "{{ name }}"),
    (
        SOCKET + "request: {name: x, text: a, match: {id: 1}}",
        5,
        "scenarios.load.flow[1].request.match.id",
        "must start with $",
        "$.items",
    ),
    (
        SOCKET + "request: {name: x, text: a, expect: {status: 200}}",
        5,
        "scenarios.load.flow[1].request.expect.status",
        "no key",
        "accepted here: json, text",
    ),
    (
        SOCKET + "request: {name: x, text: a, expect: {json: {id: 1}}}",
        5,
        "scenarios.load.flow[1].request.expect.json.id",
        "must start with $",
        "$.items",
    ),
    (
        SOCKET + "request: {name: x, text: a, extract: {a: 'header:X'}}",
        5,
        "scenarios.load.flow[1].request.extract.a",
        "a message has no headers",
        "regex:pattern",
    ),
    (
        SOCKET + "request: {name: x, text: a, extract: {uuid: $.id}}",
        5,
        "scenarios.load.flow[1].request.extract.uuid",
        "templates have already",
        "another",
    ),
    (
        SOCKET + "expect_push: {name: x, stamp: at}",
        5,
        "scenarios.load.flow[1].expect_push.stamp",
        '"at" is not a JSON path',
        "$.sent_at",
    ),
    (SOCKET + "expect_push: {name: x, count: 0}", 5, "scenarios.load.flow[1].expect_push.count", "0 is too small", ""),
    (SOCKET + "expect_push: {name: x, timeout: soon}", 5, "scenarios.load.flow[1].expect_push.timeout", "'soon'", ""),
    (SOCKET + "stream: {name: x, size: 5}", 5, "scenarios.load.flow[1].stream", "one of count, duration", "how many"),
    (
        SOCKET + "stream: {name: x, size: 5, count: 3, duration: 1s}",
        5,
        "scenarios.load.flow[1].stream.duration",
        "count and duration exclude each other",
        "how long",
    ),
    (SOCKET + "stream: {name: x, size: 5, count: 3, every: 0}", 5, "scenarios.load.flow[1].stream.every", "small", ""),
    (SOCKET + "wait: soon", 5, "scenarios.load.flow[1].wait", "'soon' is not a duration", "500ms"),
    (SOCKET + "close: 1006", 5, "scenarios.load.flow[1].close", "1006 is not for clients", "3000 to 4999"),
    (
        HEAD + "    flow:\n      - websocket: {path: http://x/}",
        4,
        "scenarios.load.flow[0].websocket.path",
        '"http://x/" is not a path or a URL',
        "ws:// or wss://",
    ),
    (
        HEAD + "    flow:\n      - websocket: {path: x}",
        4,
        "scenarios.load.flow[0].websocket.path",
        '"x" is not a path or a URL',
        "did you mean /x?",
    ),
    (
        HEAD + "    flow:\n      - websocket: {name: x}",
        4,
        "scenarios.load.flow[0].websocket.path",
        "path is missing",
        "ws://",
    ),
    (
        HEAD + "    flow:\n      - websocket: {path: /x, headers: {'A B': c}}",
        4,
        'scenarios.load.flow[0].websocket.headers."A B"',
        "is not the name of a header",
        "no spaces",
    ),
    (
        HEAD + "    flow:\n      - ping: {}\n      - websocket: {path: /x}",
        4,
        "scenarios.load.flow[0].ping",
        "no WebSocket is open for this ping",
        "open one before it",
    ),
    (
        HEAD + "    endpoints:\n      - websocket: {path: /x}\n      - send: {text: a}",
        5,
        "scenarios.load.endpoints[1].send",
        "no WebSocket is open for this send",
        "on_start",
    ),
    (
        HEAD + "    roles:\n      a: {flow: [{send: {text: a}}]}\n      b: {flow: [{websocket: {path: /x}}]}",
        4,
        "scenarios.load.roles.a.flow[0].send",
        "no WebSocket is open",
        "open one",
    ),
    # event streams
    (
        HEAD + "    flow:\n      - events: {path: /x}",
        4,
        "scenarios.load.flow[0].events.name",
        "name is missing",
        "series",
    ),
    (HEAD + "    flow:\n      - events: {name: x}", 4, "scenarios.load.flow[0].events.path", "path is missing", "URL"),
    (HEAD + "    flow:\n      - sse: {path: /x, name: x}", 4, "scenarios.load.flow[0].sse", "no key", "events?"),
    (
        HEAD + "    flow:\n      - events: {path: 'ws://x/', name: x}",
        4,
        "scenarios.load.flow[0].events.path",
        '"ws://x/" is not a path or a URL',
        "http:// or https://",
    ),
    (
        HEAD + "    flow:\n      - events: {path: /x, name: x, stamp: at}",
        4,
        "scenarios.load.flow[0].events.stamp",
        '"at" is not a JSON path',
        "$.sent_at",
    ),
    (
        HEAD + "    flow:\n      - events: {path: /x, name: x}\n        extract: {a: $.a}",
        5,
        "scenarios.load.flow[0].extract",
        "extract belongs to a request",
        "stand below events:",
    ),
    # workload
    (HEAD + "    spawn_rate: 2", 3, "scenarios.load.spawn_rate", "spawn_rate 2 stands without users", "how many users"),
    (
        HEAD + "    users: 5\n    stages: [{duration: 1s, users: 1}]",
        3,
        "scenarios.load.users",
        "users 5 and stages",
        "keep one",
    ),
    (
        HEAD + "    run_time: 5\n    stages: [{duration: 1s, users: 1}]",
        3,
        "scenarios.load.run_time",
        "run_time 5",
        "keep one",
    ),
    (
        HEAD + "    stages:\n      - duration: 1s",
        4,
        "scenarios.load.stages[0]",
        "needs users, rate or ramp_to",
        "ramp_to moves",
    ),
    (
        HEAD + "    stages:\n      - {users: 1, duration: 0}",
        4,
        "scenarios.load.stages[0].duration",
        "0 is too small",
        "",
    ),
    (HEAD + "    stages:\n      - users: 1", 4, "scenarios.load.stages[0].duration", "duration is missing", ""),
    (
        HEAD + "    stages:\n      - {users: 1, ramp_to: 2, duration: 1}",
        4,
        "scenarios.load.stages[0]",
        "exclude each other",
        "",
    ),
    (
        HEAD + "    stages:\n      - {users: 0, duration: 1}",
        3,
        "scenarios.load.stages",
        "no stage has any load",
        "more than 0",
    ),
    (
        HEAD + "    rate: 5/s\n    spawn_rate: 2",
        4,
        "scenarios.load.spawn_rate",
        "spawn_rate 2 and rate",
        "keep one",
    ),
    (HEAD + "    users: 5\n    rate: 5/s", 3, "scenarios.load.users", "users 5 and rate", "a rate does not"),
    (HEAD + "    rate: 0", 3, "scenarios.load.rate", "too small", ""),
    (
        HEAD + "    users: 5\n    max_users: 9",
        4,
        "scenarios.load.max_users",
        "a workload with a rate",
        "instead of users",
    ),
    (HEAD + "    users: 5\n    arrivals: constant", 4, "scenarios.load.arrivals", "a workload with a rate", ""),
    (HEAD + "    rate: 5\n    arrivals: random", 4, "scenarios.load.arrivals", "not one of", ""),
    (
        HEAD + "    stages: [{duration: 1s, users: 1}, {duration: 1s, rate: 2}]",
        3,
        "scenarios.load.stages[1]",
        "do not mix",
        "two scenarios",
    ),
    (
        HEAD + "    stages: [{duration: 1s, users: 1}, {duration: 1s, ramp_to: 2/s}]",
        3,
        "scenarios.load.stages[1]",
        "do not mix",
        "",
    ),
    (HEAD + "    stages: [{duration: 1s, ramp_to: fast}]", 3, "scenarios.load.stages[0].ramp_to", "not a rate", ""),
    (HEAD + "    with: lod", 3, "scenarios.load.with", "no scenario", "did you mean load"),
    (HEAD + "    with: [load]", 3, "scenarios.load.with", "always runs with itself", ""),
    (HEAD + "    stages: []", 3, "scenarios.load.stages", "it is empty", "remove the key"),
    # behaviour
    (
        HEAD + "    flow: [{path: /a}]\n    endpoints: [{path: /b}]",
        3,
        "scenarios.load.flow",
        "endpoints and flow",
        "keep one",
    ),
    (
        HEAD + "    flow: [{path: /a}]\n    locustfile: a.py",
        4,
        "scenarios.load.locustfile",
        "flow and locustfile",
        "keep one",
    ),
    (HEAD + "    locustfile: a.py\n    headers: {A: b}", 4, "scenarios.load.headers", "no effect", "user class"),
    (HEAD + "    endpoints: []", 3, "scenarios.load.endpoints", "it is empty", "remove the key"),
    (HEAD + "    roles: {}", 3, "scenarios.load.roles", "it is empty", "remove the key"),
    (
        HEAD + "    roles:\n      r: {weight: 1}",
        4,
        "scenarios.load.roles.r",
        "either endpoints or flow",
        "one of the two",
    ),
    (
        HEAD + "    roles:\n      'a/b': {flow: [{path: /}]}",
        4,
        'scenarios.load.roles."a/b"',
        '"a/b" cannot name a role',
        "no /",
    ),
    ("scenarios:\n  a/b: {}", 2, 'scenarios."a/b"', '"a/b" cannot name a scenario', "file names"),
    ("scenarios:\n  ' ': {}", 2, 'scenarios." "', "the name of a scenario is empty", "name"),
    (f"scenarios:\n  {'x' * 101}: {{}}", 2, f"scenarios.{'x' * 101}", "longer than 100 characters", "shorten"),
    # target, thresholds, test data
    ("base_url: localhost:8000\nscenarios: {a: {}}", 1, "base_url", '"localhost:8000"', "http://localhost:8000"),
    ("base_url: 'http://'\nscenarios: {a: {}}", 1, "base_url", '"http://"', "http://localhost"),
    ("base_url: 'http://[::1'\nscenarios: {a: {}}", 1, "base_url", '"http://[::1" is not a URL', "http://localhost"),
    ("base_url: http://x:99999\nscenarios: {a: {}}", 1, "base_url", '"http://x:99999"', ""),
    ("base_url: http://x/?a=1\nscenarios: {a: {}}", 1, "base_url", "goes beyond a path", "requests"),
    ("base_url: http://x y/\nscenarios: {a: {}}", 1, "base_url", "space", "%20"),
    (
        HEAD + "    thresholds: {erorr_rate: 1}",
        3,
        "scenarios.load.thresholds.erorr_rate",
        "erorr_rate",
        "did you mean error_rate?",
    ),
    (HEAD + "    thresholds:\n      error_rate: 5", 4, "scenarios.load.thresholds.error_rate", "5 does not", "0.05"),
    (
        HEAD + "    thresholds:\n      - p95 < fast",
        4,
        "scenarios.load.thresholds[0]",
        "'fast' is not a duration",
        "500ms",
    ),
    (HEAD + "    thresholds:\n      - p95 < 1s after 10s", 4, "scenarios.load.thresholds[0]", "'after 10s'", ""),
    (
        HEAD + "    thresholds:\n      - p95: 1\n        p99: 2",
        4,
        "scenarios.load.thresholds[0]",
        "one key with its limit",
        "",
    ),
    (HEAD + "    thresholds: 5", 3, "scenarios.load.thresholds", "5 is not a list", "[5]"),
    ("scenarios: {a: {}}\ntest_data:\n  p: {order: random}", 3, "test_data.p", "it needs file or rows", ""),
    ("scenarios: {a: {}}\ntest_data:\n  p: {file: x, rows: [{a: 1}]}", 3, "test_data.p", "exclude each other", ""),
    ("scenarios: {a: {}}\ntest_data:\n  p: []", 3, "test_data.p", "it has no rows", ""),
    ("scenarios: {a: {}}\ntest_data:\n  p: [1]", 3, "test_data.p[0]", "1 is not a mapping", ""),
    (
        "scenarios: {a: {}}\ntest_data:\n  a-b: [{a: 1}]",
        3,
        "test_data.a-b",
        '"a-b" cannot name test data',
        "{{ name }}",
    ),
    ("scenarios: {a: {}}\ntest_data:\n  p: {rows: [{}], order: up}", 3, "test_data.p.order", '"up" is not one of', ""),
    ("scenarios: {a: {}}\nalerting:\n  slack: {}", 3, "alerting.slack.webhook_url", "webhook_url is missing", ""),
    # variables
    ("base_url: ${TARGET}\nscenarios: {a: {}}", 1, "base_url", "TARGET is not set", "${TARGET:-…}"),
    ("base_url: ${TARGT_URL}\nscenarios: {a: {}}", 1, "base_url", "TARGT_URL is not set", "did you mean TARGET_URL?"),
    ("name: '${A B}'\nscenarios: {a: {}}", 1, "name", '"${A B}" does not name', "$${"),
    ("name: 'x ${A'\nscenarios: {a: {}}", 1, "name", '"${A" has no closing brace', "$${"),
    (HEAD + "    users: ${WORD}", 3, "scenarios.load.users", '"several" is not a whole number (from ${WORD})', ""),
    # YAML itself
    ("scenarios:\n\ta: {}", 2, "", "this is not YAML", "indent with spaces"),
    ("scenarios: {a: {}}\nname: a: b", 2, "", "mapping values are not allowed", "quotes"),
    ("scenarios: {a: {}\nname: x", 2, "", "this is not YAML", ""),
    ("scenarios: {a: {}}\n---\nname: x", 2, "", "single document", "remove the line ---"),
    ("scenarios: {a: {}}\nname: *x", 2, "", "undefined alias 'x'", ""),
    ("scenarios: {a: {}}\nname: a\x00b", 2, "", "U+0000 is not allowed", ""),
    ("scenarios: {a: {}}\nname: !!python/object:os.x {}", 2, "name", "the tag !!python/object:os.x", "remove the tag"),
    ("scenarios: {a: {}}\nname: !!int x", 2, "name", 'the tag !!int does not fit "x"', "remove the tag"),
    ("scenarios: {a: {}}\nreporting: &r {x: *r}", 2, "", "holds itself", "write the values out"),
    ("scenarios: {a: {}}\nreporting:\n  <<: 5", 3, "", "<< must be followed by a mapping", ""),
    ('scenarios: {a: {}}\nname: "\\ud800"', 2, "name", "surrogate", ""),
]
ENVIRON = {"WORD": "several", "TARGET_URL": "http://x"}


@pytest.mark.parametrize(("text", "line", "where", "message", "hint"), YAML_TABLE)
def test_a_broken_yaml_plan(tmp_path: Path, text: str, line: int, where: str, message: str, hint: str) -> None:
    """The one mistake is the one problem, at its line, with its value and its remedy."""
    problems = problems_of(tmp_path, text, environ=ENVIRON)
    found = [problem for problem in problems if where in ("", problem.where) and message in problem.message]
    assert [problem.line for problem in found] == [line], [str(problem) for problem in problems]
    assert hint in found[0].hint
    assert {problem.file for problem in problems} == {str(tmp_path / "plan.yaml")}
    assert len(problems) == 1, [str(problem) for problem in problems]


JSON_TABLE = [
    ('{\n "scenarios": {"a": {}},\n "base_ur": 1\n}', 3, "base_ur", '"base_ur"', "base_url"),
    ('{\n "scenarios": {"a": {\n  "users":\n   0}}}', 4, "scenarios.a.users", "0 is too small", ""),
    ('{\n "scenarios":\n  []\n}', 2, "scenarios", "[] is not a mapping", ""),
    ('{\n "scenarios": {"a": {}},\n "scenarios": {"a": {}}\n}', 3, "scenarios", "twice; first on line 2", "remove"),
    ('{\n "scenarios": {"a": {},}\n}', 2, "", "this is not JSON", "no comma follows"),
    ("{\n 'scenarios': {}\n}", 2, "", "this is not JSON", "double quotes"),
    ('{"scenarios": {"a": {}},\n "seed": NaN}', None, "", "NaN is no JSON value", ""),
    ('{"scenarios": {"a": {}},\n "reporting": {"x": 1e999}}', 2, "reporting.x", "not a finite number", ""),
    ('{"a": ' + "[" * 200_000, None, "", "nested too deeply", ""),
    ('{"scenarios": {"a": {}},\n "reporting": {"x": ' + "[" * 80 + "]" * 80 + "}}", 2, "", "60 levels deep", ""),
]


@pytest.mark.parametrize(("text", "line", "where", "message", "hint"), JSON_TABLE)
def test_a_broken_json_plan(tmp_path: Path, text: str, line: int | None, where: str, message: str, hint: str) -> None:
    """JSON plans know their lines, too."""
    (problem,) = problems_of(tmp_path, text, "plan.json")
    assert problem.line == line
    assert where in ("", problem.where)
    assert message in problem.message
    assert hint in problem.hint


TOML_TABLE = [
    ("base_ur = 1\n[scenarios.a]\n", 1, "base_ur", '"base_ur"', "base_url"),
    ("[scenarios.a]\nusers = 0\n", 2, "scenarios.a.users", "0 is too small", ""),
    (
        "[scenarios.a]\n[[scenarios.a.flow]]\npath = '/'\n[[scenarios.a.flow]]\npath = 'x'\n",
        5,
        "scenarios.a.flow[1].path",
        "x",
        "/x",
    ),
    (
        '[scenarios.a]\nthresholds = [\n  "p95 < 1s",  # [\n  """\np95 < x""",\n]\n',
        4,
        "scenarios.a.thresholds[1]",
        "'x'",
        "500ms",
    ),
    (
        "[scenarios.a]\nwait_time = {low_us = 5, high_us = -1}\n",
        2,
        "scenarios.a.wait_time.high_us",
        "-1 is too small",
        "",
    ),
    ("[scenarios]\na.users = 1\na.run_time = 'x'\n", 3, "scenarios.a.run_time", "'x'", ""),
    ("[scenarios.a]\nusers = 1\nusers = 2\n", 3, "", "this is not TOML", ""),
    ("[scenarios.a]\nusers = \n", 2, "", "this is not TOML: Invalid value", ""),
    ("[scenarios.a]\nname = '''\n", 2, "", "this is not TOML", ""),
    ("[scenarios.a]\n[reporting]\nx = inf\n", 3, "reporting.x", "inf is not a finite number", ""),
    ("[scenarios.a]\n[reporting]\nx = " + "[" * 100_000, None, "", "nested too deeply", ""),
]


@pytest.mark.parametrize(("text", "line", "where", "message", "hint"), TOML_TABLE)
def test_a_broken_toml_plan(tmp_path: Path, text: str, line: int | None, where: str, message: str, hint: str) -> None:
    """TOML plans know their lines, too."""
    (problem,) = problems_of(tmp_path, text, "plan.toml")
    assert problem.line == line
    assert where in ("", problem.where)
    assert message in problem.message
    assert hint in problem.hint


def test_all_mistakes_are_reported_in_the_order_of_their_lines(tmp_path: Path) -> None:
    """Mistakes of every kind come together: keys, values, rules between values, variables, and options last."""
    text = """\
base_url: localhost
scenarios:
  load:
    user: 5
    users: many
    stages:
      - duration: 1x
        users: 3
    endpoints:
      - path: x
        headers: {A: "${NOPE}"}
      - paht: /x
test_data:
  p: {file: none.csv}
seed: s
"""
    problems = problems_of(tmp_path, text, overrides=["scenarios.load.iterations=x"])
    assert [(problem.line, problem.where) for problem in problems] == [
        (1, "base_url"),
        (4, "scenarios.load.user"),
        (5, "scenarios.load.users"),
        (5, "scenarios.load.users"),
        (7, "scenarios.load.stages[0].duration"),
        (10, "scenarios.load.endpoints[0].path"),
        (11, "scenarios.load.endpoints[0].headers.A"),
        (12, "scenarios.load.endpoints[1].paht"),
        (14, "test_data.p.file"),
        (15, "seed"),
        (None, "scenarios.load.iterations"),
    ]
    assert problems[-1].file == "--set scenarios.load.iterations=x"


def test_messages_do_not_show_secrets(tmp_path: Path) -> None:
    """A value under a secret's key, from the environment, or in the URL's userinfo is masked in messages."""
    text = """\
base_url: "ftp://me:hunter22@host"
alerting:
  slack: {webhook_url: [hunter22]}
scenarios:
  load:
    headers: {X: "{{ a ${KEY} }}"}
    flow:
      - {path: "${API_KEY}", json: {password: "{{ a hunter22 }}"}}
      - {path: /, extract: {a: "${KEY}", b: "$.a[${KEY}", c: "regex:(?P<${KEY}"}}
      - {path: /, headers: [hunter22], query: {token: {x: hunter22}}}
    endpoints: {json: {password: hunter22}}
"""
    problems = problems_of(tmp_path, text, environ={"KEY": "hunter22", "API_KEY": "hunter22"})
    assert len(problems) == 12
    assert "hunter22" not in "\n".join(str(problem) for problem in problems)


def test_exploding_aliases_are_stopped(tmp_path: Path) -> None:
    """A few lines whose aliases stand for billions of values end in a problem."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    problems = problems_of(tmp_path, "\n".join(lines))
    assert any("the aliases make it too large" in problem.message for problem in problems)
