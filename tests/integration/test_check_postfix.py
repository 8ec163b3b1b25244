"""gatepost check on Postfix: each way in which its configuration keeps the
policy check from being asked, or obeyed."""

import pytest

from gplab import checking

CHECK = ("check_policy_service { unix:gatepost/policy, timeout=10s,\n"
         "        { default_action = 451 4.3.0 Policy service unavailable } }")
BRACES = "{ default_action = 451 4.3.0 Policy service unavailable }"
RELAY = "smtpd_relay_restrictions=$submission_recipient_restrictions"
RECIPIENT = "smtpd_recipient_restrictions=$submission_recipient_restrictions"
CONTEXT = "smtpd_policy_service_policy_context="

# id, changes of main.cf, changes of master.cf
POSTFIX = [
    ("postfix-check-missing", [("    $gatepost_check,\n", "")], []),
    ("postfix-check-missing", [],
     [(RELAY, "smtpd_relay_restrictions=permit"),
      (RECIPIENT, "smtpd_recipient_restrictions=")]),
    ("postfix-check-relay", [],
     [(RELAY, "smtpd_relay_restrictions=permit_sasl_authenticated,reject")]),
    ("postfix-check-client",
     [("gatepost_check =", "smtpd_client_restrictions = ${policy}\npolicy = "
       "$gatepost_check\ngatepost_check =")],
     [("smtp inet n - y - - smtpd\n",
       "smtp inet n - y - - smtpd -o smtpd_client_restrictions=\n")]),
    ("postfix-check-outside", [],
     [("smtp inet n - y - - smtpd\n",
       "smtp inet n - y - - smtpd -o " + RECIPIENT + "\n")]),
    ("postfix-default-action", [(BRACES, "")], []),
    ("postfix-default-action-permits", [("451 4.3.0 Policy", "DUNNO Policy")],
     []),
    ("postfix-default-action-permits",
     [(BRACES, "{ default_action = }")], []),
    ("postfix-default-action-final", [("451 4.3.0", "550 5.3.0")], []),
    ("postfix-timeout", [(" timeout=10s,", "")], []),
    ("postfix-timeout", [("timeout=10s", "timeout=2m")], []),
    ("postfix-try-limit", [("timeout=10s", "timeout=10s, try_limit=1")], []),
    ("postfix-try-limit", [("gatepost_check =",
                            "smtpd_policy_service_try_limit = 1\n"
                            "gatepost_check =")], []),
    ("postfix-socket-chroot",
     [("unix:gatepost/policy", "unix:/{dir}/spool/gatepost/policy")], []),
    ("postfix-socket-private",
     [("unix:gatepost/policy", "unix:private/gatepost")], []),
    ("postfix-socket", [("unix:gatepost/policy", "unix:gatepost/other")], []),
    ("postfix-context", [], [("  -o " + CONTEXT + "submission\n", "")]),
    ("postfix-context-unknown", [],
     [(CONTEXT + "submission\n", CONTEXT + "office\n")]),
    ("postfix-context-outside", [],
     [("smtp inet n - y - - smtpd\n", "smtp inet n - y - - smtpd -o "
       + CONTEXT + "submission\n")]),
    ("postfix-context-wrappermode", [],
     [(CONTEXT + "submissions", CONTEXT + "submission")]),
    ("postfix-context-starttls", [],
     [(CONTEXT + "submission\n", CONTEXT + "submissions\n")]),
    ("postfix-auth-outside",
     [("gatepost_check =", "smtpd_sasl_auth_enable = yes\n"
       "gatepost_check =")], []),
    ("postfix-auth-off", [],
     [("  -o smtpd_sasl_auth_enable=yes\n", "")]),
    ("postfix-auth-service", [],
     [(CONTEXT + "submission\n", CONTEXT + "submission\n"
       "  -o smtpd_sasl_service=submission\n")]),
    ("postfix-auth-cleartext",
     [("smtpd_tls_auth_only = yes\n", "")],
     [("  -o smtpd_tls_security_level=encrypt\n", "")]),
    ("postfix-tls-off", [("smtpd_tls_security_level = may\n", "")],
     [("  -o smtpd_tls_security_level=encrypt\n", "")]),
    ("postfix-xclient",
     [("gatepost_check =", "smtpd_authorized_xclient_hosts = 10.0.0.0/8\n"
       "gatepost_check =")], []),
    ("postfix-config", [], [("smtp inet n - y - - smtpd", "smtp inet")]),
]


