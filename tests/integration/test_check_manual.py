"""What README and the manual pages say to write is what gatepost check
wants: each is typed as it stands there, and nothing is wrong with it."""

import re

import pytest

from gplab import checking, common

only_2_3 = pytest.mark.skipif(
    checking.IS_2_4, reason="2.3's configuration; this is 2.4")
only_2_4 = pytest.mark.skipif(
    not checking.IS_2_4, reason="2.4's configuration; this is 2.3")

HEAD_24 = "dovecot_config_version = 2.4.1\ndovecot_storage_version = 2.4.0\n"
REST_24 = "passdb pam {\n}\nuserdb passwd {\n}\n"
USERDB = "userdb {\n  driver = passwd\n}\n"
CONF = "/etc/gatepost/gatepost.conf"
SERVICE = "submission inet n - y - - smtpd"


def literal(page, title):
    """The first literal block behind that title of a manual page."""
    text = (common.TREE / page).read_text()
    block = re.search(re.escape(title) + r"\n(?:[^.].*\n|\.(?!S[hs]).*\n)*?"
                      r"\.Bd .*\n((?:[^.].*\n|\n)+)\.Ed\n", text)
    return block.group(1).replace("\\e", "\\")


def write_dovecot(host, text):
    """With what there was before, and told of the lab's settings."""
    text = text.replace(CONF, str(host.lab.conf))
    if not checking.IS_2_4:
        text += f"import_environment = TZ GATEPOST_CONFIG={host.lab.conf}\n"
    host.lab.write("dovecot.conf", text)


def write_postfix(host, main, master):
    host.lab.write("postfix/main.cf", "compatibility_level = 3.6\n"
                   f"queue_directory = {host.dir}/spool\n" + main)
    host.lab.write("postfix/master.cf", master)


@only_2_3
def test_readme(host):
    dovecot, _ = checking.readme_dovecot(CONF)
    write_dovecot(host, dovecot + checking.READMES_REST)
    postfix = checking.readme_lines(4, 5)
    services = postfix.index(SERVICE)
    write_postfix(host, "smtpd_tls_security_level = may\n"
                  + "\n".join(postfix[:services]) + "\n",
                  "smtp inet n - y - - smtpd\n"
                  + "\n".join(postfix[services:]) + "\n")
    assert host.findings() == {}


@only_2_4
def test_readme_of_2_4(host):
    _, dovecot = checking.readme_dovecot(CONF)
    write_dovecot(host, HEAD_24 + dovecot + REST_24)
    assert host.findings("--no-postfix") == {}


DOVECOT_7 = "dovecot-plugin/gatepost-dovecot.7"


@only_2_3
def test_gatepost_dovecot(host):
    write_dovecot(host, literal(DOVECOT_7, ".Ss Dovecot 2.3") + USERDB)
    assert host.findings("--no-postfix") == {}


@only_2_4
def test_gatepost_dovecot_of_2_4(host):
    write_dovecot(host, HEAD_24 + literal(DOVECOT_7, ".Ss Dovecot 2.4")
                  + "userdb passwd {\n}\n")
    assert host.findings("--no-postfix") == {}


@only_2_3
def test_gatepost_dovecot_with_a_database_that_renames(host):
    """Whatever the query says, the name that is entered is judged."""
    sql = host.lab.write("sql.conf", "password_query = SELECT mailbox AS user "
                         "FROM alias WHERE name = '%u'\n")
    part = literal(DOVECOT_7, ".Ss Users whom a database renames")
    write_dovecot(host, "login_plugins = gatepost_login\n" + part.replace(
        "/etc/dovecot/dovecot-sql.conf.ext", str(sql)) + USERDB)
    assert host.findings("--no-postfix") == {}


POLICYD_8 = "postfix-policyd/gatepost-policyd.8"


def test_gatepost_policyd(host):
    write_postfix(host, literal(POLICYD_8, ".Ss main.cf"),
                  literal(POLICYD_8, ".Ss master.cf"))
    assert host.findings("--no-dovecot") == {}


def test_gatepost_policyd_started_by_postfix(host):
    master = literal(POLICYD_8, ".Ss master.cf") + literal(
        POLICYD_8, ".Ss Started by Postfix itself").replace(
            "user=gatepost", "user=nobody")
    write_postfix(host, literal(POLICYD_8, ".Ss main.cf").replace(
        "unix:gatepost/policy", "unix:private/policyd")
                  + "policyd_time_limit = 3600\n", master)
    host.lab.write_conf(policy_socket=host.dir / "nobody")
    assert host.findings("--no-dovecot") == {}


def test_gatepost_policyd_for_devices_without_tls(host):
    """"Where old devices send without TLS"."""
    host.lab.compile("*  all=tls\nscan@example.com  submission=cleartext\n")
    write_postfix(host, literal(POLICYD_8, ".Ss main.cf").replace(
        "smtpd_tls_auth_only = yes", "smtpd_tls_auth_only = no"),
                  literal(POLICYD_8, ".Ss master.cf").replace(
                      "smtpd_tls_security_level=encrypt",
                      "smtpd_tls_security_level=may"))
    assert host.findings("--no-dovecot") == {}
