"""Reading the environment: what is taken, and the one line for each value that is not."""

import pytest

from gateway_project.env import Address, Env, EnvError, one_line_errors


def listen(value):
    return Env({"SIP_LISTEN": value}).listen("SIP_LISTEN", "udp:127.0.0.1:5060", ("udp", "tcp"))


def test_an_unset_or_empty_listener_list_is_the_default():
    assert listen("") == (Address("udp", "127.0.0.1", 5060),)
    assert Env({}).listen("SIP_LISTEN", "udp:127.0.0.1:5060", ("udp", "tcp")) == listen("")


def test_listeners_are_read_in_order_with_ipv6_localhost_and_blanks():
    assert listen(" UDP:192.0.2.1:5060 , tcp:[2001:db8::1]:5062,tcp:localhost:5060") == (
        Address("udp", "192.0.2.1", 5060),
        Address("tcp", "2001:db8::1", 5062),
        Address("tcp", "127.0.0.1", 5060),
    )


def test_an_address_writes_itself_as_it_is_configured():
    for text in ("udp:192.0.2.1:5060", "tcp:[2001:db8::1]:5062"):
        assert str(listen(text)[0]) == text


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("udq:1.2.3.4:5060", "SIP_LISTEN: 'udq:1.2.3.4:5060': unknown transport 'udq', use udp or tcp"),
        ("5060", "SIP_LISTEN: '5060' is not transport:host:port, as in udp:127.0.0.1:5060"),
        ("udp:5060", "SIP_LISTEN: '5060' is not host:port, as in 127.0.0.1:8000"),
        ("udp::5060", "SIP_LISTEN: ':5060' is not host:port, as in 127.0.0.1:8000"),
        (
            "udp:sip.example.com:5060",
            "SIP_LISTEN: 'sip.example.com' is not an IP address, use one such as 127.0.0.1 or [::1]",
        ),
        ("udp:::1:5060", "SIP_LISTEN: '::1': write an IPv6 address in brackets and an IPv4 address without"),
        (
            "udp:[1.2.3.4]:5060",
            "SIP_LISTEN: '[1.2.3.4]': write an IPv6 address in brackets and an IPv4 address without",
        ),
        ("udp:1.2.3.4:0", "SIP_LISTEN: '0' is not a port, use 1 to 65535"),
        ("udp:1.2.3.4:65536", "SIP_LISTEN: '65536' is not a port, use 1 to 65535"),
        ("udp:1.2.3.4:sip", "SIP_LISTEN: 'sip' is not a port, use 1 to 65535"),
        ("udp:1.2.3.4:²", "SIP_LISTEN: '²' is not a port, use 1 to 65535"),
        ("udp:1.2.3.4:5060,udp:1.2.3.4:5060", "SIP_LISTEN: 'udp:1.2.3.4:5060' stands there twice, remove one"),
    ],
)
def test_a_listener_that_cannot_be_used_is_named_with_what_to_write(value, line):
    with pytest.raises(EnvError) as fault:
        listen(value)
    assert str(fault.value) == line


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_words_for_yes(value):
    assert Env({"DEBUG": value}).flag("DEBUG") is True


@pytest.mark.parametrize("value", ["0", "false", "No", "off", ""])
def test_words_for_no(value):
    assert Env({"DEBUG": value}).flag("DEBUG", default=True) is False


@pytest.mark.parametrize(
    ("read", "value", "line"),
    [
        (lambda env: env.flag("X"), "maybe", "X: 'maybe' is neither yes nor no, use 1 or 0"),
        (lambda env: env.integer("X", 1, 0, 9), "ten", "X: 'ten' is not a whole number, use one from 0 to 9"),
        (lambda env: env.integer("X", 1, 0, 9), "10", "X: 10 is out of range, use 0 to 9"),
        (lambda env: env.integer("X", 1, 0, 9), "-1", "X: -1 is out of range, use 0 to 9"),
        (lambda env: env.number("X", 1.5), "soon", "X: 'soon' is not a number, use one such as 1.5"),
        (lambda env: env.number("X", 1.5), "nan", "X: 'nan' is out of range, use a number from 0 up"),
        (lambda env: env.number("X", 1.5), "-1", "X: '-1' is out of range, use a number from 0 up"),
        (lambda env: env.choice("X", "a", ("a", "b", "c")), "d", "X: 'd' is unknown, use a, b or c"),
        (lambda env: env.url("X", "", ("redis",)), "http://h", "X: unknown scheme 'http', use redis://"),
        (lambda env: env.url("X", "", ("redis", "amqp")), "h", "X: unknown scheme '', use redis:// or amqp://"),
        (lambda env: env.address("X", ""), "localhost", "X: 'localhost' is not host:port, as in 127.0.0.1:8000"),
    ],
)
def test_every_other_value_that_cannot_be_used(read, value, line):
    with pytest.raises(EnvError) as fault:
        read(Env({"X": value}))
    assert str(fault.value) == line


def test_a_url_with_an_impossible_port_is_not_a_url():
    with pytest.raises(EnvError, match="DATABASE_URL: not a URL"):
        Env({"DATABASE_URL": "postgresql://h:port/x"}).url("DATABASE_URL", "", ("postgresql",))


@pytest.mark.parametrize(
    ("default", "raw", "value"), [(False, "1", True), (7, "8", 8), (1.5, "2", 2.0), ("a", "b", "b")]
)
def test_a_value_is_read_as_the_type_of_its_default(default, raw, value):
    found = Env({"X": raw}).like("X", default)
    assert (found, type(found)) == (value, type(default))


def test_a_list_has_no_empty_items():
    assert Env({"X": " a, ,b,"}).items("X") == ["a", "b"]
    assert Env({"X": ""}).items("X", ["c"]) == ["c"]


def test_a_fault_ends_the_process_with_its_line_and_status_1(capsys):
    with pytest.raises(SystemExit) as end, one_line_errors():
        raise EnvError("X", "several\n lines of   text")
    assert end.value.code == 1
    assert capsys.readouterr().err == "parley: X: several lines of text\n"


def test_other_errors_pass():
    with pytest.raises(KeyError), one_line_errors():
        raise KeyError("x")
