"""What gatepost-dovecot(7) says to write is written down as it stands there,
and does what the page says."""

import re
import sqlite3

import pytest

from gplab import clients, common, dovecot, forged, releases

PAGE = common.TREE / "dovecot-plugin" / "gatepost-dovecot.7"
OLD = not isinstance(releases.release(), releases.Dovecot24)
RULES = """
*             all=tls webmail=cleartext
open.example  all=cleartext
shut.example  all=off
home.example  all=off webmail=trusted trusted_nets=198.51.100.0/24
"""
USERS = {f"alice@{domain}.example": "secret"
         for domain in ("open", "secure", "shut", "home")}
HAPROXY = "127.0.0.10"
WEBMAIL = "127.0.0.8"


def blocks(title):
    """The literal blocks of a section."""
    section = re.search(rf"^\.S[sh] {re.escape(title)}\n(.*?)(?=^\.S[sh] )",
                        PAGE.read_text(), re.M | re.S).group(1)
    found = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", section, re.M | re.S)
    return [text.replace("\\e", "\\") for text in found]


@pytest.fixture
def written(lab):
    """Starts a server with these lines of the page, the lab's paths and
    addresses put in, and nothing else that bears on logins."""
    started = []

    def start(text, **values):
        server = dovecot.Dovecot(lab, users=USERS, passdbs=[],
                                 login_plugin=True, protocols="imap")
        places = {"/etc/gatepost/gatepost.conf": lab.conf,
                  "/etc/dovecot/users.sqlite": lab.dir / "users.sqlite",
                  "/etc/dovecot/users": server.dir / "users",
                  "/etc/dovecot/": f"{lab.dir}/",
                  "extra_groups = gatepost": "extra_groups = mail", **values}
        for old, new in places.items():
            text = text.replace(old, str(new))
        server.extra = text
        started.append(server.start())
        return server

    lab.write_conf()
    lab.compile(RULES)
    yield start
    for server in started:
        server.stop()


def login(server, name, password="secret", **options):
    """A bare word is a domain's alice."""
    if "." not in name:
        name = f"alice@{name}.example"
    return clients.login(server, "imap", name, password, **options)


def test_basics(written):
    server = written(blocks("Dovecot 2.3" if OLD else "Dovecot 2.4")[0])
    assert login(server, "open").ok
    assert not login(server, "open", "wrong").ok
    assert "[PRIVACYREQUIRED]" in login(server, "secure").line
    assert login(server, "secure", tls="starttls").ok
    assert "[CONTACTADMIN]" in login(server, "shut", tls="starttls").line


@pytest.mark.parametrize("field", ["user", "userdb_user"])
def test_database_that_renames(lab, written, field):
    """What is meant for the prefetch userdb counts at once."""
    title = "Users whom a database renames"
    of_old, query, of_new = (block.replace("AS user,", f"AS {field},")
                             for block in blocks(title))
    assert f"AS {field}," in query + of_new
    path = lab.dir / "users.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("create table mailboxes (login, address, password)")
        database.executemany("insert into mailboxes values (?, ?, ?)", [
            (name.replace("@", "-"), name, "{PLAIN}secret")
            for name in USERS])
    database.close()
    path.chmod(0o644)
    lab.write("dovecot-sql.conf.ext", query.replace(
        "/etc/dovecot/users.sqlite", str(path)))
    lab.compile(RULES + "@ all=cleartext\n")
    server = written(of_old if OLD else of_new)
    for name in ("alice-open.example", "alice@open.example"):
        assert login(server, name).ok
        assert not login(server, name, "wrong").ok
    assert "[CONTACTADMIN]" in login(server, "alice@shut.example").line
    refused = login(server, "alice-shut.example")
    assert refused.line == ("a NO [AUTHENTICATIONFAILED] "
                            "Authentication failed.")
    assert login(server, "alice-shut.example", "wrong").line == refused.line


