"""gatepost check: nothing is said of a host that is set up as it should be,
and each way of breaking that is found, with what it leads to and what to
write."""

import ctypes
import json
import os
import pathlib
import re
import subprocess

import pytest

from gplab import checking


def test_nothing_is_wrong(host):
    done = host.check()
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "nothing is wrong\n", "")
    done = host.check("--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert host.findings() == {}


only_2_3 = pytest.mark.skipif(
    checking.IS_2_4, reason="2.3's configuration; test_check_24.py has 2.4's")

PASSDB = "passdb {\n  driver = gatepost"
USERS = "passdb {\n  driver = passwd-file"
FILE = """passdb {{
  driver = passwd-file
  args = {dir}/users
  %s
}}
"""
GATEPOST = """passdb {{
  driver = gatepost
  args = {conf}
}}
"""

USERDB = """userdb {{
  driver = passwd-file
  args = {dir}/users
  %s
}}
"""
PROXY = """passdb {{
  driver = static
  args = nopassword=y proxy=y host=192.0.2.7 %s
}}
"""
# A second gatepost passdb is reached.
CONTINUE = ("args = {dir}/users", "args = {dir}/users\n"
            "  result_success = continue")

# id, changes of dovecot.conf, what is put behind it
DOVECOT = [
    ("dovecot-passdb-missing", [("driver = gatepost", "driver = pam")], ""),
    ("dovecot-passdb-not-first", [(PASSDB, "passdb {\n  driver = pam\n}\n"
                                   + PASSDB)], ""),
    ("dovecot-passdb-return-ok", [], GATEPOST),
    ("dovecot-passdb-renames", [], FILE % "override_fields = user=%n@b.test"),
    ("dovecot-passdb-renames", [], FILE % "default_fields = x=1 user=%n"),
    ("dovecot-passdb-renames", [],
     "passdb {{\n  driver = static\n  args = password=x user=bob\n}}\n"),
    ("dovecot-passdb-renames", [],
     FILE % "default_fields = userdb_user=%n@b.test"),
    ("dovecot-passdb-renames", [], FILE % "override_fields = domain=b.test"),
    ("dovecot-userdb-renames", [("home=/var/mail/%u", "user=%n@b.test")], ""),
    ("dovecot-userdb-renames", [],
     USERDB % "override_fields = username=archive"),
    ("dovecot-userdb-renames",
     [("home=/var/mail/%u", "user=%n@b.test"), CONTINUE],
     FILE % "override_fields = user=%n@c.test\n  result_success = continue"
     + GATEPOST),
    ("dovecot-login-user", [], FILE % "default_fields = login_user=shared"),
    ("dovecot-login-user", [],
     FILE % "default_fields = login_user=shared\n  result_success = continue"),
    ("dovecot-destuser", [], PROXY % "destuser=%n"),
    ("dovecot-destuser", [], PROXY % "destuser=%n*master"),
    ("dovecot-passdb-filter",
     [(PASSDB, PASSDB + "\n  username_filter = *@example.com")], ""),
    ("dovecot-passdb-mechanisms",
     [(PASSDB, PASSDB + "\n  mechanisms = plain")], ""),
    ("dovecot-passdb-skip",
     [(PASSDB, PASSDB + "\n  skip = authenticated")], ""),
    ("dovecot-passdb-skip",
     [(PASSDB, PASSDB + "\n  skip = unauthenticated")], ""),
    ("dovecot-passdb-deny", [(PASSDB, PASSDB + "\n  deny = yes")], ""),
    ("dovecot-passdb-protocol", [], "protocol imap {{\n" + FILE % ""
     + "}}\n"),
    ("dovecot-passdb-master", [], FILE % "master = yes"),
    ("dovecot-other-conf", [("  args = {conf}\n  result",
                             "  args = /dev/null\n  result")], ""),
    ("dovecot-mechanism", [("plain login", "plain anonymous")], ""),
    ("dovecot-mechanism", [("plain login", "plain ntlm")],
     "auth_use_winbind = yes\n"),
    ("dovecot-username-format", [], "auth_username_format = %%Ln\n"),
    ("dovecot-username-chars",
     [(USERS, "passdb {\n  driver = sql")], "auth_username_chars =\n"),
    ("dovecot-trusted-networks", [],
     "login_trusted_networks = 192.0.2.1 10.0.0.0/8\n"),
    ("dovecot-trusted-networks", [],
     "login_trusted_networks = 2001:db8::/64\n"),
    ("dovecot-haproxy-networks", [],
     "haproxy_trusted_networks = 10.0.0.0/8\n"),
    ("dovecot-login-plugin", [("login_plugins = gatepost_login\n", "")], ""),
    ("dovecot-login-plugin", [],
     "protocol pop3 {{\n  login_plugins = other\n}}\n"),
    ("dovecot-login-plugin-conf",
     [("import_environment = TZ GATEPOST_CONFIG={conf}\n", "")], ""),
    ("dovecot-ssl-off", [("ssl = yes", "ssl = no")], ""),
    ("dovecot-map-unreadable", [],
     "service auth {{\n  user = gp-nobody-of-that-name\n}}\n"),
    ("dovecot-vsz-limit", [], "service auth {{\n  vsz_limit = 32M\n}}\n"),
    ("dovecot-vsz-limit", [], "default_vsz_limit = 32M\n"),
    ("dovecot-auth-cache", [], "auth_cache_size = 1G\n"),
    ("dovecot-config", [("ssl = yes", "no such line")], ""),
]


def filled_in(host, changes):
    names = {"{dir}": str(host.dir), "{conf}": str(host.lab.conf)}
    for name, value in names.items():
        changes = [tuple(part.replace(name, value) for part in change)
                   for change in changes]
    return changes


@only_2_3
@pytest.mark.parametrize("wanted, changes, more", DOVECOT,
                         ids=checking.ids(DOVECOT))
def test_dovecot(host, wanted, changes, more):
    host.write(dovecot=filled_in(host, changes),
               more=more.replace("%%", "%"))
    found = host.findings()
    assert set(found) == {wanted}
    assert found[wanted]["leads_to"] and found[wanted]["write"]


GOOD_DOVECOT = {
    "a passdb that only refuses may stand before": (
        [(PASSDB, "passdb {\n  driver = passwd-file\n  args = /etc/denied\n"
          "  deny = yes\n}\n" + PASSDB)], ""),
    "a second gatepost passdb that is reached": (
        [CONTINUE], GATEPOST),
    "master users whose target is judged": (
        [], FILE % "master = yes\n  result_success = continue"),
    "master users in old words": ([], FILE % "master = yes\n  pass = yes"),
    "single trusted hosts": (
        [], "login_trusted_networks = 192.0.2.1 192.0.2.2/32 2001:db8::1\n"),
    "a format that keeps the domain": (
        [], "auth_username_format = %%Ln@%%Ld\n"),
    "a cache for which there is room": ([], "auth_cache_size = 10M\n"),
    "a database that keeps the name": (
        [], FILE % "override_fields = x=1 user=%%Lu"),
    "a userdb as they all are": (
        [("home=/var/mail/%u", "home=/var/vmail/%d/%n allow_all_users=yes")],
        ""),
    "a userdb that keeps the name": (
        [("home=/var/mail/%u", "user=%Lu username=%n domain=%d")],
        USERDB % "default_fields = user=%%{{user}} home=/x/%%n"),
    "a userdb and a proxy that say what a judged passdb said": (
        [("home=/var/mail/%u", "user=%n@b.test"), CONTINUE],
        PROXY % "user=%%n@b.test destuser=%%n@b.test"
        "\n  result_success = continue" + GATEPOST),
    "another mailbox, with which the chain begins anew": (
        [], FILE % "default_fields = login_user=shared@b.test\n"
        "  result_success = continue\n  skip = authenticated"),
    "a proxy that logs in with the name, for itself or as a master": (
        [], PROXY % "destuser=%%u" + PROXY % "destuser=%%u*master"),
    "no limit": ([], "service auth {{\n  vsz_limit = 0\n}}\n"),
}


@only_2_3
@pytest.mark.parametrize("name", GOOD_DOVECOT)
def test_what_is_not_wrong_in_dovecot(host, name):
    changes, more = GOOD_DOVECOT[name]
    host.write(dovecot=filled_in(host, changes), more=more.replace("%%", "%"))
    assert host.findings() == {}


@only_2_3
def test_domain_that_is_cut_off_and_put_back(host):
    host.lab.write_conf(default_domain="example.com")
    host.lab.compile()
    host.write(more="auth_username_format = %Ln\n")
    assert host.findings() == {}


# Rules that Dovecot overrules: rules, changes of dovecot.conf, what is behind
SERVER_RULES = [
    ("dovecot-cleartext", "*  imap=cleartext\n", ""),
    ("dovecot-cleartext", "*  imap=cleartext\n",
     "disable_plaintext_auth = no\nssl = required\n"),
    ("dovecot-cleartext", "profile:old  pop3=cleartext\n"
     "a@example.com  profile=old\n", ""),
    ("dovecot-cleartext", "*  imap=tls pop3=off sieve=off submission=off "
     "cleartext_nets=192.0.2.0/24\n", ""),
    ("dovecot-ssl-min", "*  tls_min=1.0\n", ""),
    ("dovecot-ssl-min", "*  tls_min=1.2\n", "ssl_min_protocol = TLSv1.3\n"),
    ("dovecot-implicit", "*  imap=implicit\n",
     "service imap-login {{\n  inet_listener imaps {{\n    port = 0\n  }}\n"
     "}}\n"),
]


@only_2_3
@pytest.mark.parametrize("wanted, rules, more", SERVER_RULES,
                         ids=checking.ids(SERVER_RULES))
def test_rules_that_dovecot_overrules(host, wanted, rules, more):
    host.lab.compile(rules)
    host.write(more=more)
    found = host.findings("--no-postfix")
    assert set(found) == {wanted}
    assert f"{host.lab.rules}:1" in found[wanted]["what"]


@only_2_3
@pytest.mark.parametrize("rules, more", [
    ("*  imap=cleartext\n", "disable_plaintext_auth = no\n"),
    ("*  imap=cleartext\n",
     "remote 192.0.2.0/24 {{\n  disable_plaintext_auth = no\n}}\n"),
    ("*  imap=cleartext until=2020-01-01T00:00:00Z\n", ""),
    ("*  tls_min=1.0\n", "ssl_min_protocol = TLSv1\n"),
    ("*  imap=implicit\n", ""),
])
def test_rules_that_dovecot_lets_count(host, rules, more):
    host.lab.compile(rules)
    host.write(more=more)
    assert host.findings("--no-postfix") == {}


# Settings, map and files


def test_settings(host):
    host.lab.write("gatepost.conf", "no_such = 1\n")
    found = host.findings()
    assert set(found) == {"settings"}
    assert "no_such" in found["settings"]["what"]
    host.lab.conf.unlink()
    assert set(host.findings()) == {"settings"}


@pytest.mark.parametrize("name", ["gatepost.conf", "rules", "."])
def test_files_that_all_may_write(host, name):
    path = host.dir / name
    mode = path.stat().st_mode
    path.chmod(mode | 0o002)
    try:
        assert set(host.findings()) == {"files-open"}
    finally:
        path.chmod(mode)


def test_file_in_a_folder_of_rules(host):
    folder = host.dir / "rules.d"
    folder.mkdir()
    (folder / "10-rules").write_text(checking.RULES)
    host.lab.write_conf(rules=folder)
    host.lab.run([checking.common.program("gatemap"), "-c", host.lab.conf,
                  "-o", host.lab.map, folder], check=False)
    (folder / "10-rules").chmod(0o666)
    try:
        found = host.findings()
        assert str(folder / "10-rules") in found["files-open"]["what"]
    finally:
        host.lab.write_conf(rules=host.lab.rules)


def test_owner_of_the_settings(host):
    os.chown(host.lab.conf, 65534, 65534)
    assert set(host.findings()) == {"files-owner"}


def test_map_that_is_missing(host):
    host.lab.map.unlink()
    assert set(host.findings()) == {"map"}


def test_map_that_all_may_write(host):
    host.lab.map.chmod(0o646)
    assert set(host.findings()) == {"map"}
    host.lab.map.chmod(0o644)


def test_map_cut_short(host):
    new = host.dir / "short"
    new.write_bytes(host.lab.map.read_bytes()[:-4096])
    new.rename(host.lab.map)
    assert set(host.findings()) == {"map"}


class Hash(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def seal(data):
    """A map whose digest fits its bytes, whatever has become of them."""
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_128bits.restype = Hash
    library.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found = library.XXH3_128bits(data[:-16], len(data) - 16)
    return data[:-16] + (found.high.to_bytes(8, "big")
                         + found.low.to_bytes(8, "big"))


def test_damaged_record_in_a_whole_map(host):
    host.lab.compile(checking.RULES + "a@example.com  message=FINDME\n")
    data = host.lab.map.read_bytes()
    assert seal(data) == data
    assert data.count(b"FINDME") == 1
    new = host.dir / "damaged"
    new.write_bytes(seal(data.replace(b"FINDME", b"FOUND!")))
    new.rename(host.lab.map)
    assert set(host.findings()) == {"map-damaged"}


EARLY = "long time(long *at) { if (at != 0) *at = 1000; return 1000; }"


def test_clock_behind_the_map(host):
    library = host.dir / "early.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", library, "-"],
                   input=EARLY, text=True, check=True)
    found = host.findings("--no-dovecot", "--no-postfix",
                          env={**os.environ, "LD_PRELOAD": str(library)})
    assert set(found) == {"clock"}


