"""How a lab's Dovecot is written down and run: as 2.3 or as 2.4 wants it,
whichever is installed. The tests run against another than the machine's where
they are run in a root of its own (debian-root.sh)."""

import dataclasses
import functools
import pathlib
import re
import subprocess

BOTH = """
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot.log
auth_verbose = yes
auth_mechanisms = {mechanisms}
auth_failure_delay = {failure_delay}
listen = {server}
protocols = {protocols}
ssl = yes
ssl_min_protocol = {ssl_min}
ssl_cipher_list = ALL:@SECLEVEL=0
first_valid_uid = 1
mail_max_userip_connections = 1000
submission_relay_host = {server}
submission_relay_port = {relay_port}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = {penalty_mode}
  }}
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
{auth_sockets}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""

ONLY_23 = """
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
"""

# The versions stand first: the rest is read by them.
FIRST_24 = """
dovecot_config_version = {version}
dovecot_storage_version = {version}
"""
ONLY_24 = """
ssl_server_cert_file = {cert}
ssl_server_key_file = {key}
auth_allow_cleartext = yes
auth_internal_failure_delay = {failure_delay}
mail_driver = maildir
mail_path = ~/Maildir
"""

LOGIN_23 = """
login_plugins = gatepost_login
login_plugin_dir = {dir}/login-modules
import_environment = TZ GATEPOST_CONFIG={conf}
"""
LOGIN_24 = """
gatepost_config = {conf}
login_plugin_dir = {dir}/login-modules
login_plugins {{
  gatepost_login = yes
}}
"""

QUOTA_23 = """
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_rule = *:storage=1M
  quota_vsizes = yes
  quota_status_success = DUNNO
}
"""
QUOTA_24 = """
mail_plugins {
  quota = yes
}
quota "User quota" {
  driver = count
  storage_size = 1M
}
quota_status_success = DUNNO
"""

# Settings of 2.3 that have another name, or another value, in 2.4.
RENAMED_24 = (
    (r"auth_default_realm =", "auth_default_domain ="),
    (r"auth_username_format = %u", "auth_username_format = %{user}"),
    (r"auth_username_format = %Ln", "auth_username_format = "
                                    "%{user | username | lower}"),
    (r"ssl_verify_client_cert =", "ssl_server_request_client_cert ="),
    (r"ssl_require_crl =", "ssl_server_require_crl ="),
    (r"ssl_ca = <", "ssl_server_ca_file = "),
    (r"service_count = 0", "restart_request_count = unlimited"),
)

OPTIONS_24 = {"mechanisms": "mechanisms_filter"}


@dataclasses.dataclass
class Database:
    """A passdb or userdb. value is what its driver needs: a path, a dict of
    fields, or an SqlUsers; options are settings of the block as 2.3 knows
    them (result_success, skip, deny, master, mechanisms)."""
    kind: str
    driver: str
    value: object = None
    options: dict = dataclasses.field(default_factory=dict)

    def option_lines(self, renamed=()):
        names = dict(renamed)
        return "".join(f"  {names.get(name, name)} = {value}\n"
                       for name, value in self.options.items())


def gatepost(conf=None, **options):
    """The driver under test; conf is the lab's own gatepost.conf."""
    return Database("passdb", "gatepost", conf, options)


def users(path=None, **options):
    """A passwd-file; path is the server's own."""
    return Database("passdb", "passwd-file", path, options)


def static(fields, **options):
    return Database("passdb", "static", fields, options)


def sql(database, **options):
    return Database("passdb", "sql", database, options)


def oauth2(tokens):
    return Database("passdb", "oauth2", tokens,
                    {"mechanisms": "xoauth2 oauthbearer"})


def userdb(asks_passdb=False):
    """Mailboxes below the server's folder; with asks_passdb Dovecot looks in
    the passdbs whether a user exists."""
    return Database("userdb", "static", asks_passdb)


