"""Locustfiles, their configurations and command lines become plans; what the plan does not do is listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from locust import argument_parser

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions
from loadworthy.importers.locust.options import _ODD_VARIABLES, FLAGS, KNOWN, SHORT, VALUES, _as_option
from loadworthy.importers.locust.plan import detect, import_locust
from loadworthy.plan.load import plan_from_mapping

USERS = """
from locust import HttpUser, FastHttpUser, task
raise SystemExit("this file is read, and never run")

class Base(HttpUser):
    abstract = True

class Reader(Base):
    host = "http://localhost:5000/"
    @task(3)
    def read(self): ...

class Writer(FastHttpUser):
    @task
    def write(self): ...
"""
SHAPE = """
from locust import LoadTestShape

class Steps(LoadTestShape):
    stages = [
        {"duration": 60, "users": 10, "spawn_rate": 1},
        {"duration": 100, "users": 5, "spawn_rate": 10},
        {"duration": 130.5, "users": 35, "spawn_rate": 1},
    ]
    def tick(self):
        run_time = self.get_run_time()
        for stage in self.stages:
            if run_time < stage["duration"]:
                return (stage["users"], stage["spawn_rate"])
        return None
"""
README = """
# Load test

Locust is a tool. To watch: open the page.

```bash
# for five minutes
locust -f main.py --host=http://localhost:8001 \\
  --users=10 --spawn-rate=2 --run-time=300s --headless --html=report.html

$ HOST_KEY=1 python3 -m locust -f main.py -H http://localhost:8001 -u10 -r 2 -t 5m --headless --csv results | tee log
locust -f tests/auth.py Reader Writer --host=https://dev.example.com -u 5 -t 1h30m && echo done
```
"""


def _where(imported: Imported, word: str) -> list[str]:
    return [f"{note.where}: {note.what}" for note in imported.notes if word in note.what or word in note.where]


def _loaded(imported: Imported, tmp_path: Path = Path()) -> Any:
    data = yaml.safe_load(plan_yaml(imported))
    return plan_from_mapping(data, path=tmp_path / "plan.yaml", environ=dict.fromkeys(imported.variables, "x")).plan


def test_a_locustfile_with_its_configuration() -> None:
    """Users, ramp, time, host, classes and stop time are the plan's; the rest is noted where it stands."""
    config = (
        "# a comment\nusers = 5\nspawn-rate: 0.5\nrun-time 90\nheadless = true\nstop-timeout = 3  ; s\n"
        'expect-workers = 2\ntags = [quick, "slow"]\nmy-option = 7\npassword = hush-hush\n'
    )
    imported = import_locust(USERS, ImportOptions(scenario="shop"), config, name="users.py", config_name="locust.conf")
    assert imported.plan == {
        "base_url": "http://localhost:5000",
        "stop_timeout": "3s",
        "scenarios": {"shop": {"locustfile": "users.py", "users": 5, "spawn_rate": 0.5, "run_time": "1m30s"}},
    }
    assert imported.source == "Locust: users.py (Reader, Writer)"
    assert _where(imported, "expect-workers")[0].startswith("locust.conf: --expect-workers 2")
    assert "-- --tags" in _where(imported, "--tags quick slow")[0]
    assert "run plan.yaml -- --my-option 7 --password ***" in _where(imported, "--my-option")[0]
    assert "hush" not in plan_yaml(imported)
    assert not _where(imported, "headless")
    assert _loaded(imported).scenarios["shop"].run_time == 90_000_000


def test_toml_and_options_of_the_command_line() -> None:
    """``[tool.locust]`` is a configuration; what the user says of the target goes before it."""
    config = (
        '[tool.other]\nx = 1\n[tool.locust]\nusers = 50\nhost = "http://ann:s3cret-pw@localhost:1"\n'
        'user-classes = ["Reader"]\n'
    )
    imported = import_locust(USERS, ImportOptions(), config, name="users.py", config_name="pyproject.toml")
    assert imported.plan["base_url"] == "http://ann:${BASE_URL_PASSWORD}@localhost:1"
    assert list(imported.variables) == ["BASE_URL_PASSWORD"]
    assert imported.plan["scenarios"]["load"]["user_classes"] == ["Reader"]
    assert imported.plan["scenarios"]["load"]["run_time"] == "1m"
    assert _where(imported, "no run time is given")
    assert "s3cret" not in plan_yaml(imported)

    other = import_locust(USERS, ImportOptions(base_url="http://localhost:2", only=("/x",), login="POST /l"), config,
                          name="users.py", config_name="pyproject.toml")  # fmt: skip
    assert other.plan["base_url"] == "http://localhost:2"
    assert {note.where for note in other.notes} >= {"--only", "--login"}