@pytest.mark.parametrize("setting", ["default_domain", "recipient_delimiter"])
def test_settings_that_are_not_in_the_map(host, setting):
    value = "example.com" if setting == "default_domain" else "+"
    host.lab.write_conf(**{setting: value})
    found = host.findings()
    assert set(found) == {"map-settings"}
    assert setting in found["map-settings"]["what"]


def test_rules_that_are_not_compiled(host):
    host.lab.write_rules("*  all=off\n")
    assert set(host.findings()) == {"map-old"}


def test_rules_that_cannot_be_compiled(host):
    host.lab.write_rules("*  all=nonsense\n")
    assert set(host.findings()) == {"rules"}
    assert "nonsense" in host.check().stderr


def test_map_that_was_changed(host):
    host.lab.run([checking.common.program("gatemap"), "-c", host.lab.conf,
                  "-i", host.lab.rules],
                 input="a@example.com imap=off\n", stdin=None)
    assert set(host.findings()) == {"map-changed"}


def test_summary(host):
    summary = host.lab.map.with_suffix(".summary")
    kept = summary.read_bytes()
    summary.unlink()
    assert set(host.findings()) == {"summary"}
    host.lab.compile("*  all=cleartext\n")
    wrong = summary.read_bytes()
    host.lab.compile(checking.RULES)
    assert summary.read_bytes() == kept
    summary.write_bytes(wrong)
    assert set(host.findings()) == {"summary"}


