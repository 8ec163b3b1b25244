#!/usr/bin/python3
"""The units under a real systemd, which is process 1 here (systemd-boot.sh):
installed as a user installs them, started, asked, hung, reloaded and stopped.

usage: units_inside.py BUILD; writes a line for each step: its name and "ok", or
what went wrong."""

import os
import pathlib
import pwd
import re
import socket
import stat
import subprocess
import sys
import time

from gplab import booted
from gplab.booted import run, show, wait_for

BUILD = pathlib.Path(sys.argv[1])
SOCKET = pathlib.Path("/var/spool/postfix/gatepost/policy")
DAEMON = "gatepost-policyd.service"
LISTENER = "gatepost-policyd.socket"
CONF = pathlib.Path("/etc/gatepost/gatepost.conf")
REQUEST = (b"request=smtpd_access_policy\nprotocol_state=RCPT\n"
           b"policy_context=submission\nclient_address=192.0.2.1\n"
           b"encryption_protocol=TLSv1.3\nsasl_username=%s\n\n")
DUNNO = b"action=DUNNO\n\n"


def connect():
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(str(SOCKET))
    return sock


def ask(sock, user):
    sock.sendall(REQUEST % user)
    return sock.recv(4096)


def main_pid():
    return int(show(DAEMON, "MainPID"))


def logged(text):
    # The journal is written by another process.
    wait_for(lambda: text in run("journalctl", "--no-pager", "-u", DAEMON),
             f"{text!r} in the journal")


def drop_in(text):
    folder = pathlib.Path("/etc/systemd/system", DAEMON + ".d")
    folder.mkdir(exist_ok=True)
    (folder / "test.conf").write_text(text)
    run("systemctl", "daemon-reload")


def compile_rules(text):
    rules = pathlib.Path("/etc/gatepost/rules")
    rules.write_text(text)
    run("gatemap", str(rules))


def step_install():
    """As in README: install, the user, settings, rules, enable."""
    os.environ["PATH"] = "/usr/local/bin:/usr/local/sbin:" + os.environ["PATH"]
    run("make", "-C", str(BUILD), "install-binPROGRAMS",
        "install-sbinPROGRAMS", "install-dist_sysusersDATA",
        "install-systemdsystemunitDATA",
        "install-dist_systemdsystemunitDATA")
    run("systemctl", "daemon-reload")
    run("systemd-sysusers")
    CONF.parent.mkdir(exist_ok=True)
    CONF.write_text("")
    compile_rules("* all=tls\noff@example.com submission=off\n")
    assert stat.S_IMODE(os.stat("/etc/gatepost/rules.lmdb").st_mode) == 0o640
    run("systemctl", "enable", DAEMON)
    assert run("systemctl", "is-enabled", LISTENER).strip() == "enabled"


def step_socket_first():
    """The socket is there before the daemon, for Postfix alone."""
    run("systemctl", "start", LISTENER)
    assert show(DAEMON, "ActiveState") == "inactive"
    found = SOCKET.stat()
    assert pwd.getpwuid(found.st_uid).pw_name == "gatepost"
    assert stat.S_IMODE(found.st_mode) == 0o660


def step_activation():
    """The first who asks starts it, and it says when it is ready."""
    with connect() as sock:
        assert ask(sock, b"a@example.com") == DUNNO
        assert ask(sock, b"off@example.com").startswith(b"action=550 5.7.1 ")
    wait_for(lambda: show(DAEMON, "ActiveState") == "active", "active")
    assert show(DAEMON, "Type") == "notify"
    logged("service=submission")