def filled(host, changes):
    return [(old, new.replace("{dir}", str(host.dir)))
            for old, new in changes]


@pytest.mark.parametrize("wanted, main, master", POSTFIX,
                         ids=checking.ids(POSTFIX))
def test_postfix(host, wanted, main, master):
    host.write(main=filled(host, main), master=master)
    assert set(host.findings()) == {wanted}


@pytest.mark.parametrize("before", [
    "permit_mynetworks", "permit_sasl_authenticated", "trusted"])
def test_check_behind_what_permits(host, before):
    """Through a restriction class as well. The relay restrictions do not
    begin with the check then, either."""
    host.write(main=[("    $gatepost_check,\n",
                      f"    {before}, $gatepost_check,\n"),
                     ("gatepost_check =", "smtpd_restriction_classes = "
                      "trusted\ntrusted = permit_mynetworks\n"
                      "gatepost_check =")])
    found = host.findings()
    assert set(found) == {"postfix-check-behind", "postfix-check-relay"}
    assert "submission" in found["postfix-check-behind"]["what"]


# A way round every rule for whom a table says OK.
TABLES = [
    ("hash", "# trusted\n192.0.2.1 REJECT no\n192.0.2.7\n  OK\n",
     None),
    ("hash", "192.0.2.1  DUNNO\n192.0.2.9\tOK\n", '"192.0.2.9" OK'),
    ("texthash", "192.0.2.9 ok go on\n", '"192.0.2.9" ok'),
    ("proxy:hash", "192.0.2.9 12345\n", '"192.0.2.9" 12345'),
    ("cidr", "192.0.2.0/24 reject\nif 10.0.0.0/8\n10.1.0.0/16 RELAY\n"
     "endif\n", '"10.1.0.0/16" RELAY'),
    ("pcre", "/^10\\. and \\/2/x permit_mynetworks\n",
     '"/^10\\. and \\/2/x" permit_mynetworks'),
    ("regexp", "!/^OK /i 550 OK no more\n", None),
    ("hash", "a.test vip\n", '"a.test" vip'),
    ("hash", "a.test greylist\n", None),
    ("mysql", "hosts = OK\n", None),
]


@pytest.mark.parametrize("kind, text, entry", TABLES)
def test_table_in_front(host, kind, text, entry):
    table = host.lab.write("table", text)
    host.write(main=[("    $gatepost_check,\n",
                      f"    check_client_access {kind}:{table}, "
                      "$gatepost_check,\n"),
                     ("gatepost_check =", "smtpd_restriction_classes = vip, "
                      "greylist\nvip = permit_mynetworks, reject\n"
                      "greylist = reject_unlisted_sender\n"
                      "gatepost_check =")])
    found = host.findings("--no-dovecot")
    if entry is None:
        assert found == {}
        return
    assert set(found) == {"postfix-check-behind", "postfix-check-relay"}
    assert found["postfix-check-behind"]["what"].endswith(
        f"behind check_client_access {kind}:{table}, which says {entry}")


@pytest.mark.parametrize("table, entry", [
    ("inline:{ 192.0.2.1=REJECT, { 192.0.2.9 = OK go } }", '"192.0.2.9 " OK'),
    ("static:OK", '"*" OK'), ("inline:{ a.test=DUNNO }", None),
    ("static:DUNNO", None), ("hash:/no/such/file", None)])