def test_a_configuration_names_its_locustfile() -> None:
    """The file is looked into where it is there; a class that is not in it is told."""
    files = {"tests/users.py": USERS}
    config = "locustfile = tests/users.py\nuser-classes = Reader Gone\nusers = 2\n"
    imported = import_locust(config, ImportOptions(), name="locust.conf", read=files.get)
    assert imported.plan["scenarios"]["load"]["locustfile"] == "tests/users.py"
    assert imported.plan["base_url"] == "http://localhost:5000"
    assert _where(imported, "there is no user class Gone in tests/users.py; there are: Reader, Writer")


def test_command_lines_of_a_readme_are_scenarios() -> None:
    """Continued lines, short options, prompts, variables and pipes; the same load is made once."""
    imported = import_locust(README, ImportOptions(), name="README.md")
    assert imported.plan["base_url"] == "http://localhost:8001"
    assert imported.plan["scenarios"] == {
        "main": {"locustfile": "main.py", "users": 10, "spawn_rate": 2, "run_time": "5m"},
        "auth": {
            "locustfile": "tests/auth.py",
            "user_classes": ["Reader", "Writer"],
            "users": 5,
            "spawn_rate": 1,
            "run_time": "1h30m",
        },
    }
    assert _where(imported, "--csv results: the tables are in each run directory")
    assert _where(imported, "it makes the same load as line 8")[0].startswith("line 11: ")
    assert _where(imported, "--html report.html")
    assert _where(imported, "it is for https://dev.example.com; the plan is for http://localhost:8001")
    assert _where(imported, "tests/auth.py is not there")
    _loaded(imported)


@pytest.mark.parametrize(
    "line",
    [
        'ENTRYPOINT locust --host="http://${FRONT}" --headless -u "${USERS:-10}" -r ${RATE:-2} -t $RUN_TIME 2>&1',
        'CMD ["locust", "--host=http://$FRONT", "-u", "${USERS:-10}", "-r", "${RATE:-2}", "-t", "${RUN_TIME}"]',
        'command: ["locust", "-H", "http://$FRONT", "-u", "${USERS:-10}", "-r", "${RATE:-2}", "-t", "$RUN_TIME"]',
        '"$V/bin/python" -m locust -f $DIR/locustfile.py -H http://$FRONT -u ${USERS:-10} -r ${RATE:-2} -t $RUN_TIME',
        "locust --clients=${USERS:-10} --hatch-rate=${RATE:-2} --no-web -t $RUN_TIME --host http://$FRONT",
        "locust -c ${USERS:-10} -r ${RATE:-2} --no-web -t $RUN_TIME --host http://$FRONT",
    ],
)
def test_commands_of_images_and_scripts(line: str) -> None:
    """What the shell takes from the environment the plan takes from it, too; options may have the names of old."""
    made = import_locust(f"FROM python\n{line}\n", ImportOptions(), name="Dockerfile")
    assert made.plan == {
        "base_url": "http://${FRONT}",
        "scenarios": {
            "load": {
                "locustfile": "locustfile.py",
                "users": "${USERS:-10}",
                "spawn_rate": "${RATE:-2}",
                "run_time": "${RUN_TIME:-1m}",
            }
        },
    }
    assert made.variables == {"FRONT": "the variable FRONT of the command"}
    assert _where(made, "--users is a variable of the shell; where it is not set, the plan has 10")
    assert _where(made, "--run-time is a variable of the shell; where it is not set, the plan has 1m")
    assert not _where(made, "is for the locustfile itself")