def step_unprivileged():
    """No right is left to it, and nothing to be seen but what it reads."""
    pid = main_pid()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    uid = pwd.getpwnam("gatepost").pw_uid
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.M)
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{name}:\t0+$", status, re.M), name
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M)
    assert re.search(r"^Seccomp:\t2$", status, re.M)
    network = run("nsenter", "-t", str(pid), "-n", "--", "ip", "-o", "link")
    assert re.findall(r"^\d+: (\w+)", network, re.M) == ["lo"]
    inside = ("nsenter", "-t", str(pid), "-m", "-r", "--")
    seen = run(*inside, "find", "/etc", "/home", "/opt", "/root", "/run",
               "/srv", "/tmp", "/var", "!", "-type", "d").split()
    assert "/etc/gatepost/rules.lmdb" in seen
    assert {name for name in seen
            if not name.startswith("/etc/gatepost/")} <= {
        "/etc/group", "/etc/ld.so.cache", "/etc/localtime",
        "/etc/nsswitch.conf", "/etc/passwd", "/run/systemd/notify"}, seen
    denied = subprocess.run((*inside, "touch", "/etc/gatepost/new"),
                            stderr=subprocess.PIPE, text=True)
    assert "Read-only file system" in denied.stderr


def step_new_map():
    """A map that is put in the place of the old one is seen in there."""
    with connect() as sock:
        assert ask(sock, b"a@example.com") == DUNNO
        compile_rules("* all=tls\na@example.com submission=off\n")
        assert ask(sock, b"a@example.com").startswith(b"action=550 5.7.1 ")
        assert ask(sock, b"off@example.com") == DUNNO


def step_reload():
    """Settings are read again, by the same process, and connections stay."""
    pid = main_pid()
    with connect() as sock:
        assert ask(sock, b"b") == DUNNO
        CONF.write_text("disclose = none\n")
        run("systemctl", "reload", DAEMON)
        assert show(DAEMON, "ActiveState") == "active"
        assert b"switched off" not in ask(sock, b"a@example.com")
    assert main_pid() == pid
    logged("settings read again")
    CONF.write_text("")


def step_watchdog():
    """A daemon that hangs is ended and replaced; who asks again is answered."""
    drop_in("[Service]\nWatchdogSec=2\n")
    run("systemctl", "restart", DAEMON)
    time.sleep(5)
    pid = main_pid()
    assert show(DAEMON, "NRestarts") == "0", "fed, it must not be ended"
    os.kill(pid, 19)
    wait_for(lambda: main_pid() not in (0, pid), "another process")
    with connect() as sock:
        assert ask(sock, b"b@example.com") == DUNNO
    assert show(DAEMON, "NRestarts") == "1"
    logged("watchdog")


def step_workers():
    """Several workers feed the watchdog together: one that hangs is enough."""
    CONF.write_text("workers = 2\n")
    run("systemctl", "restart", DAEMON)
    pid = main_pid()
    wait_for(lambda: len(children(pid)) == 2, "two workers")
    time.sleep(4)
    assert main_pid() == pid
    os.kill(children(pid)[0], 19)
    wait_for(lambda: main_pid() not in (0, pid), "another process")
    wait_for(lambda: len(children(main_pid())) == 2, "two workers")
    with connect() as sock:
        assert ask(sock, b"b@example.com") == DUNNO
    CONF.write_text("")


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] \
        if path.exists() else []


def step_killed():
    """Who waits in the socket while the daemon is dead is answered."""
    drop_in("")
    run("systemctl", "restart", DAEMON)
    pid = main_pid()
    os.kill(pid, 9)
    with connect() as sock:
        assert ask(sock, b"b@example.com") == DUNNO
    assert main_pid() != pid


def step_stop():
    """It ends at once and cleanly, and the socket goes with its unit."""
    with connect() as sock:
        assert ask(sock, b"b@example.com") == DUNNO
        run("systemctl", "stop", DAEMON)
        assert sock.recv(1) == b""
    assert show(DAEMON, "Result") == "success"
    assert show(DAEMON, "ExecMainStatus") == "0"
    assert SOCKET.exists()
    run("systemctl", "stop", LISTENER)
    assert not SOCKET.exists()


booted.take_steps(globals())