def test_table_that_is_no_file(host, table, entry):
    host.write(main=[("    $gatepost_check,\n",
                      f"    check_sender_access {table}, "
                      "$gatepost_check,\n")])
    found = host.findings("--no-dovecot")
    assert set(found) == (set() if entry is None else {
        "postfix-check-behind", "postfix-check-relay"})
    if entry is not None:
        assert found["postfix-check-behind"]["what"].endswith(entry)


MANDATORY = "smtpd_tls_mandatory_protocols"
LEVEL = "  -o smtpd_tls_security_level=encrypt\n"


@pytest.mark.parametrize("wanted, rules, protocols", [
    ("postfix-tls-min", "*  tls_min=1.0\n", ">=TLSv1.2"),
    ("postfix-tls-min", "*  tls_min=1.1\n", "!SSLv2,!SSLv3,!TLSv1,!TLSv1.1"),
    ("postfix-tls-min", "*  tls_min=1.1\n", "TLSv1.3, TLSv1.2"),
    ("postfix-tls-max", "*  tls_min=1.3\n", "<=TLSv1.2"),
    ("postfix-tls-max", "*  tls_min=1.3\n", "!TLSv1.3"),
    (None, "*  tls_min=1.0\n", ">=TLSv1"),
    (None, "*  tls_min=1.2\n", "!SSLv2 !SSLv3 !TLSv1 !TLSv1.1"),
    (None, "*  tls_min=1.1\n", "TLSv1.1:TLSv1.2"),
])
def test_versions_of_tls(host, wanted, rules, protocols):
    """Where TLS may be left out smtpd_tls_protocols counts, else the
    mandatory ones."""
    host.lab.compile(rules)
    host.write(main=[("gatepost_check =",
                      f"{MANDATORY} = {protocols}\ngatepost_check =")])
    found = host.findings("--no-dovecot")
    assert set(found) == ({wanted} if wanted else set())
    if wanted is not None:
        what = found[wanted]["what"]
        assert MANDATORY in what and f"{host.lab.rules}:1" in what
    host.write(main=[("gatepost_check =",
                      f"smtpd_tls_protocols = {protocols}\n"
                      "gatepost_check =")],
               master=[(LEVEL, "")])
    found = host.findings("--no-dovecot")
    assert set(found) == ({wanted} if wanted else set())


GOOD_POSTFIX = {
    "what permits, behind a check in the relay restrictions": (
        [], [(RECIPIENT, "smtpd_recipient_restrictions=permit_mynetworks,"
              "reject")]),
    "a webmail's own service": (
        [], [(CONTEXT + "submission\n", CONTEXT + "webmail\n")]),
    "a daemon that Postfix starts": (
        [("unix:gatepost/policy", "unix:private/policyd")],
        [("cleanup unix", "policyd unix - n n - 0 spawn\n  user=nobody "
          "argv=/usr/sbin/gatepost-policyd -S\ncleanup unix")]),
    "not chrooted, by its whole path": (
        [("unix:gatepost/policy", "unix:{dir}/spool/gatepost/policy")],
        [("n - y - - smtpd", "n - n - - smtpd")]),
    "postfix takes no AUTH without TLS by its level": (
        [("smtpd_tls_auth_only = yes\n", "")], []),
    "the default action for all checks": (
        [(BRACES, ""), ("gatepost_check =",
                        "smtpd_policy_service_default_action = 451 4.3.0 No\n"
                        "gatepost_check =")], []),
}


@pytest.mark.parametrize("name", GOOD_POSTFIX)
def test_what_is_not_wrong_in_postfix(host, name):
    main, master = GOOD_POSTFIX[name]
    host.write(main=filled(host, main), master=master)
    assert host.findings() == {}


CLEARTEXT = "*  submission=cleartext\n"


def test_rule_that_postfix_overrules(host):
    host.lab.compile(CLEARTEXT)
    found = host.findings("--no-dovecot")
    assert set(found) == {"postfix-cleartext"}
    host.write(main=[("smtpd_tls_auth_only = yes\n", "")],
               master=[("  -o smtpd_tls_security_level=encrypt\n", "")])
    assert host.findings("--no-dovecot") == {}
