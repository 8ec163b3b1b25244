"""A private Postfix: port 25, submission, submissions and a service whose
clients may name their address (XCLIENT), on free ports, with a spool and a log
of its own. SMTP AUTH goes to a private Dovecot, mail to its LMTP or nowhere.

Postfix's programs are the host's; its configuration and spool are not touched.
"""

import base64
import contextlib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import ssl

from gplab import clients, common

DAEMONS = pathlib.Path("/usr/lib/postfix/sbin")
SERVICES = ("smtp", "submission", "submissions", "xclient", "webmail")

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = mail.example.com
mydestination =
mynetworks = 192.0.2.25
inet_interfaces = 127.0.0.1
inet_protocols = all
smtpd_peername_lookup = no
alias_maps =
alias_database =
virtual_mailbox_domains = example.com, example.net, example.org
virtual_mailbox_maps = static:all
virtual_transport = {transport}
default_transport = discard:
local_transport = discard:
relay_transport = discard:
in_flow_delay = 0
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1
smtpd_tls_loglevel = 1
smtpd_tls_session_cache_database =
tls_medium_cipherlist = ALL:@SECLEVEL=0
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_sasl_auth_enable = no
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_relay_restrictions = permit_sasl_authenticated,
    reject_unauth_destination
policy_check = check_policy_service {{ {policy}, timeout={timeout},
    {{ default_action = 451 4.3.0 Policy service unavailable }} }}
submission_restrictions = $policy_check, permit_mynetworks,
    permit_sasl_authenticated, reject_unauth_destination
"""

# Chrooted or not is the fifth field.
MASTER = """
{smtp} inet n - {chroot} - - smtpd
  -o smtpd_recipient_restrictions={outside_check}reject_unauth_destination
{submission} inet n - {chroot} - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submission
  -o {relay}
  -o {recipient}
{submissions} inet n - {chroot} - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submissions
  -o {relay}
  -o {recipient}
{xclient} inet n - n - - smtpd
  -o syslog_name=postfix/xclient
  -o smtpd_authorized_xclient_hosts=127.0.0.0/8
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submission
  -o {relay}
  -o {recipient}
{webmail} inet n - {chroot} - - smtpd
  -o syslog_name=postfix/webmail
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=webmail
  -o {relay}
  -o {recipient}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

RECIPIENT = "smtpd_recipient_restrictions=$submission_restrictions"
RELAY = "smtpd_relay_restrictions=$submission_restrictions"
NO_RELAY = ("smtpd_relay_restrictions=permit_sasl_authenticated,"
            "reject_unauth_destination")
NO_RECIPIENT = "smtpd_recipient_restrictions="


class Postfix(common.Logged):
    """One Postfix of a lab.

    policy     how Postfix names the daemon's socket; None for no check
    check      where the check stands: in the "recipient" restrictions, the
               "relay" restrictions or "both"
    transport  where mail for example.com and example.net goes
    chroot     smtpd in the queue directory, as Debian has it
    outside    the check stands on port 25 too
    timeout    how long Postfix waits for the daemon, twice
    extra      lines put behind main.cf
    services   lines put behind master.cf
    """

    def __init__(self, lab, policy="unix:gatepost/policy", check="recipient",
                 transport="discard:", chroot=True, outside=False, extra="",
                 timeout="10s", services="", name="postfix"):
        self.lab = lab
        self.dir = lab.dir / name
        self.etc = self.dir / "etc"
        self.spool = self.dir / "spool"
        self.log_path = self.dir / "maillog"
        self.out_path = self.dir / "postfix.out"
        self.policy = policy
        self.check = check
        self.transport = transport
        self.chroot = chroot
        self.outside = outside
        self.extra = extra
        self.timeout = timeout
        self.services = services
        self.ports = {service: lab.port() for service in SERVICES}
        for folder in (self.dir, self.etc, self.spool, self.dir / "data"):
            folder.mkdir()
            folder.chmod(0o755)
        shutil.chown(self.dir / "data", "postfix")
        (self.dir / "data").chmod(0o700)
        (self.spool / "private").mkdir(mode=0o700)
        shutil.chown(self.spool / "private", "postfix")

    @property
    def auth_socket(self):
        """Where smtpd looks for Dovecot's auth process."""
        return self.spool / "private" / "auth"

    @property
    def policy_path(self):
        """Where a daemon listens that Postfix calls unix:gatepost/policy."""
        return self.spool / "gatepost" / "policy"

    def port(self, service):
        return self.ports[service]

    # Configuration

    def _restrictions(self):
        return {
            "recipient": RECIPIENT if self.check in ("recipient", "both")
            else NO_RECIPIENT,
            "relay": RELAY if self.check in ("relay", "both") else NO_RELAY,
            "outside_check": "$policy_check," if self.outside else "",
        }

    def write_config(self):
        main = MAIN.format(dir=self.dir, daemons=DAEMONS,
                           cert=self.lab.cert, key=self.lab.key,
                           transport=self.transport, timeout=self.timeout,
                           policy=self.policy or "unix:gatepost/none")
        if self.policy is None:
            main = main.replace("= $policy_check,", "=")
        (self.etc / "main.cf").write_text(main + self.extra)
        (self.etc / "master.cf").write_text(MASTER.format(
            chroot="y" if self.chroot else "n", **self._restrictions(),
            **self.ports) + self.services)

    # Life

    def start(self):
        self.lab.make_certificates()
        self.write_config()
        self.command("check")
        # Not "postfix start-fg": that is a shell script, and its master makes
        # itself leader of another session, where no signal of ours finds it.
        self.process = self.lab.start(
            [DAEMONS / "master", "-c", self.etc, "-d"],
            log=self.out_path)
        try:
            for port in self.ports.values():
                self.lab.wait_port(port, self.process)
        except common.LabError as error:
            raise common.LabError(f"{error}\n{self.output()}") from None
        return self

    def stop(self):
        if self.process is not None:
            process, self.process = self.process, None
            self.lab.stop(process)

    def command(self, *args, check=True):
        return self.lab.run(["postfix", "-c", self.etc, *args], check=check)

    def reload(self):
        self.write_config()
        # Before it says so, master listens already but dies of SIGHUP.
        common.wait_for(lambda: "daemon started" in self.output(),
                        "Postfix's start")
        self.mark()
        self.process.signal(signal.SIGHUP)
        self.wait_log("reload -- version")

    # Looking

    def queue(self):
        """The queue ids of mail that waits."""
        done = self.lab.run(["postqueue", "-c", self.etc, "-j"])
        return re.findall(r'"queue_id": "(\w+)"', done.stdout)

    def wait_sent(self, queue_id):
        """Waits until that mail has left, and returns its log line."""
        return self.wait_log(rf"{queue_id}: to=<.*status=\w+.*").group(0)