def test_policyds_user(host):
    found = host.findings("--policyd-user", "gp-nobody-of-that-name")
    assert set(found) == {"policyd-user"}
    host.lab.map.chmod(0o640)
    try:
        found = host.findings("--no-dovecot")
        assert set(found) == {"policyd-map"}
        assert host.findings("--no-dovecot", "--policyd-user", "root") == {}
    finally:
        host.lab.map.chmod(0o644)


def test_map_that_the_auth_process_may_read_by_its_group(host):
    host.lab.map.chmod(0o640)
    os.chown(host.lab.map, 0, 8)
    try:
        assert set(host.findings("--no-postfix")) == {
            "dovecot-map-unreadable"}
        host.write(more="service auth {{\n  extra_groups = mail\n}}\n")
        assert host.findings("--no-postfix") == {}
    finally:
        host.lab.map.chmod(0o644)


def test_policyd(host):
    host.lab.write_conf(policy_socket=host.dir / "spool/gatepost/nobody")
    assert set(host.findings()) == {"policyd-down", "postfix-socket"}
    host.lab.write_conf(
        policy_socket=f"{host.policy} inet:192.0.2.1:10040")
    assert set(host.findings()) == {"policyd-open"}


@pytest.mark.parametrize("part", ["policy", "."])
def test_policyd_to_whom_postfix_may_not_connect(host, part):
    path = host.policy.parent / part
    mode = path.stat().st_mode
    path.chmod(0o700)
    try:
        assert set(host.findings()) == {"policyd-closed"}
    finally:
        path.chmod(mode)


