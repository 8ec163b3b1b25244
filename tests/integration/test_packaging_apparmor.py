"""The AppArmor profiles: AppArmor's parser takes them, and they allow what the
real servers were seen to do with files."""

import os
import pathlib
import shutil
import signal

import pytest

from gplab import apparmor, clients, common, dovecot, policyd

PROFILES = common.TREE / "packaging" / "apparmor"
DAEMON = PROFILES / "usr.sbin.gatepost-policyd"
LOGIN = ("imap-login", "pop3-login", "managesieve-login")
RULES = "* all=tls\noff@example.com all=off\n"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not os.path.exists(apparmor.PARSER),
                       reason="apparmor is not installed"),
]


def test_profile_is_taken(lab):
    done = lab.run([apparmor.PARSER, "-Q", "-K", DAEMON], check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr


@pytest.fixture(scope="module")
def traced(lab):
    """What a daemon does that root has started without a service manager, with
    two workers, from its start to its end."""
    lab.compile(RULES)
    lab.write_conf(workers=2)
    trace = lab.dir / "policyd.trace"
    pid_file = lab.dir / "policyd.pid"
    daemon = policyd.Policyd(lab, options=["-p", pid_file])
    daemon.start(wrapper=apparmor.strace(trace))
    with daemon.client() as client:
        client.login("alice@example.com")
        lab.compile(RULES + "alice@example.com all=off\n")
        client.login("alice@example.com")
        pid = int(pid_file.read_text())
        for number in (signal.SIGHUP, signal.SIGUSR1):
            daemon.mark()
            os.kill(pid, number)
            daemon.wait_log("settings read again|gatepost_policyd_requests")
    lab.run([*apparmor.strace(lab.dir / "stats.trace"), *daemon.argv(),
             "--stats"])
    os.kill(pid, signal.SIGTERM)
    common.wait_for(lambda: daemon.process.poll() is not None, "the end")
    assert daemon.stop() == 0
    return [lab.dir / "stats.trace", trace], [
        (daemon.path.parent, "/var/spool/postfix/gatepost"),
        (common.program("gatepost-policyd"), "/usr/sbin/gatepost-policyd"),
        (pid_file, "/run/gatepost-policyd.pid"),
        (lab.dir, "/etc/gatepost")]


@pytest.fixture(scope="module")
def profile(lab):
    return apparmor.Profile(lab, DAEMON)


def test_the_daemon_may_what_it_does(traced, profile):
    traces, places = traced
    seen = {access for trace in traces
            for done in apparmor.accesses(trace, places).values()
            for access in done}
    # A trace that does not show these shows nothing.
    assert {("/etc/gatepost/gatepost.conf", "r"),
            ("/etc/gatepost/rules.lmdb", "r"),
            ("/var/spool/postfix/gatepost/", "w"),
            ("/var/spool/postfix/gatepost/policy", "w"),
            ("/run/gatepost-policyd.pid", "rw")} <= seen
    assert profile.refused(seen) == []


@pytest.mark.parametrize("path, permission", [
    ("/etc/gatepost/rules", "r"),
    ("/etc/gatepost/rules.lmdb", "w"),
    ("/etc/gatepost/gatepost.conf", "w"),
    ("/etc/gatepost/rules.journal", "r"),
    ("/etc/shadow", "r"),
    ("/etc/dovecot/users", "r"),
    ("/home/alice/Maildir", "r"),
    ("/run/dovecot/gatepost.key", "r"),
    ("/usr/bin/sh", "x"),
    ("/var/spool/postfix/private/auth", "w"),
    ("/var/vmail/alice/cur", "r"),
])
def test_the_daemon_may_nothing_else(profile, path, permission):
    assert not profile.allows(path, permission)


def bounded(lab, name, capabilities):
    """A daemon that root starts with these only, where everything is still to
    be made; and the command in front of it."""
    lab.compile(RULES)
    kept = "".join(f",+{capability}" for capability in sorted(capabilities))
    return policyd.Policyd(lab, name=name), [
        "setpriv", f"--bounding-set=-all{kept}"]


def test_capabilities(lab, profile):
    daemon, wrapper = bounded(lab, "bounded", profile.capabilities)
    daemon.start(wrapper)
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
    assert daemon.stop() == 0


def test_no_capability_too_many(lab, profile):
    assert profile.capabilities
    for left_out in profile.capabilities:
        daemon, wrapper = bounded(lab, f"without-{left_out}",
                                  profile.capabilities - {left_out})
        with pytest.raises(common.LabError, match="ended with"):
            daemon.start(wrapper)


@pytest.fixture(scope="module")
def etc(lab):
    """What is to be copied to /etc/apparmor.d, there."""
    if not apparmor.EXTRA.exists():
        pytest.skip("apparmor-profiles is not installed")
    folder = lab.dir / "apparmor.d"
    for profile, place in (
            ("dovecot-auth", "local/usr.lib.dovecot.auth"),
            *(("dovecot-login", f"local/usr.lib.dovecot.{name}")
              for name in LOGIN),
            ("postfix-smtpd", "local/postfix-smtpd"),
            ("postfix-smtpd", "abstractions/postfix-common.d/gatepost")):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROFILES / profile, folder / place)
    return folder


@pytest.fixture(scope="module")
def dovecot_accesses(lab):
    """What Dovecot's programs do with Gatepost's files."""
    lab.compile(RULES)
    server = dovecot.Dovecot(lab, login_plugin=True).start()
    trace = lab.dir / "dovecot.trace"
    tracer = lab.start([*apparmor.strace(trace), "-p", server.process.pid])
    common.wait_for(lambda: policyd.status_of(
        server.process.pid, "TracerPid") != ["0"], "strace", process=tracer)
    (server.dir / "run" / "gatepost.key").unlink(missing_ok=True)
    server.reload()
    for protocol in ("imap", "pop3", "sieve"):
        clients.login(server, protocol, "alice@example.com", "secret",
                      tls="starttls")
    server.stop()
    lab.stop(tracer)
    found = apparmor.accesses(trace, [(server.dir / "run", "/run/dovecot"),
                                      (lab.dir, "/etc/gatepost")])
    return {pathlib.Path(program).name: {
        access for access in done
        if "/gatepost.key" in access[0] or
        access[0].startswith(("/etc/gatepost/gatepost.conf",
                              "/etc/gatepost/rules"))}
        for program, done in found.items() if program}


@pytest.mark.parametrize("program, what", [
    ("auth", "/etc/gatepost/rules.lmdb"),
    *((name, "/etc/gatepost/rules.summary") for name in LOGIN)])
def test_dovecot_may_what_it_does(lab, etc, dovecot_accesses, program, what):
    """With the profiles of the distribution and what is to be added to them,
    and not without that."""
    seen = dovecot_accesses[program]
    assert {("/etc/gatepost/gatepost.conf", "r"), (what, "r"),
            ("/run/dovecot/gatepost.key", "r")} <= seen
    stock = apparmor.EXTRA / f"usr.lib.dovecot.{program}"
    assert apparmor.Profile(lab, stock, etc).refused(seen) == []
    assert (what, "r") in apparmor.Profile(lab, stock).refused(seen)


def test_postfix_may_ask(lab, etc):
    stock = apparmor.EXTRA / "postfix-smtpd"
    asks = [("/var/spool/postfix/gatepost/policy", "rw")]
    assert apparmor.Profile(lab, stock, etc).refused(asks) == []
    assert len(apparmor.Profile(lab, stock).refused(asks)) == 2
