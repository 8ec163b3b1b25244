"""gatepost check on a configuration of Dovecot 2.4. Where 2.4 is installed its
own doveconf reads it; else a stand-in prints it as that does."""

import contextlib
import os

import pytest

from gplab import checking

STAND_IN = """
if [ "$1" = -d ]
then
    echo "login_plugin_dir = /usr/lib/dovecot/modules/login"
    echo "libexec_dir = /usr/lib/dovecot"
else
    echo "# 2.4.1-4 (7d8c0e5759): $2"
    cat "$2"
fi
"""


@pytest.fixture(scope="module")
def host(lab):
    made = checking.Host(lab)
    if not checking.IS_2_4:
        # Any module of this Dovecot: only what it was built for is looked at.
        built = made.modules / "auth" / "libauthdb_gatepost.so"
        (made.modules / "settings").mkdir()
        (made.modules / "settings" / "libgatepost_settings.so").write_bytes(
            built.read_bytes())
    return made


@pytest.fixture(scope="module")
def environment(host):
    if checking.IS_2_4:
        yield dict(os.environ)
        return
    with host.programs(doveconf=STAND_IN) as found:
        yield found


def findings(host, environment, *changes, more=""):
    names = {"dir": host.dir, "conf": host.lab.conf, "cert": host.lab.cert,
             "key": host.lab.key}
    host.lab.write("dovecot.conf", checking.changed(
        checking.DOVECOT_24.format(**names), *changes) + more)
    return host.findings("--no-postfix", env=environment)


PASSDB = "passdb gatepost {\n"
SQL = "sql_driver = sqlite\nsqlite_path = /x\n"
PROXY = ("passdb static {\n  password = x\n  fields {\n    proxy = y\n"
         "    host = 192.0.2.7\n    destuser = %s\n  }\n}\n")
# The passdb's answer is judged; delivery wants the userdb's, too.
SAME = SQL + """passdb sql {
  query = SELECT box AS user, box AS destuser, x FROM m WHERE login='%{user}'
  result_success = continue
}
passdb again {
  driver = gatepost
}
userdb sql {
  query = SELECT box AS user, home FROM m WHERE login='%{user}' OR box='%{user}'
}
"""

TABLE = [
    ("dovecot-passdb-missing", [("passdb gatepost", "passdb pam")], ""),
    ("dovecot-passdb-not-first",
     [(PASSDB, "passdb pam {\n}\n" + PASSDB)], ""),
    ("dovecot-passdb-return-ok", [],
     "passdb again {\n  driver = gatepost\n}\n"),
    ("dovecot-passdb-renames", [],
     "passdb static {\n  fields {\n    user = %{user | username}\n  }\n}\n"),
    ("dovecot-passdb-renames", [],
     "sql_driver = sqlite\nsqlite_path = /x\npassdb sql {\n  query = "
     "SELECT mailbox AS user, password FROM alias WHERE name='%{user}'\n}\n"),
    ("dovecot-passdb-renames", [],
     "passdb static {\n  fields {\n    userdb_user = %{user | username}\n"
     "  }\n}\n"),
    ("dovecot-userdb-renames",
     [("    gid = mail\n", "    gid = mail\n    user = %{user | username}\n")],
     ""),
    ("dovecot-userdb-renames", [], SQL + "userdb sql {\n  query = "
     "SELECT mailbox AS user, home FROM m WHERE login='%{user}'\n}\n"),
    ("dovecot-login-user", [], SQL + "passdb sql {\n  query = SELECT "
     "shared AS login_user, password FROM m WHERE login='%{user}'\n}\n"),
    ("dovecot-destuser", [], PROXY % "%{user | username}"),
    ("dovecot-passdb-filter",
     [(PASSDB, PASSDB + "  username_filter = *@example.com\n")], ""),
    ("dovecot-passdb-mechanisms",
     [(PASSDB, PASSDB + "  mechanisms_filter = plain\n")], ""),
    ("dovecot-passdb-skip",
     [(PASSDB, PASSDB + "  skip = authenticated\n")], ""),
    ("dovecot-passdb-deny", [(PASSDB, PASSDB + "  deny = yes\n")], ""),
    ("dovecot-passdb-protocol", [],
     "protocol imap {\n  passdb static {\n    password = x\n  }\n}\n"),
    ("dovecot-passdb-master", [], "passdb pam {\n  master = yes\n}\n"),
    ("dovecot-other-conf", [("gatepost_config = ", "gatepost_config = /x")],
     ""),
    ("dovecot-mechanism", [("plain login", "plain anonymous")], ""),
    ("dovecot-username-format",
     [], "auth_username_format = %{user | username | lower}\n"),
    ("dovecot-username-chars", [("passwd-file {", "sql {"),
                                ("  passwd_file_path = {dir}/users\n", "")],
     "auth_username_chars =\n"),
    ("dovecot-trusted-networks", [],
     "login_trusted_networks = 10.0.0.0/8\n"),
    ("dovecot-haproxy-networks", [],
     "haproxy_trusted_networks = 10.0.0.0/8\n"),
    ("dovecot-map-unreadable", [],
     "service auth {\n  user = gp-nobody-of-that-name\n}\n"),
    ("dovecot-login-plugin", [("gatepost_login = yes", "other = yes")], ""),
    ("dovecot-login-plugin",
     [], "protocol imap {\n  login_plugins {\n    other = yes\n  }\n}\n"),
    ("dovecot-ssl-off", [("ssl = yes", "ssl = no")], ""),
    ("dovecot-vsz-limit", [], "service auth {\n  vsz_limit = 32M\n}\n"),
    ("dovecot-auth-cache", [], "auth_cache_size = 1G\n"),
]


