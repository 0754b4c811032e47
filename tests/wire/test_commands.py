"""Commands to the running gateway: a row and a NOTIFY, whoever writes them."""


def ended(gateway, call, reason):
    """The session's row is closed and says why."""
    row = gateway.session_row(call.call_id, state="ended")
    assert reason in row["end_reason"]
    assert row["ended_at"] is not None
    return row


def test_an_operators_end_sends_a_bye_and_closes_msrp(gateway, live, session, page):
    other = session().call(page().uri)
    row = gateway.session_row(live.call_id)
    done = gateway.manage(
        "shell",
        code="from sessions_app.commands import end_session\n"
        "from sessions_app.models import GatewaySession\n"
        f"end_session(GatewaySession.objects.get(pk='{row['id']}'), by='admin')\n",
    )
    assert done.returncode == 0, done.stderr
    live.expect_bye()
    live.wire.expect_close()
    ended(gateway, live, "ended by admin")
    (command,) = gateway.wait_for_rows(
        "SELECT * FROM sessions_app_nodecommand WHERE session_id = %s AND done_at IS NOT NULL", row["id"]
    )
    assert command["result"] == "ended"
    assert other.bye().status == 200, "only that one"


def test_a_command_by_sql_reaches_the_gateway_too(gateway, live):
    row = gateway.session_row(live.call_id)
    gateway.execute(
        "INSERT INTO sessions_app_nodecommand (node, verb, session_id, by, created_at, result)"
        " VALUES (%s, 'end_session', %s, 'sql', now(), '')",
        row["node"],
        row["id"],
    )
    gateway.execute("SELECT pg_notify('parley_command', %s)", row["node"])
    live.expect_bye()
    ended(gateway, live, "ended by sql")


def test_a_command_to_expire_leaves_a_session_alone_that_is_not_silent(gateway, live):
    """DEFECTS D1, D2: the times count from the session's creation."""
    row = gateway.session_row(live.call_id)
    gateway.execute(
        "INSERT INTO sessions_app_nodecommand (node, verb, session_id, by, created_at, result)"
        " VALUES (%s, 'expire_session', %s, 'cleanup', now(), '')",
        row["node"],
        row["id"],
    )
    gateway.execute("SELECT pg_notify('parley_command', %s)", row["node"])
    (command,) = gateway.wait_for_rows(
        "SELECT * FROM sessions_app_nodecommand WHERE session_id = %s AND done_at IS NOT NULL", row["id"]
    )
    assert command["result"] == "not silent any more"
    assert live.bye().status == 200