def test_master_users(lab, written):
    lab.write("masters", "admin:{PLAIN}master\n")
    server = written(blocks("Master users")[0 if OLD else 1])
    assert login(server, "alice@open.example*admin", "master").ok
    assert not login(server, "alice@open.example*admin", "wrong").ok
    assert not login(server, "nobody@open.example*admin", "master").ok
    right, wrong = (login(server, "alice@shut.example*admin", password)
                    for password in ("master", "wrong"))
    assert not right.ok and right.said == wrong.said
    server.wait_log(r"refused: user=<alice@shut\.example>.* disclosed=no, "
                    r".*master=<admin>")
    assert login(server, "alice@open.example").ok


def test_dovecot_proxy(lab, written):
    backend = dovecot.Dovecot(lab, users=USERS, gatepost=False,
                              protocols="imap").start()
    old, new = blocks("Dovecot proxies")
    host, port = common.SERVER, backend.port("imap")
    if OLD:
        server = written(old, **{"192.0.2.10": f"{host} port={port}"})
    else:
        server = written(new, **{"192.0.2.10": f"{host}\n    port = {port}"})
    assert login(server, "open").ok
    assert not login(server, "open", "wrong").ok
    assert login(server, "secure", tls="implicit").ok
    assert "[PRIVACYREQUIRED]" in login(server, "secure").line
    assert "[CONTACTADMIN]" in login(server, "shut", tls="implicit").line
    backend.stop()


def with_basics(section):
    return blocks("Dovecot 2.3" if OLD else "Dovecot 2.4")[0] + section


def test_haproxy(lab, written):
    port = lab.port()
    server = written(with_basics(blocks("HAProxy")[0]),
                     **{"192.0.2.5": HAPROXY, "10143": port})
    server.ports["proxied"] = port
    for tls in (False, True):
        for domain, lets_in in (("open", True), ("secure", tls),
                                ("shut", False)):
            header = forged.proxy_v2("203.0.113.7", tls=tls)
            with clients.Login(server, "proxied", HAPROXY,
                               first=header) as client:
                answer = client.login(f"alice@{domain}.example", "secret")
                assert answer.ok == lets_in, answer


def test_webmail_on_the_server_itself(lab, written):
    setting = blocks("Webmail")[0].split("=", 1)[1].strip()
    lab.write_conf(webmail_networks=setting)
    server = written(with_basics(""))
    try:
        assert login(server, "secure", source=common.SERVER).ok
        assert not login(server, "secure").ok
        answer = login(server, "shut", source=common.SERVER)
        assert "Webmail is switched off" in answer.line
    finally:
        lab.write_conf(webmail_networks=None)


def test_webmail_on_another_host(lab, written):
    setting = blocks("Webmail")[1].replace("192.0.2.7", WEBMAIL)
    lab.write_conf(webmail_networks=setting.split("=", 1)[1].strip())
    server = written(with_basics(blocks("Webmail")[2]),
                     **{"192.0.2.7": WEBMAIL})
    try:
        for address, lets_in in (("198.51.100.7", True),
                                 ("203.0.113.9", False)):
            with clients.Login(server, "imap", WEBMAIL,
                               tls="implicit") as client:
                forged.imap_id(client, {"x-originating-ip": address})
                answer = client.login("alice@home.example", "secret")
                assert answer.ok == lets_in, answer
    finally:
        lab.write_conf(webmail_networks=None)


def test_what_a_module_was_built_for(lab):
    """The command of the page for upgrades."""
    _, command = blocks("UPGRADES OF DOVECOT")[0].splitlines()
    command = re.sub(r"/usr/\S+", str(common.module("libauthdb_gatepost")),
                     command)
    shown = lab.run(["sh", "-c", command]).stdout
    # With sanitizers constants are there twice.
    assert re.fullmatch(r"(2\.\d\.ABIv\d+\n)\1*", shown), shown