# Modules


@pytest.mark.parametrize("wanted, name", [
    ("dovecot-module-auth", "auth/libauthdb_gatepost.so"),
    ("dovecot-module-login", "login/libgatepost_login.so")])
def test_module_of_another_dovecot(host, wanted, name):
    path = host.modules / name
    kept = path.read_bytes()
    assert kept.count(b".ABIv") == 1
    try:
        path.write_bytes(kept.replace(b".ABIv1", b".ABIv9"))
        found = host.findings()
        assert set(found) == {wanted}
        assert ".ABIv9" in found[wanted]["what"]
        path.write_bytes(b"no module")
        assert set(host.findings()) == {wanted}
        path.unlink()
        assert set(host.findings()) == {wanted}
    finally:
        path.write_bytes(kept)


@pytest.mark.parametrize("name", ["auth/libauthdb_gatepost.so",
                                  "login/libgatepost_login.so"])
def test_module_built_beside_another_build(host, name):
    """As after a security update that keeps the name of the ABI."""
    path = host.modules / name
    kept = path.read_bytes()
    built = re.search(rb"gatepost-built-beside:(/[^:\0]*):([0-9a-f]+)\0", kept)
    assert set(host.findings()) == set()
    try:
        other = bytes(reversed(built[2]))
        assert other != built[2]
        path.write_bytes(kept.replace(built[2], other))
        found = host.findings()
        assert set(found) == {"dovecot-module-build"}
        assert (f"{path} was built beside another build of "
                f"{built[1].decode()}" in
                found["dovecot-module-build"]["what"])
        # What does not say it is not found fault with.
        path.write_bytes(kept.replace(built[0], b"\0" * len(built[0])))
        assert set(host.findings()) == set()
    finally:
        path.write_bytes(kept)