@pytest.mark.parametrize("wanted, changes, more", TABLE,
                         ids=checking.ids(TABLE))
def test_dovecot(host, environment, wanted, changes, more):
    changes = [(old.replace("{dir}", str(host.dir)), new)
               for old, new in changes]
    assert set(findings(host, environment, *changes, more=more)) == {wanted}


def test_names_that_a_judged_passdb_gives(host, environment):
    users = "passwd_file_path = " + str(host.dir / "users")
    reached = (users, users + "\n  result_success = continue")
    assert findings(host, environment, reached, more=SAME) == {}
    assert set(findings(host, environment, reached, more=SAME.replace(
        "box AS user, box AS destuser,", ""))) == {"dovecot-userdb-renames"}


@pytest.mark.parametrize("more", [
    "", "auth_username_format = %{user | lower}\n",
    "service auth {\n  vsz_limit = unlimited\n}\nauth_cache_size = 1G\n",
    "sql_driver = sqlite\nsqlite_path = /x\npassdb sql {\n  query = SELECT "
    "email AS user, password FROM users WHERE email='%{user | lower}'\n}\n",
    "passdb static {\n  password = x\n  fields {\n    user = %{user | lower}\n"
    "  }\n}\n",
    PROXY % "%{user}", PROXY % "%{user}*master",
    SQL + "userdb sql {\n  query = SELECT home, uid, gid, '*:bytes=' || quota "
    "AS quota_rule FROM m WHERE userid='%{user | username}' AND "
    "domain='%{user | domain}'\n  iterate_query = SELECT box AS user FROM m\n"
    "}\n",
    "userdb passwd-file {\n  passwd_file_path = /x\n  fields {\n"
    "    user = %{user | lower}\n    username = %{user | username}\n  }\n}\n",
    "passdb static {\n  master = yes\n  result_success = continue\n"
    "  password = x\n}\n"])
def test_what_is_not_wrong(host, environment, more):
    assert findings(host, environment, more=more) == {}


def test_rules_that_dovecot_overrules(host, environment):
    host.lab.compile("*  imap=cleartext\n")
    try:
        found = findings(host, environment)
        assert set(found) == {"dovecot-cleartext"}
        assert "auth_allow_cleartext" in found["dovecot-cleartext"]["write"]
        assert findings(host, environment,
                        more="auth_allow_cleartext = yes\n") == {}
        assert findings(
            host, environment, more="remote 192.0.2.0/24 {\n"
            "  auth_allow_cleartext = yes\n}\n") == {}
    finally:
        host.put_back()


@pytest.mark.parametrize("wanted, rules, more", [
    ("dovecot-ssl-min", "*  tls_min=1.0\n", ""),
    (None, "*  tls_min=1.0\n", "ssl_min_protocol = TLSv1\n"),
    ("dovecot-implicit", "*  imap=implicit\n",
     "service imap-login {\n  inet_listener imaps {\n    port = 0\n  }\n}\n"),
    (None, "*  imap=implicit\n", ""),
])
def test_more_rules_that_dovecot_overrules(host, environment, wanted, rules,
                                           more):
    host.lab.compile(rules)
    try:
        assert set(findings(host, environment, more=more)) == (
            {wanted} if wanted else set())
    finally:
        host.put_back()


def test_settings_module(host, environment):
    path = host.modules / "settings" / "libgatepost_settings.so"
    kept = path.read_bytes()
    with contextlib.ExitStack() as stack:
        stack.callback(path.write_bytes, kept)
        path.write_bytes(kept.replace(b".ABIv1", b".ABIv9"))
        assert set(findings(host, environment)) == {
            "dovecot-module-settings"}
        path.unlink()
        assert set(findings(host, environment)) == {
            "dovecot-module-settings"}