def test_a_variable_whose_default_is_no_number_of_users_is_told_of() -> None:
    """Nobody at all, no rate: then the plan has what Locust has without the option."""
    made = import_locust("locust -u ${USERS:-0} -r ${RATE:-x} -t ${TIME:-90}", ImportOptions(), name="a.sh")
    scenario = made.plan["scenarios"]["load"]
    assert (scenario["users"], scenario["spawn_rate"], scenario["run_time"]) == (1, 1, "${TIME:-1m30s}")
    assert _where(made, "--users ${USERS:-0} is no number of users; the plan has 1")


RUNBOOK = """
cd tests && locust -f b.py -u 50 -t 1m
for u in 10 20; do locust -f c.py -u $u --headless -t 5s; done
nohup locust -f d.py -u 70 -t 1m > out.log 2>&1 &
docker run -p 8089:8089 -e LOCUST_RUN_TIME=90s -v $PWD:/mnt locustio/locust:2.43 -f /mnt/e.py -u 9
For spikes, `locust -f f.py -u 11 -t 1m` will do; there is `locust -f g.py -u 12 -t 1m`, too.
(sleep 5; sudo -E locust -f h.py -u 13 -t 1m)
- run: "locust -f i.py -u 14 -t 1m"
sh -c 'locust -f lost.py -u 1000'
# locust -f old.py
CMD ["locust","-f","image.py"]
Do not locust -- swarm.
echo locust && pip install locust
"""


def test_commands_are_found_wherever_a_line_has_them(tmp_path: Path) -> None:
    """Behind others, in loops, in the background, in containers, in prose; each that is not understood is told."""
    imported = import_locust(RUNBOOK, ImportOptions(), name="RUNBOOK.md")
    scenarios = imported.plan["scenarios"]
    found = {name: (one["locustfile"], one["users"], one["run_time"]) for name, one in scenarios.items()}
    assert found == {
        "b": ("b.py", 50, "1m"), "c": ("c.py", 1, "5s"), "d": ("d.py", 70, "1m"), "e": ("/mnt/e.py", 9, "1m30s"),
        "f": ("f.py", 11, "1m"), "g": ("g.py", 12, "1m"), "h": ("h.py", 13, "1m"), "i": ("i.py", 14, "1m"),
        "image": ("image.py", 1, "1m"),
    }  # fmt: skip
    assert _where(imported, "--users $u is no number")
    assert _where(imported, "it runs in a container")[0].startswith("line 5: ")
    unread = [text.partition(":")[0] for text in _where(imported, "that is not understood; it is left out")]
    assert unread == ["line 9", "line 10"]
    _loaded(imported, tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "cd tests && locust -f b.py -u 50",
        "nohup locust -f c.py -u 70 &",
        "docker run -v $PWD:/mnt locustio/locust -f /mnt/d.py -u 9",
        "docker run locustio/locust -f /mnt/d.py -u 9",
        "`locust -f e.py -u 11`",
    ],
)
def test_each_is_enough_to_know_the_format(line: str) -> None:
    assert detect(f"# Load test\n\n{line}\n", "README.md")
    assert not detect(f'{{"log": "{line}"}}', "x.json")


def test_several_locustfiles_are_scenarios_of_their_own() -> None:
    """A plan's scenario has one; Locust mixes their users, which is told."""
    command = import_locust("locust -f a.py,b.py -u 5 -t 1m", ImportOptions(), name="run.txt")
    config = import_locust('[tool.locust]\nlocustfile = ["a.py", "b.py"]\nusers = 5\n', ImportOptions(), name="x.toml")
    for imported in (command, config):
        assert [one["locustfile"] for one in imported.plan["scenarios"].values()] == ["a.py", "b.py"]
        assert all(one["users"] == 5 for one in imported.plan["scenarios"].values())
        assert _where(imported, "several locustfiles (a.py, b.py)")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spawn_rate", "1e-320"),
        ("spawn_rate", "1e300"),
        ("users", "1e999"),
        ("users", "9" * 400),
        ("duration", "1e-9"),
        ("duration", "-1"),
    ],
)
def test_stages_that_no_plan_can_have_lead_themselves(key: str, value: str) -> None:
    shape = SHAPE.replace(f'"{key}": ', f'"{key}": {value} or ', 1).replace(f"{value} or ", f"{value}, #", 1)
    shape = "\n".join(line.partition("#")[0] + "}," if "#" in line else line for line in shape.splitlines())
    stage = {"duration": "60", "users": "10", "spawn_rate": "1", key: value}
    first = "{" + ", ".join(f'"{name}": {one}' for name, one in stage.items()) + "},"
    shape = SHAPE.replace('{"duration": 60, "users": 10, "spawn_rate": 1},', first)
    assert first in shape
    imported = import_locust(USERS + shape, ImportOptions(), name="users.py")
    assert imported.plan["scenarios"]["load"] == {"locustfile": "users.py"}
    assert _where(imported, "the load is what the class Steps says")
    _loaded(imported)