class Dovecot23:
    login = LOGIN_23
    # What is put behind everything when the modules want an environment.
    environment = ("default_vsz_limit = 0\n"
                   "import_environment = $import_environment {words}\n")
    quota = QUOTA_23
    # What makes Dovecot run a passdb in its auth workers.
    in_worker = {}

    def __init__(self, moduledir):
        self.moduledir = moduledir

    def main(self, **values):
        return (BOTH + ONLY_23).format(**values)

    def extra(self, text):
        return text

    def without_login_plugin(self, protocol):
        return f"protocol {protocol} {{\n  login_plugins =\n}}\n"

    def block(self, database, server, _number):
        args = {
            ("passdb", "gatepost"): lambda v: v or server.lab.conf,
            ("passdb", "passwd-file"): lambda v: v or server.dir / "users",
            ("passdb", "static"): lambda v: " ".join(
                f"{name}={value}" for name, value in v.items()),
            ("passdb", "sql"): lambda v: v.write_conf(),
            ("passdb", "oauth2"): lambda v: v.write_conf(),
            ("userdb", "static"): lambda asks: (
                f"uid=mail gid=mail home={server.dir}/mail/%u"
                + ("" if asks else " allow_all_users=yes")),
        }[database.kind, database.driver](database.value)
        return (f"{database.kind} {{\n  driver = {database.driver}\n"
                f"  args = {args}\n{database.option_lines()}}}\n")

    def installed(self, name):
        """The folder of Dovecot's own modules of that kind."""
        return self.moduledir / name

    def in_namespace(self, modules):
        """The beginning of a command line that runs in a mount namespace of
        its own, with the lab's modules where Dovecot looks for them."""
        binds = [f'mount --bind "{folder}" "{self.moduledir / name}"'
                 for name, folder in modules.items()]
        return ["unshare", "-m", "sh", "-c", " && ".join(
            ["mount --make-rprivate /", *binds, 'exec "$@"']), "sh"]


class Dovecot24(Dovecot23):
    login = LOGIN_24
    environment = ("default_vsz_limit = unlimited\n"
                   "import_environment {{\n{lines}}}\n")
    quota = QUOTA_24
    in_worker = {"use_worker": "yes"}

    def __init__(self, moduledir, version):
        super().__init__(moduledir)
        self.version = version

    def main(self, **values):
        return (FIRST_24 + BOTH + ONLY_24).format(version=self.version,
                                                  **values)

    def extra(self, text):
        for old, new in RENAMED_24:
            text = re.sub(old, new, text)
        return text

    def without_login_plugin(self, protocol):
        return (f"protocol {protocol} {{\n  login_plugins {{\n"
                "    gatepost_login = no\n  }\n}\n")

    def block(self, database, server, number):
        lines = {
            ("passdb", "gatepost"): lambda v:
                f"  gatepost_config = {v or server.lab.conf}\n",
            ("passdb", "passwd-file"): lambda v:
                f"  passwd_file_path = {v or server.dir / 'users'}\n",
            ("passdb", "static"): self._fields,
            ("passdb", "sql"): lambda v: v.settings_24(),
            ("passdb", "oauth2"): lambda v: "",
            ("userdb", "static"): lambda asks: self._fields({
                "uid": "mail", "gid": "mail",
                "home": f"{server.dir}/mail/%{{user}}"})
                + ("" if asks else "  userdb_static_allow_all_users = yes\n"),
        }[database.kind, database.driver](database.value)
        before = (database.value.section_24()
                  if database.driver == "oauth2" else "")
        return (f"{before}{database.kind} {database.driver}{number} {{\n"
                f"  driver = {database.driver}\n{lines}"
                f"{database.option_lines(OPTIONS_24)}}}\n")

    @staticmethod
    def _fields(fields):
        others = dict(fields)
        password = others.pop("password", None)
        return ("  fields {\n" + "".join(
            f"    {name} = {value}\n" for name, value in others.items())
            + "  }\n" + (f"  static_password = {password}\n"
                         if password else ""))


@functools.cache
def release():
    """The Dovecot that the tests run against."""
    shown = subprocess.run(["dovecot", "--version"], capture_output=True,
                           text=True, check=True).stdout
    number = re.match(r"(\d+)\.(\d+)\.\d+", shown)
    if int(number.group(2)) < 4:
        return Dovecot23(_module_folder())
    return Dovecot24(_module_folder(), number.group(0))


def _module_folder(config=pathlib.Path("/usr/lib/dovecot/dovecot-config")):
    """Where Dovecot looks for its modules."""
    if config.exists():
        found = re.search(r"^dovecot_moduledir=(.*)$", config.read_text(),
                          re.MULTILINE)
        if found:
            return pathlib.Path(found.group(1))
    return pathlib.Path("/usr/lib/dovecot/modules")
