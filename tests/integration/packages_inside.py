#!/usr/bin/python3
"""The Debian packages on a machine of their own (systemd-boot.sh), as an
administrator has them: installed beside a Dovecot that runs, put to use,
upgraded, removed and purged.

usage: packages_inside.py PACKAGES NEWER, two folders"""

import grp
import imaplib
import os
import pathlib
import pwd
import socket
import subprocess
import sys

from gplab import booted
from gplab.booted import run, show, wait_for

OLD, NEW = (sorted(str(path) for path in pathlib.Path(folder).glob("*.deb"))
            for folder in sys.argv[1:3])
NAMES = ("gatepost", "gatepost-dovecot", "gatepost-policyd")
DAEMON = "gatepost-policyd.service"
LISTENER = "gatepost-policyd.socket"
SOCKET = pathlib.Path("/var/spool/postfix/gatepost/policy")
STATE = pathlib.Path("/var/lib/systemd/deb-systemd-helper-enabled")
ETC = pathlib.Path("/etc/gatepost")
REQUEST = (b"request=smtpd_access_policy\nprotocol_state=RCPT\n"
           b"policy_context=submission\nclient_address=192.0.2.1\n"
           b"encryption_protocol=TLSv1.3\nsasl_username=%s\n\n")

GATEPOST_23 = """
login_plugins = gatepost_login
passdb {
  driver = gatepost
  result_internalfail = return-fail
}
service auth {
  extra_groups = gatepost
}
"""
PLAIN_23 = """
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
%s
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/var/vmail/%%u
}
mail_location = maildir:~/Maildir
"""
GATEPOST_24 = """
gatepost_config = /etc/gatepost/gatepost.conf
login_plugins {
  gatepost_login = yes
}
passdb gatepost {
  result_internalfail = return-fail
}
service auth {
  extra_groups = gatepost
}
"""
PLAIN_24 = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols = imap
listen = 127.0.0.1
ssl = no
auth_allow_cleartext = yes
%s
passdb passwd-file {
  passwd_file_path = /etc/dovecot/users
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = /var/vmail/%%{user}
  }
}
mail_driver = maildir
mail_path = ~/Maildir
"""


def configure_dovecot(with_gatepost):
    is_23 = run("dovecot", "--version").startswith("2.3.")
    text = PLAIN_23 if is_23 else PLAIN_24
    lines = GATEPOST_23 if is_23 else GATEPOST_24
    pathlib.Path("/etc/dovecot/dovecot.conf").write_text(
        text % (lines if with_gatepost else ""))


def login(user):
    """Whether Dovecot lets in; None where nobody answers."""
    try:
        with imaplib.IMAP4("127.0.0.1", timeout=20) as client:
            client.login(user, "secret")
        return True
    except (imaplib.IMAP4.abort, OSError):
        return None
    except imaplib.IMAP4.error:
        return False


def wait_for_login(user="alice@example.com"):
    """Dovecot has been restarted."""
    wait_for(lambda: login(user), f"a login of {user}")


def ask(user):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(SOCKET))
        sock.sendall(REQUEST % user)
        return sock.recv(4096)


def assert_doors_judge():
    wait_for_login()
    assert login("off@example.com") is False
    assert ask(b"alice@example.com") == b"action=DUNNO\n\n"
    assert ask(b"off@example.com").startswith(b"action=550 5.7.1 ")


def units():
    return [show(unit, name) for unit in (DAEMON, LISTENER)
            for name in ("ActiveState", "UnitFileState")]


def step_before():
    """A Dovecot that knows nothing of Gatepost."""
    # What keeps services from being started in a root that is no machine.
    pathlib.Path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
    pathlib.Path("/etc/dovecot/users").write_text(
        "alice@example.com:{PLAIN}secret\noff@example.com:{PLAIN}secret\n")
    vmail = pathlib.Path("/var/vmail")
    vmail.mkdir()
    os.chown(vmail, pwd.getpwnam("nobody").pw_uid, -1)
    configure_dovecot(False)
    run("systemctl", "restart", "dovecot")
    wait_for_login("off@example.com")


def step_install():
    """Nothing is started, nothing is enabled, nothing changes."""
    before = sorted(pathlib.Path("/etc").rglob("*gatepost*"))
    run("dpkg", "-i", *OLD)
    user = pwd.getpwnam("gatepost")
    assert grp.getgrgid(user.pw_gid).gr_name == "gatepost"
    assert units() == ["inactive", "disabled"] * 2
    assert sorted(pathlib.Path("/etc").rglob("*gatepost*")) == before
    wait_for_login("off@example.com")


def step_use():
    """As in README.Debian."""
    ETC.mkdir(exist_ok=True)
    (ETC / "gatepost.conf").write_text("")
    (ETC / "rules").write_text("* all=tls\noff@example.com all=off\n")
    run("gatemap", str(ETC / "rules"))
    configure_dovecot(True)
    run("systemctl", "restart", "dovecot")
    run("systemctl", "enable", "--now", DAEMON)
    assert_doors_judge()


def step_upgrade():
    """The daemon that runs is the new one, and the doors are as they were."""
    pid = show(DAEMON, "MainPID")
    run("dpkg", "-i", *NEW)
    assert units() == ["active", "enabled"] * 2
    assert show(DAEMON, "MainPID") != pid
    assert_doors_judge()


def step_upgrade_of_what_is_stopped():
    """It stays so."""
    run("systemctl", "disable", "--now", LISTENER, DAEMON)
    run("dpkg", "-i", *OLD)
    assert units() == ["inactive", "disabled"] * 2
    run("systemctl", "enable", "--now", DAEMON)
    assert_doors_judge()


def step_remove_what_is_in_use():
    """It is said, and nobody is let in who was refused before."""
    told = run("dpkg", "-r", "gatepost-dovecot")
    assert "Dovecot's configuration still names gatepost" in told
    for user in ("alice@example.com", "off@example.com"):
        assert not login(user)


def step_remove():
    """Without Gatepost's lines Dovecot is as it was, and nothing runs on."""
    configure_dovecot(False)
    run("systemctl", "reset-failed", "dovecot")
    run("systemctl", "restart", "dovecot")
    wait_for_login("off@example.com")
    run("dpkg", "-i", *[path for path in OLD if "gatepost-dovecot" in path])
    assert "still names" not in run("dpkg", "-r", *NAMES)
    wait_for_login("off@example.com")
    assert not SOCKET.exists()
    assert subprocess.run(["pgrep", "-x", "gatepost-policy"],
                          check=False).returncode == 1


def step_purge():
    """What the administrator has made is left, and nothing else."""
    assert list(STATE.rglob("gatepost*"))
    run("dpkg", "-P", *NAMES)
    assert not list(STATE.rglob("gatepost*"))
    assert not SOCKET.parent.exists()
    assert {path.name for path in ETC.iterdir()} >= {
        "gatepost.conf", "rules", "rules.lmdb"}
    assert pwd.getpwnam("gatepost")
    wait_for_login("off@example.com")


booted.take_steps(globals())
