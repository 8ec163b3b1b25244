"""The naive evaluator's own examples: it must be right before it may judge.

Each is a rules file, requests and what the design says of them. Speaks TAP.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import naive  # noqa: E402
import naive_rules  # noqa: E402

# The design's own file. 2026-11-21T00:00:00Z:
NOW = 1795219200
SAMPLE = """\
net:office       192.0.2.0/24,2001:db8:7::/48
net:printers     192.0.2.200-192.0.2.210
profile:sales    clients=trusted webmail=tls

*                all=tls tls_min=1.2 help=https://help.example.com/mail
example.com      pop3=off lock=pop3 trusted_nets=office
.example.com     tls_min=1.3
scan@example.com all=off submission=tls cleartext_nets=printers \
until=2027-03-01T00:00:00Z note="copier, ticket 4711"
bob@example.com  profile=sales
old.example      clients=cleartext until=2026-12-01T08:00:00+01:00
new.example      clients=cleartext
new.example      clients=tls mode=trial
example.net      same_as=example.com
"""
# old.example's last moment is the second before this.
END = 1796108400

EXAMPLES = (
    ("the sample file", SAMPLE, {}, (
        ("a@any.t imap tls=1.2", "allow"),
        ("a@any.t imap tls=none", "refuse cleartext * 5"),
        ("a@any.t imap tls=1.1", "refuse tls_version * 5"),
        ("a@example.com pop3 tls=1.3", "refuse off example.com 6"),
        ("a@sub.example.com imap tls=1.2",
         "refuse tls_version .example.com 7"),
        ("a@example.com imap tls=1.2", "allow"),
        ("a@notexample.com imap tls=1.2", "allow"),
        ("scan@example.com submission client=192.0.2.205", "allow"),
        ("scan@example.com submission client=192.0.2.211",
         "refuse cleartext scan@example.com 8"),
        ("scan@example.com imap tls=1.3", "refuse off scan@example.com 8"),
        ("scan@example.com imap tls=1.3 at=1803859200", "allow"),
        ("bob@example.com imap tls=1.2 client=192.0.2.9", "allow"),
        ("bob@example.com imap tls=1.2 client=198.51.100.1",
         "refuse network profile:sales 3"),
        ("bob@example.com webmail tls=1.2 client=198.51.100.1", "allow"),
        ("bob@example.net imap tls=1.2 client=2001:db8:7::1", "allow"),
        ("bob@example.net pop3 tls=1.2 client=2001:db8:7::1",
         "refuse off example.com 6"),
        ("a@old.example imap", "allow"),
        (f"a@old.example imap at={END - 1}", "allow"),
        (f"a@old.example imap at={END}", "refuse cleartext * 5"),
        ("a@new.example imap", "trial cleartext new.example 12"),
        ("a@new.example imap tls=1.3", "allow"),
    )),
    ("lists beside values", """\
* trusted_nets=192.0.2.0/24 lock
d.t clients=tls cleartext_nets=192.0.2.1 lock=cleartext_nets
own@d.t imap=tls
soft@d.t cleartext_nets=192.0.2.2
l.t imap=trusted lock
m@l.t trusted_nets=192.0.2.1 cleartext_nets=192.0.2.1
k.t imap=tls lock=imap cleartext_nets=192.0.2.1
""", {}, (
        ("a@d.t imap client=192.0.2.1", "allow"),
        ("a@d.t imap client=192.0.2.2", "refuse cleartext d.t 2"),
        ("own@d.t imap client=192.0.2.1", "refuse cleartext own@d.t 3"),
        ("own@d.t pop3 client=192.0.2.1", "allow"),
        ("soft@d.t imap client=192.0.2.2", "refuse cleartext d.t 2"),
        ("m@l.t imap client=192.0.2.1", "refuse cleartext l.t 5"),
        ("m@l.t imap client=198.51.100.1 tls=1.3", "refuse network l.t 5"),
        ("a@k.t imap client=192.0.2.1", "refuse cleartext k.t 7"),
        ("a@k.t pop3 client=192.0.2.1", "allow"),
    )),
    ("values on one line", """\
