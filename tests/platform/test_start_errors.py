"""What a user sees when the gateway cannot start: one line that names the setting, a status other than 0."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_project.postgres.cluster import Cluster
from gateway_project.postgres.share import Share

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(state_folder, tmp_path):
    """`run("runserver", NAME="value")`: a command in a clean environment with a state folder of its own."""

    def run(*command, program=(sys.executable, "manage.py"), **environment):
        clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PARLEY_STATE_DIR": str(state_folder)}
        clean["PYTHONPATH"] = str(PROJECT)
        return subprocess.run(
            [*program, *command],
            cwd=PROJECT,
            env=clean | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def refused(done, start):
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert start in lines[0]


COMMANDS = [["runserver"], ["runserver", "--noreload"], ["rungateway"], ["check"]]
BAD_VALUES = [
    ("SIP_LISTEN", "udq:1.2.3.4:5060", "'udq:1.2.3.4:5060': unknown transport 'udq', use udp, tcp or tls"),
    ("MSRP_LISTEN", "udp:127.0.0.1:2855", "'udp:127.0.0.1:2855': unknown transport 'udp', use tcp"),
    ("HTTP_LISTEN", "8000", "'8000' is not host:port"),
    ("DATABASE_URL", "sqlite:///x", "unknown scheme 'sqlite', use postgresql:// or postgres://"),
    ("CELERY_BROKER_URL", "redos://x", "unknown scheme 'redos'"),
    ("DEBUG", "perhaps", "'perhaps' is neither yes nor no"),
    ("LOG_LEVEL", "loud", "'loud' is unknown"),
    ("GATEWAY_HASH_SIZE", "big", "'big' is not a whole number"),
    ("CSRF_TRUSTED_ORIGINS", "example.com", "'example.com' has no scheme, write https://example.com"),
    ("PARLEY_STATE_DIR", "/dev/null/state", "cannot make folder '/dev/null/state'"),
]


@pytest.mark.parametrize(("setting", "value", "problem"), BAD_VALUES, ids=[name for name, _, _ in BAD_VALUES])
def test_a_bad_value(run, setting, value, problem):
    refused(run("rungateway", **{setting: value}), f"{setting}: {problem}")


def test_a_tls_listener_without_a_certificate_that_can_be_used(run):
    listen = "tls:127.0.0.1:5061"
    refused(run("check", SIP_LISTEN=listen), "SIP_TLS_CERTIFICATE: a tls listener needs a certificate")
    refused(
        run("rungateway", SIP_LISTEN=listen, SIP_TLS_CERTIFICATE="/nowhere/own.pem"),
        "SIP_TLS_CERTIFICATE, SIP_TLS_KEY: /nowhere/own.pem, with its key: No such file or directory",
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses_it_alike(run, command):
    refused(run(*command, SIP_LISTEN="udq:1.2.3.4:5060"), "SIP_LISTEN: ")


@pytest.mark.parametrize(
    "program", [["daphne", "gateway_project.asgi:application"], ["celery", "-A", "gateway_project", "beat"]]
)
def test_the_other_entries_refuse_it_alike(run, program):
    module, *arguments = program
    refused(run(*arguments, program=[sys.executable, "-m", module], DEBUG="perhaps"), "DEBUG: ")


@pytest.mark.parametrize("command", [["runserver", "--noreload"], ["rungateway"]], ids=" ".join)
@pytest.mark.parametrize("setting", ["HTTP_LISTEN", "SIP_LISTEN", "MSRP_LISTEN"])
def test_a_port_in_use(run, command, setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        if setting != "HTTP_LISTEN":
            address = f"tcp:{address}"
        refused(run(*command, **free_listeners() | {setting: address}), f"{setting}: {address} is already in use")


def test_a_port_given_twice(run):
    listeners = free_listeners()
    listeners["SIP_LISTEN"] = listeners["MSRP_LISTEN"]
    refused(run("rungateway", **listeners), "MSRP_LISTEN: ")


def test_an_address_of_another_machine(run):
    listeners = free_listeners() | {"SIP_LISTEN": "udp:192.0.2.1:5060"}
    refused(run("rungateway", **listeners), "SIP_LISTEN: udp:192.0.2.1:5060 is not an address of this machine")


@pytest.mark.parametrize("command", [["runserver", "--noreload"], ["rungateway"], ["bootstrap"]], ids=" ".join)
def test_a_database_that_cannot_be_reached(run, command):
    nobody = f"127.0.0.1:{free_port()}"
    done = run(*command, DATABASE_URL=f"postgresql://u:secret@{nobody}/d", **free_listeners())
    refused(done, "DATABASE_URL: cannot reach the database: ")
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", [["runserver", "--noreload"], ["rungateway"]], ids=" ".join)
def test_settings_that_contradict_each_other(run, command):
    done = run(*command, GATEWAY_SESSION_TIMEOUT="60", GATEWAY_MESSAGE_TIMEOUT="7200", **free_listeners())
    refused(done, "GATEWAY_SESSION_TIMEOUT")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_listeners():
    return {
        "HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        "SIP_LISTEN": f"udp:127.0.0.1:{free_port()}",
        "MSRP_LISTEN": f"tcp:127.0.0.1:{free_port()}",
    }


USERS = [
    ["manage.py", "sessions"],
    ["manage.py", "end", "a key"],
    ["manage.py", "seed_demo"],
    ["manage.py", "createsuperuser", "--noinput", "--username", "x", "--email", "x@y.z"],
    ["manage.py", "rungateway"],
]
PROCESSES = [
    ["-W", "ignore", "-m", "celery", "-A", "gateway_project", "--quiet", "worker"],
    ["-W", "ignore", "-m", "celery", "-A", "gateway_project", "--quiet", "beat"],
    ["-m", "daphne", "-p", "0", "gateway_project.asgi:application"],
]


@pytest.mark.parametrize("command", [*USERS, *PROCESSES], ids=" ".join)
def test_another_state_folder_than_the_gateways_is_told_and_nothing_is_made_there(run, state_folder, command):
    done = run(*command, program=[sys.executable], **free_listeners())
    refused(done, f"PARLEY_STATE_DIR: there is no database in {state_folder}: name the folder of the gateway that runs")
    assert "manage.py bootstrap" in done.stderr
    assert not (state_folder / "postgres").exists()


@pytest.mark.parametrize("command", USERS[:2], ids=" ".join)
def test_a_database_without_our_tables_is_told_too(run, empty_database, command):
    done = run(*command, program=[sys.executable])
    refused(done, f"PARLEY_STATE_DIR: embedded PostgreSQL in {empty_database}/postgres misses ")
    assert "manage.py bootstrap" in done.stderr
    elsewhere = run(*command, program=[sys.executable], DATABASE_URL=Cluster(empty_database).url)
    refused(elsewhere, "DATABASE_URL: parley@")


def test_a_fault_of_the_program_is_still_a_traceback(run, empty_database):
    assert run("bootstrap").returncode == 0
    code = "from django.db import connection; connection.cursor().execute('SELECT * FROM no_such_table')"
    assert "Traceback" in run("shell", "-c", code).stderr


@pytest.fixture
def empty_database(state_folder):
    """A state folder whose database runs and has nothing in it."""
    share = Share(state_folder)
    share.ensure()
    yield state_folder
    share.release()