# What a query selects as the name

SQL = """passdb {{
  driver = sql
  args = {dir}/sql.conf
}}
"""
USERDB_SQL = SQL.replace("passdb", "userdb")
# With "user" from it, where gatepost is asked behind it.
JUDGED_SQL = SQL.replace("}}", "  result_success = continue\n}}") + GATEPOST


def look_at_queries(host, more, changes=(), **queries):
    host.lab.write("sql.conf", "driver = sqlite\n#password_query = x\n"
                   + "".join(f"{name} = {query}\n"
                             for name, query in queries.items())
                   + "default_pass_scheme = PLAIN\n")
    host.write(dovecot=filled_in(host, changes), more=more)
    return host.findings("--no-postfix")


@only_2_3
@pytest.mark.parametrize("query, column", [
    ("SELECT mailbox AS user, password FROM alias WHERE name = '%u'",
     "mailbox"),
    ("SELECT password, \\\n m.mailbox user FROM m WHERE m.login='%u'",
     "mailbox"),
    ("SELECT password, box AS userdb_user FROM m WHERE login='%u'", "box"),
    ("SELECT email AS user, password FROM users WHERE email = '%u'", None),
    ("SELECT email AS user, password, email AS userdb_user, "
     "home AS userdb_home FROM users WHERE email = '%u'", None),
])
def test_query(host, query, column):
    found = look_at_queries(host, SQL, password_query=query)
    if column is None:
        assert found == {}
        return
    assert set(found) == {"dovecot-passdb-renames"}
    assert f"from {column}, " in found["dovecot-passdb-renames"]["what"]


PLAIN = "SELECT password FROM m WHERE login = '%u'"


@only_2_3
@pytest.mark.parametrize("query, column", [
    ("SELECT mailbox AS user, home FROM m WHERE login = '%u'", "mailbox"),
    ("SELECT home, uid, main AS domain FROM m WHERE login = '%u'", "main"),
    ("SELECT home, uid, gid, '*:bytes=' || quota AS quota_rule FROM m "
     "WHERE userid = '%n' AND domain = '%d'", None),
    ("SELECT email AS user, home, box AS userdb_user FROM m "
     "WHERE email = '%u'", None),
])
def test_query_of_a_userdb(host, query, column):
    found = look_at_queries(
        host, SQL + USERDB_SQL, password_query=PLAIN, user_query=query,
        iterate_query="SELECT mailbox AS user FROM m")
    if column is None:
        assert found == {}
        return
    assert set(found) == {"dovecot-userdb-renames"}
    row = found["dovecot-userdb-renames"]
    assert f"from {column}, " in row["what"]
    assert row["what"].startswith("userdb number 2 (sql) ")
    assert "driver = gatepost" in row["write"]