a@ imap=off clients=tls all=cleartext
b@ all=off imap=inherit
c@ all=off clients=inherit
d@ clients=inherit imap=off
""", {}, (
        ("a imap", "refuse off a@ 1"),
        ("a pop3", "refuse cleartext a@ 1"),
        ("a webmail", "allow"),
        ("b imap tls=1.2", "allow"),
        ("b webmail", "refuse off b@ 2"),
        ("c imap tls=1.2", "allow"),
        ("c webmail", "refuse off c@ 3"),
        ("d imap", "refuse off d@ 4"),
        ("d pop3", "refuse cleartext  0"),
    )),
    ("names", """\
u@x.t imap=off
u+a@x.t imap=cleartext
c@x.t imap=off
mary@x.t imap=off
""", {"default_domain": "x.t", "recipient_delimiter": "+-"}, (
        ("U@X.T. imap tls=1.2", "refuse off u@x.t 1"),
        ("u imap tls=1.2", "refuse off u@x.t 1"),
        ("u+b@x.t imap tls=1.2", "refuse off u@x.t 1"),
        ("u+a@x.t imap", "allow"),
        ("c++@x.t imap tls=1.2", "refuse off c@x.t 3"),
        ("mary-jane@x.t imap tls=1.2", "refuse off mary@x.t 4"),
        ("u-request@x.t imap tls=1.2", "allow"),
        ("+u@x.t imap tls=1.2", "allow"),
        ("x@@y imap tls=1.2", "refuse name  0"),
        ("u@x..t imap tls=1.2", "refuse name  0"),
    )),
    ("submission without AUTH", """\
x.t unauthenticated_nets=192.0.2.1
""", {}, (
        ("- submission auth=no client=192.0.2.1 sender=a@x.t tls=1.2",
         "allow"),
        ("- submission auth=no client=192.0.2.1 sender=a@x.t",
         "refuse cleartext  0"),
        ("- submission auth=no client=192.0.2.2 sender=a@x.t tls=1.2",
         "refuse unauthenticated x.t 1"),
        ("- submission auth=no client=192.0.2.1 sender=<> tls=1.2",
         "refuse unauthenticated  0"),
        ("- submission auth=no client=192.0.2.1 tls=1.2",
         "refuse unauthenticated  0"),
    )),
    ("same_as, locks above the name itself", """\
x.t same_as=y.t
* lock=tls_min tls_min=1.0
y.t imap=cleartext pop3=off lock=pop3
a@y.t same_as=b@z.t
.t sieve=off lock
b@z.t imap=off sieve=tls pop3=tls
""", {"recipient_delimiter": "+"}, (
        ("c@x.t imap", "allow"),
        ("a@x.t imap", "refuse off b@z.t 6"),
        ("a+1@x.t imap", "refuse off b@z.t 6"),
        ("a@x.t sieve", "refuse off .t 5"),
        ("a@x.t pop3", "refuse off y.t 3"),
        ("b@z.t pop3 tls=1.0", "allow"),
    )),
)


def parse_request(text):
    login, service, *facts = text.split()
    asked = {"at": NOW, "tls": "none"}
    asked.update(fact.split("=", 1) for fact in facts)
    asked["at"] = int(asked["at"])
    return naive.Request(login, service, **asked)


def main():
    cases = [(name, text, settings, *row)
             for name, text, settings, rows in EXAMPLES for row in rows]
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, text, settings, asked, expected) in enumerate(cases, 1):
        rules = naive_rules.Rules([text], **settings)
        verdict = naive.judge(rules, naive.Policy(), parse_request(asked))
        kind, cause, key, _, line = verdict.fields()[:5]
        found = f"{kind} {cause} {key} {line}"
        if expected == "allow":
            expected = "allow none  0"
        good = found == expected and not rules.errors
        print(f"{'ok' if good else 'not ok'} {number} - {name}: {asked}")
        if not good:
            failed += 1
            print(f"# found {found}, not {expected}; {rules.errors}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