def test_credentials_among_options_of_the_locustfile_are_not_shown() -> None:
    """Whatever they are called."""
    secret = "hunter2secret"
    options = [f"--login=bob:{secret}", f"--auth {secret}", f"--basic-auth bob:{secret}", f"--api-key {secret}",
               f"--pwd {secret}", f"--db https://bob:{secret}@x/y", f"--other=http://b:{secret}@x/"]  # fmt: skip
    for option in options:
        imported = import_locust(f"locust -f a.py -u 5 -t 1m {option}", ImportOptions(), name="run.txt")
        assert secret not in plan_yaml(imported), option
        assert _where(imported, "***"), option


def test_a_load_shape_becomes_stages_or_leads_itself() -> None:
    """Literal stages of the usual ``tick`` are the plan's; any other shape is followed, and both are told."""
    literal = import_locust(USERS + SHAPE, ImportOptions(), "users = 3\n", name="users.py")
    assert literal.plan["scenarios"]["load"] == {
        "locustfile": "users.py",
        "stages": [
            {"duration": "10s", "ramp_to": 10},
            {"duration": "50s", "users": 10},
            {"duration": "40s", "users": 5},
            {"duration": "30s", "ramp_to": 35},
            {"duration": "500ms", "users": 35},
        ],
    }
    assert _where(literal, "became stages")
    assert _where(literal, "--users has no effect")
    assert sum(stage.duration for stage in _loaded(literal).scenarios["load"].stages) == 130_500_000

    clever = USERS + SHAPE.replace('stage["users"], stage', 'wave(stage["users"]), stage')
    followed = import_locust(clever, ImportOptions(), name="users.py")
    assert followed.plan["scenarios"]["load"] == {"locustfile": "users.py"}
    assert _where(followed, "the load is what the class Steps says")


def test_a_command_may_name_its_configuration() -> None:
    """It is read where it is there, and told where it is not."""
    files = {"load.conf": "users = 9\nrun-time = 5s\n", "a.py": USERS}
    command = "locust -f a.py --config load.conf -t 7s"
    imported = import_locust(command, ImportOptions(), name="run.txt", read=files.get)
    assert (imported.plan["scenarios"]["load"]["users"], imported.plan["scenarios"]["load"]["run_time"]) == (9, "7s")
    assert not _where(imported, "--config")
    assert _where(import_locust(command, ImportOptions(), name="run.txt"), "--config load.conf names")


def test_variables_before_a_command_count() -> None:
    """Those of Locust are options, those given go before them; others are told without what they hold."""
    command = "env LOCUST_USERS=7 LOCUST_RUN_TIME=9s TEST_PASSWORD='pw one' LOCUST_MODE_MASTER=1 locust -f a.py -t 3s"
    imported = import_locust(command, ImportOptions(), name="run.txt")
    assert imported.plan["scenarios"]["load"] == {"locustfile": "a.py", "users": 7, "spawn_rate": 1, "run_time": "3s"}
    assert _where(imported, "--master")
    assert _where(imported, "it sets TEST_PASSWORD in the environment")
    assert "pw one" not in plan_yaml(imported)


def test_options_of_the_locustfile_itself_are_named() -> None:
    """They go behind ``--``; nobody shall wonder why they have no effect."""
    own = "events.init_command_line_parser.add_listener(add)\ndef add(parser): parser.add_argument('-s', '--shop')\n"
    imported = import_locust(USERS + own, ImportOptions(), name="users.py")
    assert _where(imported, "options of its own (--shop)")
    assert not _where(import_locust(USERS, ImportOptions(), name="users.py"), "options of its own")
    assert _where(imported, "no number of users is given")


