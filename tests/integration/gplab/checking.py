"""A host for "gatepost check": configurations of a Dovecot and a Postfix that
are right in every way, to be broken one by one. doveconf and postconf read
them; no server is started."""

import contextlib
import json
import os
import shutil
import socket

from gplab import common, releases

IS_2_4 = isinstance(releases.release(), releases.Dovecot24)

DOVECOT = """
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
auth_mechanisms = plain login
login_plugins = gatepost_login
import_environment = TZ GATEPOST_CONFIG={conf}
protocols = imap pop3 submission sieve
passdb {{
  driver = gatepost
  args = {conf}
  result_internalfail = return-fail
}}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home=/var/mail/%u
}}
"""

DOVECOT_24 = """dovecot_config_version = 2.4.1
auth_mechanisms = plain login
dovecot_storage_version = 2.4.0
gatepost_config = {conf}
login_plugins {{
  gatepost_login = yes
}}
protocols = imap pop3 submission sieve
ssl = yes
ssl_server {{
  cert_file = {cert}
  key_file = {key}
}}
passdb gatepost {{
  result_internalfail = return-fail
}}
passdb passwd-file {{
  passwd_file_path = {dir}/users
}}
userdb static {{
  fields {{
    gid = mail
    home = /var/mail/%{{user}}
    uid = mail
  }}
}}
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/spool
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
gatepost_check =
    check_policy_service {{ unix:gatepost/policy, timeout=10s,
        {{ default_action = 451 4.3.0 Policy service unavailable }} }}
submission_recipient_restrictions =
    $gatepost_check,
    permit_mynetworks, permit_sasl_authenticated,
    reject_unauth_destination
"""

MASTER = """
smtp inet n - y - - smtpd
submission inet n - y - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submission
  -o smtpd_relay_restrictions=$submission_recipient_restrictions
  -o smtpd_recipient_restrictions=$submission_recipient_restrictions
submissions inet n - y - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submissions
  -o smtpd_relay_restrictions=$submission_recipient_restrictions
  -o smtpd_recipient_restrictions=$submission_recipient_restrictions
cleanup unix n - n - 0 cleanup
"""

# The passdbs that were there before.
READMES_REST = """
passdb {
  driver = pam
}
userdb {
  driver = passwd
}
"""

RULES = "*  all=tls tls_min=1.2\n"


def ids(table):
    """Names for the rows of a table of findings."""
    return [row[0] + f"-{number}" for number, row in enumerate(table)]


def changed(text, *changes):
    """The text with each old piece, which must be there, replaced."""
    for old, new in changes:
        assert old in text, f"{old!r} is not in the good configuration"
        text = text.replace(old, new)
    return text


def readme_lines(begin, end):
    """What README says to write between those two steps."""
    text = (common.TREE / "README").read_text()
    part = text[text.index(f"\n {begin}. "):text.index(f"\n {end}. ")]
    return [line[8:] for line in part.splitlines()
            if line.startswith(" " * 8)]


def readme_dovecot(conf):
    """What README says to write for 2.3, and for 2.4."""
    lines = readme_lines(3, 4)
    second = next(number for number, line in enumerate(lines)
                  if line.startswith("gatepost_config ="))
    return ["\n".join(part).replace("/etc/gatepost/gatepost.conf", str(conf))
            + "\n" for part in (lines[:second], lines[second:])]


class Host:
    def __init__(self, lab):
        self.lab = lab
        self.dir = lab.dir
        self.modules = self.dir / "modules"
        self.policy = self.dir / "spool" / "gatepost" / "policy"
        lab.make_certificates()
        self.policy.parent.mkdir(parents=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.policy))
        self.listener.listen(4096)
        self.policy.chmod(0o666)
        lab.closers.append(self.listener.close)
        self.good = None
        self.put_back()
        for kind, name in (("auth", "libauthdb_gatepost"),
                           ("login", "libgatepost_login")):
            (self.modules / kind).mkdir(parents=True)
            shutil.copy2(common.module(name), self.modules / kind)
        self.prefix = []
        if IS_2_4:
            self.add_settings_module()
        self.write()

    def add_settings_module(self):
        """2.4's doveconf must find it where Dovecot looks; the one that is
        checked, and may be broken, is another copy."""
        release = releases.release()
        built = common.module("libgatepost_settings")
        (self.modules / "settings").mkdir()
        shutil.copy2(built, self.modules / "settings")
        bound = self.dir / "settings-modules"
        shutil.copytree(release.installed("settings"), bound)
        shutil.copy2(built, bound)
        self.prefix = release.in_namespace({"settings": bound})

    def state(self):
        """What the files around the map are, as far as tests change them."""
        names = (self.lab.conf, self.lab.rules, self.lab.map,
                 self.lab.map.with_suffix(".summary"))
        return [(path.stat().st_mtime_ns, path.stat().st_ctime_ns)
                if path.exists() else None for path in names]

    def put_back(self):
        """Settings, rules and map as they should be."""
        if self.good is not None and self.state() == self.good:
            return
        self.lab.write_conf(policy_socket=self.policy, default_domain=None,
                            recipient_delimiter=None)
        self.lab.map.unlink(missing_ok=True)
        self.lab.compile(RULES)
        self.good = self.state()

    def write(self, dovecot=(), main=(), master=(), more=""):
        names = {"dir": self.dir, "conf": self.lab.conf,
                 "cert": self.lab.cert, "key": self.lab.key}
        good = (DOVECOT_24 if IS_2_4 else DOVECOT).format(**names)
        self.lab.write("dovecot.conf",
                       changed(good, *dovecot) + more.format(**names))
        self.lab.write("postfix/main.cf", changed(MAIN.format(**names),
                                                  *main))
        self.lab.write("postfix/master.cf", changed(MASTER, *master))

    def check(self, *options, **run_options):
        """Runs the check and returns the finished process."""
        return self.lab.run(
            [*self.prefix, common.program("gatepost"), "check",
             "-c", self.lab.conf,
             "--dovecot-config", self.dir / "dovecot.conf",
             "--postfix-config", self.dir / "postfix",
             "--module-dir", self.modules, "--policyd-user", "nobody",
             *options], check=False, **run_options)

    def findings(self, *options, **run_options):
        """What is found, by its id; the exit status must say the same."""
        done = self.check("--json", *options, **run_options)
        assert done.returncode in (0, 1), done.stderr
        found = json.loads(done.stdout)["findings"]
        assert done.returncode == (1 if found else 0)
        for finding in found:
            assert all(finding[name] for name in
                       ("id", "what", "leads_to", "write")), finding
        return {finding["id"]: finding for finding in found}

    @contextlib.contextmanager
    def programs(self, **scripts):
        """An environment in which these shell scripts stand in for programs;
        "_" in their names is "-"."""
        folder = self.dir / "bin"
        folder.mkdir(exist_ok=True)
        for name, script in scripts.items():
            path = folder / name.replace("_", "-")
            path.write_text("#!/bin/sh\n" + script)
            path.chmod(0o755)
        yield {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        shutil.rmtree(folder)