class Reply:
    """One reply of an SMTP server."""

    def __init__(self, code, text):
        self.code = code
        self.text = text.decode(errors="surrogateescape")

    def __repr__(self):
        return f"{self.code} {self.text}"

    @property
    def ok(self):
        return 200 <= self.code < 400

    @property
    def queue_id(self):
        found = re.search(r"queued as (\w+)", self.text)
        if not found:
            raise common.LabError(f"not queued: {self!r}")
        return found.group(1)


class Smtp:
    """An SMTP session that goes on after refusals.

    tls      None, "starttls" or "implicit"
    user     logs in with this name after TLS
    xclient  attributes of XCLIENT, sent first
    sni      the server's name, as the client tells it in TLS
    """

    def __init__(self, postfix, service="submission", tls=None, user=None,
                 password="secret", version=None, source=common.CLIENT,
                 mechanism="plain", xclient=None, sni="localhost"):
        self.client = smtplib.SMTP(timeout=common.DEADLINE,
                                   source_address=(source, 0))
        self.client.host = self.client._host = sni
        context = clients.tls_context(version)
        if tls == "implicit":
            self._connect_implicit(postfix.port(service), source, context)
        else:
            self.connect(postfix.port(service), source)
        self.ehlo = self.command("EHLO client.example")
        if xclient:
            self.xclient = self.command("XCLIENT " + " ".join(
                f"{name}={value}" for name, value in xclient.items()))
            self.ehlo = self.command("EHLO client.example")
        if tls == "starttls":
            self.start_tls(context)
        self.auth = None
        if user is not None:
            self.auth = self.login(user, password, mechanism)

    def start_tls(self, context):
        self.client.ehlo_resp = None
        self.client.ehlo("client.example")
        self.client.starttls(context=context)
        self.ehlo = self.command("EHLO client.example")

    def connect(self, port, source):
        """Opens the connection and takes the greeting."""
        self.client.source_address = (source, 0)
        self.client.connect(common.SERVER, port)

    def _connect_implicit(self, port, source, context):
        smtp = smtplib.SMTP_SSL(timeout=common.DEADLINE, context=context,
                                source_address=(source, 0))
        smtp._host = "localhost"
        smtp.connect(common.SERVER, port)
        self.client = smtp

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        with contextlib.suppress(OSError, smtplib.SMTPException, ssl.SSLError):
            self.client.quit()
        self.client.close()

    def command(self, line):
        return Reply(*self.client.docmd(line))

    def login(self, user, password="secret", mechanism="plain"):
        if mechanism == "plain":
            # The library's own knows no name beyond ASCII.
            token = base64.b64encode(f"\0{user}\0{password}".encode())
            return self.command("AUTH PLAIN " + token.decode())
        self.client.user, self.client.password = user, password
        method = getattr(self.client,
                         "auth_" + mechanism.replace("-", "_"))
        try:
            return Reply(*self.client.auth(mechanism, method))
        except smtplib.SMTPResponseException as error:
            return Reply(error.smtp_code, error.smtp_error)

    def mail(self, sender="alice@example.com"):
        return self.command(f"MAIL FROM:<{sender}>")

    def rcpt(self, recipient="bob@example.net"):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, body="Subject: test\n\nhello\n"):
        begun = self.command("DATA")
        if begun.code != 354:
            return begun
        return self.lines(body + ".\n")

    def lines(self, text):
        """Sends more than a command, and takes the reply."""
        self.client.send(text.replace("\n", "\r\n").encode())
        return Reply(*self.client.getreply())

    def send(self, sender="alice@example.com", recipient="bob@example.net"):
        """One mail; returns the first refusal, or the reply to its end."""
        for reply in (self.mail(sender), self.rcpt(recipient)):
            if not reply.ok:
                return reply
        return self.data()


def swaks(lab, port, *options):
    """Runs swaks from the client's address and returns the finished process;
    what it said is in stdout."""
    argv = ["swaks", "--server", common.SERVER, "--port", port,
            "--local-interface", common.CLIENT, "--helo", "client.example",
            "--to", "bob@example.net", *options]
    return lab.run(argv, check=False, env={**os.environ, "LC_ALL": "C"})