def test_every_option_of_locust_is_known() -> None:
    """The table of options is Locust's: a new one must be thought of."""
    parser = argument_parser.get_parser(default_config_files=[])
    theirs = {text[2:]: action for action in parser._actions for text in action.option_strings if text.startswith("--")}
    renamed = {"expect-slaves", "slave"}  # errors, in Locust too
    assert set(theirs) - renamed == KNOWN | {"legacy-ui"}
    variables = {action.env_var for action in parser._actions if getattr(action, "env_var", None)}
    assert {_ODD_VARIABLES.get(name, _as_option(name)) for name in variables} - {"legacy-ui"} <= KNOWN
    shorts = {text[1:]: action for action in parser._actions for text in action.option_strings if len(text) == 2}
    assert set(shorts) == set(SHORT)
    assert all(f"--{SHORT[short]}" in action.option_strings for short, action in shorts.items())
    assert all((theirs[name].nargs == 0) == (name in FLAGS) for name in theirs if name in FLAGS | VALUES)


@pytest.mark.parametrize("option", sorted(KNOWN - {"headless"}))
def test_no_option_is_dropped_in_silence(option: str) -> None:
    """Each is in the plan, or in the notes."""
    values = {"locustfile": "other.py", "host": "http://localhost:9", "run-time": "7s"}
    value = "" if option in FLAGS else f" {values.get(option, '3')}"
    plain = import_locust("locust --headless -u 1", ImportOptions(), name="run.txt")
    with_it = import_locust(f"locust --headless -u 1 --{option}{value}", ImportOptions(), name="run.txt")
    says = {note.what for note in with_it.notes} - {note.what for note in plain.notes}
    assert with_it.plan != plain.plan or any(f"--{option}" in what for what in says)


@pytest.mark.parametrize(
    ("text", "name", "word"),
    [
        ("class X(HttpUser:\n", "users.py", "users.py:1"),
        ("no commands here", "README.md", "no locust command line"),
        ("locust -f 'x.py --headless", "README.md", "line 1"),
        ("[tool.locust\n", "pyproject.toml", "TOML"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, name: str, word: str) -> None:
    """No traceback, and no plan."""
    with pytest.raises(ImportFailedError, match=word):
        import_locust(text, ImportOptions(), name=name)


@pytest.mark.parametrize(
    ("text", "name", "is_one"),
    [
        (USERS, "users.py", True),
        ("print('hello')\n", "setup.py", False),
        ("users = 5\nhost = http://x\n", "", True),
        ("users = 5\n", "locust.conf", True),
        ("name = x\nusers = 5\n", "other.txt", False),
        ("[tool.locust]\nusers = 3\n", "pyproject.toml", True),
        (README, "README.md", True),
        ("Locust is fine. locust and others", "README.md", False),
        ("{}", "x.json", False),
        ('A="x" ' * 2000 + "b", "hostile.txt", False),
        ('A="x" ' * 2000 + "locust -f a.py", "hostile.txt", False),
        ("locust " + "`" * 9000, "hostile.txt", False),
        ("docker run " + "/" * 9000 + " locust", "hostile.txt", False),
    ],
)
def test_what_is_taken_for_locust(text: str, name: str, is_one: bool) -> None:
    """Python that uses it, its options, its command lines; and nothing else."""
    assert detect(text, name) is is_one


_WORDS = st.sampled_from(
    ["locust", "-f", "a.py", "--users", "--users=5", "-u", "-1", "--host", "http://h", "ftp://h", "--tags",
     "x", "-t", "5m", "-t5", "nan", "--run-time", "", "'", "\\", "\n", "|", "${X}", "{{ x }}", "-", "--", "--csv",
     "\x00", "9" * 30, "&&", ";", "`", "(", ")", "docker", "run", "locustio/locust", "do", "for", "a.py,b.py"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=15), st.sampled_from(["run.txt", "locust.conf", "x.py", "pyproject.toml"]))
def test_any_text_is_a_plan_that_loads_or_an_error_in_words(words: list[str], name: str) -> None:
    """Whatever stands there."""
    try:
        imported = import_locust(" ".join(["locust", *words]), ImportOptions(), name=name)
    except ImportFailedError:
        return
    _loaded(imported)
