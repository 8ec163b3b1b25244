"""A Kerberos realm of a lab's own, with its key distribution centre on
loopback, and the client's side of the mechanism GSSAPI (RFC 4752)."""

import os

from gplab import common

CONFIG = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = {server}:{port}
  }}
"""
CENTRE = """
[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = {server}:{port}
[realms]
  {realm} = {{
    database_name = {dir}/principal
    key_stash_file = {dir}/stash
    acl_file = {dir}/acl
    max_life = 1h
  }}
"""
HOST = "localhost"
# As which services of theirs Dovecot's protocols are known there.
SERVICES = {"imap": "imap", "pop3": "pop", "submission": "smtp",
            "sieve": "sieve"}


class Realm:
    """The realm, whose centre runs, with keys for Dovecot in self.keytab."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.dir = lab.dir / "kerberos"
        self.dir.mkdir()
        self.keytab = self.dir / "dovecot.keytab"
        values = {"realm": name, "server": common.SERVER, "port": lab.port(),
                  "dir": self.dir}
        self.config = lab.write("kerberos/krb5.conf", CONFIG.format(**values))
        centre = lab.write("kerberos/kdc.conf", CENTRE.format(**values))
        self.env = {**os.environ, "KRB5_CONFIG": str(self.config),
                    "KRB5_KDC_PROFILE": str(centre),
                    "KRB5RCACHETYPE": "none"}
        self._run("kdb5_util", "-r", name, "create", "-s", "-P", "master")
        for service in SERVICES.values():
            self._add(f"{service}/{HOST}", self.keytab)
        self.keytab.chmod(0o644)
        process = lab.start(["krb5kdc", "-n", "-r", name],
                            log=self.dir / "kdc.log", env=self.env)
        lab.wait_port(values["port"], process)

    def _run(self, *argv):
        return self.lab.run(argv, env=self.env)

    def _add(self, principal, keytab):
        self._run("kadmin.local", "-r", self.name, "addprinc", "-randkey",
                  principal)
        self._run("kadmin.local", "-r", self.name, "ktadd", "-k", keytab,
                  principal)

    def ticket(self, user):
        """Makes that user known and logs in; returns where the ticket is."""
        keytab, cache = self.dir / f"{user}.keytab", self.dir / f"{user}.cache"
        if not cache.exists():
            self._add(user, keytab)
            self._run("kinit", "-k", "-t", keytab, "-c", cache,
                      f"{user}@{self.name}")
        return cache


class Gssapi:
    """The client's side. authzid is the mailbox that is asked for; by default
    the one that the ticket is for."""

    mechanism = "GSSAPI"

    def __init__(self, realm, user, protocol, authzid=None):
        # Only here, for it is needed nowhere else.
        import gssapi
        os.environ["KRB5_CONFIG"] = str(realm.config)
        credentials = gssapi.Credentials(
            usage="initiate", store={"ccache": f"FILE:{realm.ticket(user)}"})
        self.context = gssapi.SecurityContext(
            name=gssapi.Name(f"{SERVICES[protocol]}@{HOST}",
                             gssapi.NameType.hostbased_service),
            creds=credentials, usage="initiate",
            flags=gssapi.RequirementFlag.mutual_authentication)
        self.authzid = authzid or f"{user}@{realm.name}"

    def initial(self):
        return self.context.step()

    def answer(self, challenge):
        if not self.context.complete:
            return self.context.step(challenge) or b""
        # Which protection it offers; ours is none.
        self.context.unwrap(challenge)
        answer = b"\x01\x00\x00\x00" + self.authzid.encode()
        return self.context.wrap(answer, False).message
