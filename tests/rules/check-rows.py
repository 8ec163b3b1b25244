#!/usr/bin/python3
"""Every row of the manual's tables is tried: which of the files beside this one
has it in its rules, and which verdict shows what comes of it. Speaks TAP."""

import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TREE = pathlib.Path(os.environ.get("top_srcdir", HERE.parent.parent))
PAGE = TREE / "shared" / "tools" / "gatepost-rules.5"

SERVICES = ("imap", "pop3", "submission", "sieve", "webmail")

# Row, file, what is in its rules, what is in a line of its expectations.
ROWS = [
    # Keys
    ("*", "keys", r"^\* ", r"refuse off \*:"),
    (".example.com", "keys", r"^\.example\.org ", r" \.example\.org:"),
    ("example.com", "keys", r"^example\.org ", r" example\.org:"),
    ("alice@example.com", "keys", r"^alice@example", r"^alice@example.*allow"),
    ("alice@", "keys", r"^carol@ ", r"^carol imap -> allow"),
    ("@", "keys", r"^@ ", r"^dave imap -> refuse cleartext @:"),
    ("net:", "networks", r"^net:mixed ", r"^u@a\.test .*allow"),
    ("profile:", "profiles", r"^profile:", r" profile:sales:"),
    # Attributes
    ("tls_min=", "tls-min", r"tls_min=1\.0", r"tls=1\.0 -> allow"),
    ("tls_min=", "tls-min", r"tls_min=1\.1", r"tls=1\.1 -> allow"),
    ("tls_min=", "tls-min", r"tls_min=1\.2", r"tls=1\.2 -> allow"),
    ("tls_min=", "tls-min", r"tls_min=1\.3", r"refuse tls_version four"),
    ("allow_nets=", "allow-nets", r"allow_nets=\d", r"refuse network \*"),
    ("allow_nets=", "allow-nets", r"allow_nets=any", r"^u@any.*allow"),
    ("trusted_nets=", "trusted-nets", r"trusted_nets=office", r"one\.test:"),
    ("trusted_nets=", "values", r"trusted_nets=none", r"network nowhere"),
    ("cleartext_nets=", "cleartext-nets", r"cleartext_nets=printers",
     r"^u@same.*client=192\.0\.2\.200 -> allow"),
    ("cleartext_nets=", "cleartext-nets", r"cleartext_nets=none",
     r"refuse cleartext none@i\.test"),
    ("unauthenticated_nets=", "unauthenticated", r"nets=devices",
     r"auth=no .*allow"),
    ("unauthenticated_nets=", "unauthenticated", r"nets=none",
     r"refuse unauthenticated mail@none"),
    ("profile=", "profiles", r"profile=sales,home", r"^b@d\.test .*refuse"),
    ("same_as=", "same-as", r"^example\.net +same_as=", r"^u@example\.net"),
    ("same_as=", "same-as", r"^\S+@\S+ +same_as=", r"^carol@example\.com"),
    ("message=", "texts", r"message=", r"Use the webmail"),
    ("help=", "texts", r"help=http:", r"see http:"),
    ("note=", "texts", r"note=", r"note\.test:"),
    ("mode=enforce", "trial", r"mode=enforce", r"refuse off \*:1"),
    ("mode=enforce", "trial", r"mode=trial", r"trial cleartext \*:2"),
    ("from=", "times", r"from=", r"at=2027-03-01T00:00:00Z -> allow"),
    ("from=", "times", r"until=", r"at=2027-04-01T00:00:00Z -> refuse"),
    ("lock", "locks", r" lock$", r"refuse off \*:2"),
    ("lock", "locks", r"lock=clients", r"refuse off group\.test"),
    ("lock", "locks-attributes", r"lock=all", r"refuse off all\.test"),
    # Causes
    ("name", "names", r"", r"refuse name -"),
    ("unauthenticated", "unauthenticated", r"", r"refuse unauthenticated"),
    ("off", "values", r"", r"refuse off"),
    ("network", "values", r"", r"refuse network"),
    ("cleartext", "values", r"", r"refuse cleartext"),
    ("implicit", "values", r"", r"refuse implicit"),
    ("tls_version", "values", r"", r"refuse tls_version"),
    # What clients are told of them
    ("unauthenticated", "unauthenticated", r"", r"smtp 530 5\.7\.0"),
    ("off", "texts", r"", r"imap \[CONTACTADMIN\]"),
    ("off", "texts", r"", r"smtp 550 5\.7\.1 "),
    ("network", "allow-nets", r"", r"smtp 554 5\.7\.1"),
    ("cleartext", "texts", r"", r"smtp 530 5\.7\.0 Must issue"),
    ("implicit", "texts", r"", r"smtp 550 5\.7\.10"),
]
# Services with each value
ROWS += [(value, "values-services", rf"{service}={value}",
          rf"@{service}-{value}\.test {service} .*{verdict}")
         for value, verdict in (
             ("off", "refuse off"), ("trusted", "refuse network"),
             ("trusted", "allow"), ("implicit", "refuse implicit"),
             ("implicit", "allow"), ("tls", "refuse cleartext"),
             ("tls", "allow"), ("cleartext", "allow"))
         for service in SERVICES]
ROWS += [("inherit", "services", rf"{group}=inherit", r"refuse off \*:")
         for group in ("all", "clients", "imap")]


def rows_of_the_manual():
    found = re.findall(r"^\.It Li (\S+)", PAGE.read_text("utf-8"),
                       re.MULTILINE)
    assert len(found) > 30
    return found


def is_tried(file, rule, verdict):
    texts = [(HERE / (file + end)).read_text("utf-8")
             for end in (".rules", ".expect")]
    return all(re.search(pattern, text, re.MULTILINE)
               for pattern, text in zip((rule, verdict), texts))


def main():
    results = [(f"{row} in {file} ({verdict})",
                is_tried(file, rule, verdict))
               for row, file, rule, verdict in ROWS]
    tried = {row for row, *_ in ROWS}
    results += [(f"{row} has a file", row in tried)
                for row in rows_of_the_manual()]
    for number, (name, right) in enumerate(results, 1):
        print(f"{'ok' if right else 'not ok'} {number} - "
              f"{name.replace('#', '*')}")
    print(f"1..{len(results)}")
    return 0 if all(right for _, right in results) else 1


if __name__ == "__main__":
    sys.exit(main())
