"""What clients of each protocol are told, and what stands in the log."""

import re

import pytest

from gplab import clients, common, dovecot

HELP = "https://help.example.com/mail"
RULES = f"""
*                 all=tls help={HELP}
open.example      all=cleartext
shut.example      all=off
moved.example     all=off message="Moved to mail.new.example"
office.example    all=cleartext allow_nets=127.0.0.6
nopop.example     all=cleartext pop3=off
tls13.example     all=tls tls_min=1.3
implicit.example  all=implicit
"""
DOMAINS = ("open", "shut", "moved", "office", "nopop", "tls13",
           "implicit", "secure")
USERS = {f"alice@{domain}.example": "secret" for domain in DOMAINS}
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
MECHANISMS = ("PLAIN", "SASL-LOGIN", "CRAM-MD5", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def rules(lab):
    lab.write_conf()
    lab.compile(RULES)


@pytest.fixture(scope="module")
def server(lab, rules):
    return dovecot.Dovecot(lab, users=USERS).start()


def login(server, protocol, domain, password="secret", **options):
    return clients.login(server, protocol, f"alice@{domain}.example",
                         password, **options)


def expected_line(protocol, code, text):
    return {"imap": rf"a NO \[{code}\] {text}",
            "pop3": rf"-ERR \[AUTH\] {text}",
            "submission": rf"535 5\.7\.8 {text}",
            "sieve": rf'NO "{text}"'}[protocol]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("domain, code, text", [
    ("secure", "PRIVACYREQUIRED", f"[^\\[]*without encryption.*{HELP}"),
    ("shut", "CONTACTADMIN", f"[^\\[]*switched off.*{HELP}"),
    ("office", "CONTACTADMIN", f"[^\\[]*your network.*{HELP}"),
    ("moved", "CONTACTADMIN", "Moved to mail.new.example"),
])
def test_refusal_is_explained(server, protocol, domain, code, text):
    answer = login(server, protocol, domain)
    assert not answer.ok
    assert re.fullmatch(expected_line(protocol, code, text), answer.line), \
        answer


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("domain", ["secure", "shut"])
def test_password_makes_no_difference(server, domain, mechanism):
    """The login is judged before the password is looked at."""
    for protocol in PROTOCOLS:
        right = login(server, protocol, domain, mechanism=mechanism)
        wrong = login(server, protocol, domain, "wrong", mechanism=mechanism)
        assert not right.ok
        assert (right.line, right.steps) == (wrong.line, wrong.steps)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_encrypted_logins_are_let_in(server, protocol, tls):
    if (protocol, tls) == ("sieve", "implicit"):
        tls = "starttls"
    assert login(server, protocol, "secure", tls=tls).ok
    assert not login(server, protocol, "secure", "wrong", tls=tls).ok
    assert not login(server, protocol, "shut", tls=tls).ok


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cleartext_where_it_is_accepted(server, protocol):
    assert login(server, protocol, "open").ok
    assert not login(server, protocol, "open", "wrong").ok


def test_one_protocol_off(server):
    refused = login(server, "pop3", "nopop", mechanism="USER")
    assert re.match(r"-ERR \[AUTH\] POP3 is switched off", refused.line)
    assert login(server, "imap", "nopop").ok


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_network(server, protocol):
    assert not login(server, protocol, "office").ok
    assert login(server, protocol, "office", source="127.0.0.6").ok


def test_commands_of_the_protocols(server):
    answer = login(server, "imap", "secure", mechanism="LOGIN")
    assert answer.line.startswith("a NO [PRIVACYREQUIRED] ")
    answer = login(server, "pop3", "secure", mechanism="USER")
    assert answer.line.startswith("-ERR [AUTH] ")


def test_ordinary_clients(server):
    """With the standard library's clients, as a mail program sees it."""
    with clients.Imap(server.port("imap")) as imap:
        with pytest.raises(imap.error, match=r"\[PRIVACYREQUIRED\]"):
            imap.login("alice@secure.example", "secret")
    with clients.Imaps(server.port("imaps")) as imap:
        assert imap.login("alice@secure.example", "secret")[0] == "OK"
        assert imap.select()[0] == "OK"
    pop3 = clients.Pop3(server.port("pop3"))
    pop3.user("alice@secure.example")
    with pytest.raises(clients.poplib.error_proto, match="encryption"):
        pop3.pass_("secret")
    pop3.close()


def test_curl(lab, server):
    """curl does STARTTLS only when told to, and then gets in."""
    url = f"imap://{common.SERVER}:{server.port('imap')}/INBOX"
    curl = ["curl", "-sS", "--interface", common.CLIENT, "--user",
            "alice@secure.example:secret", "-k", url]
    assert lab.run(curl, check=False).returncode == 67
    assert lab.run([*curl, "--ssl-reqd"], check=False).returncode == 0


def test_local_connections_need_no_encryption(server):
    assert login(server, "imap", "secure", source=common.SERVER).ok
    assert not login(server, "imap", "shut", source=common.SERVER).ok


def test_version_that_nobody_tells(server):
    """Without the login plugin TLS has no version; it is taken for 1.2."""
    answer = login(server, "imap", "tls13", tls="implicit", version="1.3")
    assert answer.line.startswith("a NO [PRIVACYREQUIRED] ")
    answer = login(server, "imap", "implicit", tls="starttls")
    assert answer.line.startswith("a NO [PRIVACYREQUIRED] ")


def test_webmail(lab, server):
    """A connection from webmail_networks speaks for webmail."""
    lab.write_conf(webmail_networks="127.0.0.8")
    lab.compile(RULES + "web.example all=off webmail=cleartext\n"
                "noweb.example all=cleartext webmail=off\n")
    server.restart()
    try:
        server.write_users({**USERS, "alice@web.example": "secret",
                            "alice@noweb.example": "secret"})
        assert login(server, "imap", "web", source="127.0.0.8").ok
        assert not login(server, "imap", "web").ok
        assert login(server, "imap", "noweb").ok
        answer = login(server, "imap", "noweb", source="127.0.0.8")
        assert "Webmail is switched off" in answer.line
    finally:
        lab.write_conf(webmail_networks=None)
        lab.compile(RULES)
        server.write_users(USERS)
        server.restart()


def test_exempt_networks(lab, server):
    lab.write_conf(exempt_networks="127.0.0.9")
    server.restart()
    try:
        server.mark()
        assert login(server, "imap", "shut", source="127.0.0.9").ok
        server.wait_log(r"gatepost: exempt.*user=<alice@shut\.example>")
        assert not login(server, "imap", "shut").ok
    finally:
        lab.write_conf(exempt_networks=None)
        server.restart()


# Postfix asks through the auth socket.

def test_smtp_auth(server):
    with server.auth_client() as auth:
        assert auth.smtp("alice@secure.example", "secret").kind == "OK"
        assert auth.smtp("alice@secure.example", "wrong").kind == "FAIL"
        refused = auth.smtp("alice@secure.example", "secret", tls=False)
        assert refused.kind == "FAIL"
        assert "without encryption" in refused.fields["reason"]
        assert not refused.fields["reason"].startswith("[")
        refused = auth.smtp("alice@shut.example", "secret")
        assert "switched off" in refused.fields["reason"]


def test_smtp_auth_leaves_port_and_version_to_the_other_door(server):
    with server.auth_client() as auth:
        assert auth.smtp("alice@tls13.example", "secret").kind == "OK"
        assert auth.smtp("alice@implicit.example", "secret").kind == "OK"


def test_only_smtp_is_postfix(server):
    """Of Dovecot's own services "secured" says nothing of TLS."""
    with server.auth_client() as auth:
        for service in ("submission", "imap"):
            reply = auth.plain("alice@secure.example", "secret", "nologin",
                               "secured", service=service,
                               lip=common.SERVER, rip=common.CLIENT)
            assert reply.kind == "FAIL"
            assert "without encryption" in reply.fields["reason"]


def test_smtp_auth_network(server):
    with server.auth_client() as auth:
        assert auth.smtp("alice@office.example", "secret").kind == "FAIL"
        assert auth.smtp("alice@office.example", "secret",
                         rip="127.0.0.6").kind == "OK"


def test_other_services(lab, server):
    """What Gatepost does not know is not judged, unless it is told how."""
    with server.auth_client() as auth:
        assert auth.plain("alice@shut.example", "secret", service="xmpp",
                          rip="192.0.2.1", lip="192.0.2.2").kind == "OK"
    lab.write_conf(other_services="xmpp=imap")
    server.restart()
    try:
        with server.auth_client() as auth:
            assert auth.plain("alice@shut.example", "secret", service="xmpp",
                              rip="192.0.2.1", lip="192.0.2.2"
                              ).kind == "FAIL"
    finally:
        lab.write_conf(other_services=None)
        server.restart()


# The log.

def test_log_line(server):
    server.mark()
    login(server, "pop3", "nopop", "pass-word-42")
    line = server.wait_log(r".*gatepost: refused: .*").group(0)
    number = 1 + [text.split()[:1] for text in RULES.split("\n")].index(
        ["nopop.example"])
    for part in ("auth: Info: gatepost: refused: ",
                 "user=<alice@nopop.example>", "service=pop3", "cause=off",
                 "rule=<nopop.example>", f"line={number}", "disclosed=yes",
                 f"rip={common.CLIENT}", f"lip={common.SERVER}", "tls=none",
                 "method=<PLAIN>", "session=<"):
        assert part in line, line
    assert "pass-word-42" not in server.log()


def test_one_line_a_refusal(server):
    server.mark()
    for _ in range(3):
        login(server, "imap", "shut")
    server.wait_log(r"(?s)(gatepost: refused.*){3}")
    assert server.log().count("gatepost: refused") == 3


def test_allowed_logins_are_not_logged_twice(server):
    server.mark()
    assert login(server, "imap", "open").ok
    server.wait_log("imap-login: Info: (Login|Logged in): ")
    assert "gatepost:" not in server.log()


@pytest.fixture(scope="module")
def any_name(lab, rules):
    """A server that leaves every byte of a name alone."""
    return dovecot.Dovecot(lab, users=USERS, protocols="",
                           extra="auth_username_chars =\n"
                                 "auth_username_format =\n").start()


@pytest.mark.parametrize("name", [
    'x" y>, cause=none@shut.example', "x\033[31m@shut.example",
    "x\ny@shut.example", "x\udcff@shut.example", "x@@shut.example"])
def test_names_are_escaped_in_the_log(any_name, name):
    any_name.mark()
    with any_name.auth_client() as auth:
        reply = auth.plain(name, "secret", service="imap", rip="192.0.2.1",
                           lip="192.0.2.2", session='s" \033,')
    assert reply.kind == "FAIL"
    line = any_name.wait_log(r".*gatepost: refused: .*").group(0)
    assert "cause=name" in line or "cause=off" in line
    assert re.fullmatch(r"[ -~]*", line), line
    fields = line.split("user=<", 1)[1]
    assert ">" not in fields.split(">, service=", 1)[0]


SPELLINGS = [
    "ALICE@SHUT.EXAMPLE", "alice@Shut.Example.", "alice+x@shut.example",
    "alice@\uff53hut.example", "alice@shut\u3002example",
    "%u@shut.example", "%{user}@shut.example", '"alice"@shut.example',
    "../alice@shut.example"]
INVALID = [
    "alice@shut.example..", "\ufeffalice@shut.example",
    "alice@shut.example ", " alice@shut.example", "alice@shut.example\t",
    "alice\x7f@shut.example", "alice@shut.example\x01",
    "alice@shut.example@open.example", "alice@open.example/x@",
    "alice@open.example,alice@shut.example", "a" * 600 + "@open.example",
    "alice@" + "a." * 300 + "open.example",
    "alice@open.example\r\na OK"]


def test_odd_spellings(any_name):
    """What is the same domain is judged as that, what is none is refused."""
    for name, cause in [*((name, "off") for name in SPELLINGS),
                        *((name, "name") for name in INVALID)]:
        any_name.mark()
        with any_name.auth_client() as auth:
            reply = auth.plain(name, "secret", service="imap",
                               rip="192.0.2.1", lip="192.0.2.2")
        assert reply.kind == "FAIL", name
        any_name.wait_log(rf"gatepost: refused: .* cause={cause},")


def test_rules_change_while_everything_runs(lab, server):
    """In force at the next login, without reload, also on a connection that
    stood before."""
    with clients.Login(server, "imap") as waiting:
        assert login(server, "imap", "open").ok
        lab.compile(RULES.replace("open.example      all=cleartext",
                                  "open.example      all=off"))
        assert not login(server, "imap", "open").ok
        assert not waiting.login("alice@open.example", "secret").ok
    lab.compile(RULES)
    assert login(server, "imap", "open").ok