@only_2_3
def test_queries_that_say_the_same(host):
    """The passdb's answer is judged; delivery wants the userdb's, too."""
    where = "FROM m WHERE login = '%u' OR mailbox = '%u'"
    queries = {"user_query": f"SELECT mailbox AS user, home {where}",
               "password_query": "SELECT password, mailbox AS user, "
               f"mailbox AS destuser {where}"}
    assert look_at_queries(host, JUDGED_SQL + USERDB_SQL, [CONTINUE],
                           **queries) == {}
    queries["password_query"] = f"SELECT password {where}"
    assert set(look_at_queries(host, JUDGED_SQL + USERDB_SQL, [CONTINUE],
                               **queries)) == {"dovecot-userdb-renames"}


@only_2_3
@pytest.mark.parametrize("query, wanted", [
    ("SELECT 'Y' AS proxy, host, box AS destuser FROM m WHERE login='%u'",
     {"dovecot-destuser"}),
    ("SELECT 'Y' AS proxy, host, CONCAT(login, '*x') AS destuser FROM m "
     "WHERE login='%u'", set()),
])
def test_query_for_a_proxy(host, query, wanted):
    assert set(look_at_queries(host, SQL, password_query=query)) == wanted


# The command


def test_every_finding_has_a_test():
    """One that breaks a configuration in that way: its name stands in these
    files."""
    sources = "".join(path.read_text() for path in
                      (checking.common.TREE / "shared/tools").glob("check*.c"))
    row = r'\t\{ "([a-z0-9-]+)", (?:find_|BOTH|CHECK_)'
    call = r'check_(?:add|add_text|run)\(check, "([a-z0-9-]+)"'
    names = {*re.findall(row, sources), *re.findall(call, sources)}
    tests = "".join(path.read_text() for path in pathlib.Path(
        __file__).parent.glob("test_check*.py"))
    assert len(names) > 70
    assert [name for name in sorted(names) if f'"{name}"' not in tests] == []


def test_text_names_what_where_and_what_to_write(host):
    host.write(dovecot=[("ssl = yes", "ssl = no")])
    done = host.check()
    assert done.returncode == 1
    assert done.stdout == (
        "dovecot-ssl-off: ssl = no\n"
        "  leads to: no client can encrypt: every rule but \"cleartext\" "
        "refuses all of them\n"
        "  write:\n      ssl = yes\n1 thing is wrong\n")
    assert host.check("--quiet").stdout == done.stdout.replace(
        "1 thing is wrong\n", "")


def test_servers_that_are_left_out(host):
    host.write(dovecot=[("ssl = yes", "ssl = no")],
               main=[("timeout=10s", "timeout=5m")])
    assert set(host.findings("--no-dovecot")) == {"postfix-timeout"}
    assert set(host.findings("--no-postfix")) == {"dovecot-ssl-off"}
    done = host.check("--no-dovecot", "--no-postfix")
    assert (done.returncode, done.stdout) == (
        0, "nothing is wrong; Dovecot and Postfix were left out\n")
    done = host.check("--json", "--no-dovecot", "--no-postfix")
    assert json.loads(done.stdout) == {
        "findings": [], "dovecot": False, "postfix": False}


def test_server_that_is_not_there(host):
    with host.programs(doveconf="exit 127\n", postconf="kill -9 $$\n") as env:
        found = host.findings(env=env)
    assert set(found) == {"dovecot-config", "postfix-config"}
    assert "--no-dovecot" in found["dovecot-config"]["write"]
    assert "--no-postfix" in found["postfix-config"]["write"]


def test_program_that_writes_without_end(host):
    with host.programs(doveconf="exec yes\n") as env:
        found = host.findings("--no-postfix", env=env)
    assert set(found) == {"dovecot-config"}
    assert "too much" in found["dovecot-config"]["what"]


def test_arguments_are_read_by_no_shell(host):
    done = host.check("--dovecot-config", "$(touch {})".format(
        host.dir / "touched"))
    assert done.returncode == 1
    assert not (host.dir / "touched").exists()


@pytest.mark.parametrize("words", [["--nonsense"], ["word"],
                                   ["--policyd-user"]])
def test_wrong_command_line(host, words):
    done = host.check(*words)
    assert done.returncode == 64
    assert done.stdout == ""


def test_help(host):
    done = host.check("--help")
    assert done.returncode == 0
    assert "--no-dovecot" in done.stdout
