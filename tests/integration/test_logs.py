"""Logs in every form in which "gatepost impact" and "gatepost refused" take
them: compressed, rotated, from journald, cut off, and full of rubbish."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import pathlib
import random
import resource
import shutil
import subprocess
import time

import pytest

from gplab import common
from gplab.reports import Reports, write

RULES = """* all=tls tls_min=1.2 help=https://help.example.com/
example.net pop3=off lock=pop3
later.example imap=off from=2026-06-01T00:00:00Z
soon.example imap=off until=2026-06-01T00:00:00Z
nets.example allow_nets=192.0.2.0/25
"""
TLS = "TLS, TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits), "


def login(user, tls="", stamp="2026-11-21T08:00:00Z", service="imap",
          rip="198.51.100.7", session="x"):
    return (f"{stamp} mail dovecot: {service}-login: Login: user=<{user}>, "
            f"method=PLAIN, rip={rip}, lip=192.0.2.25, mpid=1, {tls}"
            f"session=<{session}>\n")


LOG = (login("alice@example.com") + login("bob@example.com", TLS)
       + login("carol@example.net", TLS, service="pop3"))
NAMED = {("alice@example.com", "imap", "cleartext"),
         ("carol@example.net", "pop3", "off")}


@pytest.fixture(scope="module")
def gatepost(lab):
    return Reports(lab, RULES)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, check=True,
                          capture_output=True).stdout


PACKERS = {"gz": gzip.compress, "xz": lzma.compress, "zst": zstd,
           "plain": lambda data: data}


@pytest.mark.parametrize("form", PACKERS)
def test_compressed(gatepost, lab, form):
    pack = PACKERS[form]
    whole = pack(LOG.encode())
    assert gatepost.named(write(lab, "mail.log.1", whole)) == NAMED
    # The name does not matter, nor where it comes from.
    assert gatepost.named("-", stdin=whole) == NAMED
    # Several, put together.
    lines = LOG.encode().splitlines(keepends=True)
    parts = b"".join(pack(line) for line in lines)
    assert gatepost.named(write(lab, "parts", parts)) == NAMED


@pytest.mark.parametrize("name, pack", [
    ("bzip2", bz2.compress),
    ("lz4", lambda data: b"\x04\x22\x4d\x18" + data),
    ("zip", lambda data: b"PK\x03\x04" + data)])
def test_compressed_otherwise(gatepost, lab, name, pack):
    """It is said what it is, instead of counting lines of rubbish."""
    done = gatepost.run("impact", write(lab, "other", pack(LOG.encode())))
    assert (done.returncode, done.stdout) == (69, b"")
    assert name.encode() in done.stderr and b"unpack it" in done.stderr


@pytest.mark.parametrize("form", ["gz", "xz", "zst"])
def test_compressed_and_damaged(gatepost, lab, form):
    rng = random.Random(1)
    log = "".join(login(f"u{rng.randrange(10**9)}@example.com")
                  for _ in range(5000)).encode()
    whole = PACKERS[form](log)
    middle = len(whole) // 2
    cut = write(lab, "cut", whole[:middle])
    torn = write(lab, "torn", whole[:middle] + os.urandom(64)
                 + whole[middle + 64:])
    for path in (cut, torn):
        done = gatepost.run("impact", path)
        assert done.returncode == 74
        assert done.stdout == b""
        assert str(path).encode() in done.stderr


def test_large_compressed(gatepost, lab):
    """More than any buffer, and nothing is lost at the edges of one."""
    rng = random.Random(2)
    log = "".join(login(f"u{i}@example.com", session=rng.randbytes(20).hex())
                  for i in range(20000)).encode()
    for form, pack in PACKERS.items():
        said = gatepost.impact(write(lab, "large", pack(log)))
        assert said["total"]["refused"] == 20000, form


FORMS = {
    "syslog": ("Nov 21 08:00:00 mail", "dovecot:"),
    "syslog, milliseconds": ("Nov 21 08:00:00.123 mail", "dovecot:"),
    "syslog, one digit": ("Nov  1 08:00:00 mail", "dovecot:"),
    "rfc3339": ("2026-11-21T08:00:00.5+02:00 mail", "dovecot[7]:"),
    "short-iso": ("2026-11-21T08:00:00+0200 mail", "dovecot[7]:"),
    "rfc5424": ("<22>1 2026-11-21T08:00:00.123456Z mail", "dovecot 7 - -"),
    "rfc5424, data": ("<22>1 2026-11-21T08:00:00Z mail",
                      "dovecot 7 id [a@1 b=\"c\"]"),
    "own file": ("Nov 21 08:00:00", ""),
    "own file, year": ("2026-11-21 08:00:00", ""),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(gatepost, lab, name):
    stamp, program = FORMS[name]
    level = "Info: " if program == "" else ""
    lines = LOG.replace("2026-11-21T08:00:00Z mail dovecot:",
                        f"{stamp} {program}".rstrip())
    lines = lines.replace("-login: ", "-login: " + level)
    path = write(lab, "form.log", lines, 1795300000)
    said = gatepost.impact(path)
    assert said["unreadable"] == 0
    assert {(row["mailbox"], row["service"], row["cause"])
            for row in said["rows"]} == NAMED
    assert said["rows"][0]["first"].startswith("2026-11-")


def test_year_turns(gatepost, lab):
    """A log without years that goes from one into the next, and one that was
    rotated long ago."""
    january = 1798900000
    log = (login("alice@example.com", stamp="Dec 31 23:59:59")
           + login("alice@example.com", stamp="Jan  1 00:00:01"))
    row, = gatepost.impact(write(lab, "turn", log, january))["rows"]
    assert (row["first"], row["last"]) == ("2026-12-31T23:59:59Z",
                                           "2027-01-01T00:00:01Z")
    row, = gatepost.impact(write(lab, "old", gzip.compress(log.encode()),
                                 january - 366 * 86400))["rows"]
    assert row["first"].startswith("2025-12-31")


def test_zone_of_this_host(gatepost, lab):
    path = write(lab, "zone", login("alice@example.com",
                                    stamp="Jul 21 08:00:00"), 1795300000)
    row, = gatepost.impact(path, env={
        "TZ": "CET-1CEST,M3.5.0,M10.5.0/3"})["rows"]
    assert row["first"] == "2026-07-21T06:00:00Z"


def test_order_of_rotated_files(gatepost, lab):
    """A session that began in the file before: named in any order."""
    smtpd = "mail postfix/submission/smtpd[7]:"
    first = (f"Nov 20 23:59:58 {smtpd} connect from unknown[192.0.2.9]\n"
             f"Nov 20 23:59:59 {smtpd} Anonymous TLS connection established "
             "from unknown[192.0.2.9]: TLSv1.1 with cipher x (1/1 bits)\n")
    second = (f"Nov 21 00:00:01 {smtpd} 1C6CEA9CEFD: client=unknown"
              "[192.0.2.9], sasl_method=PLAIN, "
              "sasl_username=alice@example.com\n"
              f"Nov 21 00:00:02 {smtpd} disconnect from unknown[192.0.2.9] "
              "ehlo=2 starttls=1 auth=1 mail=1 quit=1 commands=6\n")
    old = write(lab, "mail.log.1", gzip.compress(first.encode()), 1795219199)
    new = write(lab, "mail.log", second, 1795219202)
    for files in ((new, old), (old, new)):
        row, = gatepost.impact(*files)["rows"]
        assert (row["tls"], row["cause"]) == (["1.1"], "tls_version")
        assert row["first"] == row["last"] == "2026-11-21T00:00:01Z"
        # A copy is as new as any other, and some patterns overlap.
        for path in (old, new):
            os.utime(path, (1795219300, 1795219300))
    row, = gatepost.impact(new, old, old, lab.dir / "." / new.name)["rows"]
    assert (row["tls"], row["count"]) == (["1.1"], 1)


def test_journal(gatepost, lab):
    """As journald keeps it."""
    entries = []
    for number, (program, message) in enumerate((
            ("dovecot", "imap-login: Login: user=<alice@example.com>, "
             "method=PLAIN, rip=198.51.100.7, lip=192.0.2.25, session=<x>"),
            ("postfix/submission/smtpd", "connect from a.b[198.51.100.8]"),
            ("postfix/submission/smtpd", "1C6CEA9CEFD: client=a.b"
             "[198.51.100.8], sasl_method=PLAIN, "
             "sasl_username=bob@example.com"),
            ("postfix/submission/smtpd", "disconnect from a.b[198.51.100.8] "
             "ehlo=2 starttls=1 auth=1 commands=4"),
            ("gatepost-policyd", "refused: user=<carol@example.com>, "
             "service=submission, cause=off, rule=<example.com>, "
             "file=</etc/gatepost/rules>, line=7, rip=198.51.100.9, "
             "tls=TLSv1.3"))):
        entries.append(
            f"__REALTIME_TIMESTAMP={1795248000000000 + number}\n"
            f"__MONOTONIC_TIMESTAMP={1000 + number}\n"
            "_BOOT_ID=0123456789abcdef0123456789abcdef\n"
            "SYSLOG_FACILITY=2\nPRIORITY=6\n_HOSTNAME=mail\n"
            f"SYSLOG_IDENTIFIER={program}\nSYSLOG_PID=81\n"
            f"MESSAGE={message}\n\n")
    export = write(lab, "export", "".join(entries))
    journal = lab.dir / "journal.d" / "test.journal"
    journal.parent.mkdir()
    lab.run(["/lib/systemd/systemd-journal-remote", "-o", journal, export])
    for path in (journal, journal.parent):
        rows = gatepost.impact(path)["rows"]
        assert {(row["mailbox"], row["state"], row["cause"])
                for row in rows} == {
            ("alice@example.com", "refused", "cleartext"),
            ("bob@example.com", "unknown", "tls_version")}
        assert rows[0]["first"] == "2026-11-21T08:00:00Z"
    done = gatepost.run("refused", "--json", "./journal.d")
    row, = json.loads(done.stdout)["rows"]
    assert (row["mailbox"], row["cause"], row["line"],
            row["password_verified"]) == ("carol@example.com", "off", 7, True)
    done = gatepost.run("refused", "--json", "--since",
                        "2027-01-01", "./journal.d")
    assert json.loads(done.stdout)["rows"] == [] and done.returncode == 0


def test_a_folder_without_journals(gatepost, lab):
    """It does not look like a log in which nobody logs in."""
    folder = lab.dir / "no-journals"
    folder.mkdir()
    (folder / "mail.log").write_text(LOG)
    done = gatepost.run("impact", folder)
    assert done.returncode == 66
    assert b"name the log files" in done.stderr


def test_rubbish_is_counted(gatepost, lab):
    rubbish = [b"\x00\xff\x7fELF", b"no time here", b"Nov 21",
               b"2026-11-21T08:00:00Z mail dovecot: imap-login: Login: user=<",
               b"2026-11-31T08:00:00Z mail dovecot: imap-login: Login: "
               b"user=<a@b.example>, rip=192.0.2.1, lip=192.0.2.2",
               b"2026-11-21T08:00:00Z mail dovecot: imap-login: Login: "
               b"user=<a\0@b.example>, rip=192.0.2.1, lip=192.0.2.2",
               b"2026-11-21T08:00:00Z mail dovecot: imap-login: Login: user=<"
               + b"y" * 70000 + b">, rip=192.0.2.1, lip=192.0.2.2",
               b"x" * 3000000]
    log = b"\n".join([LOG.encode(), *rubbish, b"", LOG.encode()])
    path = write(lab, "rubbish", log)
    said = gatepost.impact(path)
    assert said["unreadable"] == len(rubbish)
    assert {(row["mailbox"], row["count"]) for row in said["rows"]} == {
        ("alice@example.com", 2), ("carol@example.net", 2)}
    done = gatepost.run("impact", path)
    assert b"8 of 14 lines could not be read" in done.stderr
    done = gatepost.run("impact", "--verbose", path)
    assert done.stderr.count(b"not read: ") == len(rubbish)
    assert b"\\x00\\xff\\x7fELF" in done.stderr


def test_months_in_another_language(gatepost, lab):
    """As journalctl -o short writes them where LC_TIME is German."""
    log = (login("alice@example.com")
           + login("bob@example.com", stamp="Dez 03 08:00:00"))
    done = gatepost.run("impact", "-", stdin=log.encode())
    assert done.returncode == 1
    assert b"1 of 2 lines could not be read: months are not" in done.stderr


def test_repeated(gatepost, lab):
    """What rsyslog writes instead of lines that are all alike."""
    log = login("alice@example.com").replace(", session=<x>", "")
    stamp, said = log.rstrip().split(" mail dovecot: ")
    log += f"{stamp} mail dovecot: message repeated 7 times: [ {said}]\n"
    row, = gatepost.impact("-", stdin=log.encode())["rows"]
    assert row["count"] == 8


def test_binary_rubbish(gatepost, lab):
    rng = random.Random(3)
    done = gatepost.run("impact", write(lab, "noise", rng.randbytes(3000000)))
    assert (done.returncode, done.stdout) == (65, b"")
    assert b"this is no log" in done.stderr
    # Everything cut off somewhere.
    lines = "".join(line[:n] + "\n" for line in LOG.splitlines()
                    for n in range(len(line)))
    done = gatepost.run("impact", "--json", "-", stdin=lines.encode())
    assert done.returncode == 1


def test_time_of_judgement(gatepost, lab):
    """Rules that begin or end: each login by its own time, or all at one."""
    log = write(lab, "times", "".join(
        login(f"a@{domain}.example", TLS, stamp=stamp)
        for domain in ("later", "soon")
        for stamp in ("2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z")))
    rows = gatepost.impact(log)["rows"]
    assert {(row["mailbox"], row["first"][:7], row["count"])
            for row in rows} == {("a@later.example", "2026-07", 1),
                                 ("a@soon.example", "2026-05", 1)}
    assert gatepost.named("--at", "2026-08-01", log) == {
        ("a@later.example", "imap", "off")}
    # A span is one into the past; the logins are made now, and a week ago.
    now = time.time()
    recent = write(lab, "recent", "".join(
        login("alice@example.com", stamp=time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - days * 86400)))
        for days in (0, 7)))
    for span, count in (("2d", 1), ("2w", 2)):
        row, = gatepost.impact("--since", span, recent)["rows"]
        assert row["count"] == count
    assert gatepost.named("--since", "2026-06-15", log) == {
        ("a@later.example", "imap", "off")}
    assert gatepost.named("--until", "2026-06-15T00:00:00Z", log) == {
        ("a@soon.example", "imap", "off")}


def test_many_addresses(gatepost, lab):
    """Addresses are summed up as networks, but each is judged as it is."""
    log = write(lab, "many", "".join(
        login("a@nets.example", TLS, rip=f"192.0.2.{i}") for i in range(256))
        + "".join(login("a@nets.example", TLS, rip=f"2001:db8:{i}::{j}")
                  for i in range(4) for j in range(50)))
    rows = gatepost.impact(log)["rows"]
    assert sum(row["count"] for row in rows) == 128 + 200
    addresses = {address for row in rows for address in row["addresses"]}
    assert "192.0.2.0/24" in addresses and "2001:db8:3::/48" in addresses
    assert len(addresses) < 80


def test_instances(gatepost, lab):
    """Dovecot's instance_name is how it calls itself in syslog."""
    assert gatepost.named("-", stdin=LOG.replace(
        " dovecot: ", " mail-front[12]: ").encode()) == NAMED


def test_a_line_that_is_still_being_written(gatepost, lab):
    """What is missing there is not known to be missing: half a login over TLS
    looks like one in cleartext."""
    half = login("bob@example.com", TLS).encode()
    half = half[:half.index(b"TLS")]
    said = gatepost.impact("-", stdin=LOG.encode() + half)
    assert said["unreadable"] == 1
    assert {row["mailbox"] for row in said["rows"]} == {
        "alice@example.com", "carol@example.net"}


def test_journalctls_own_lines(gatepost, lab):
    """They are not from a log, and so are not missing from what was read."""
    said = gatepost.impact("-", stdin=(
        "-- Boot 0123456789abcdef0123456789abcdef --\n" + LOG
        + "-- No entries --\n").encode())
    assert (said["lines"], said["unreadable"]) == (3, 0)


# journalctl -o with-unit: the process is known by its number alone.
WITH_UNIT = "".join(f"Sat 2026-11-21 08:00:00 UTC mail {said}\n" for said in (
    "postfix@-.service[71]: connect from unknown[192.0.2.1]",
    "postfix@-.service[71]: Anonymous TLS connection established from "
    "unknown[192.0.2.1]: TLSv1.1 with cipher x (256/256 bits)",
    "postfix@-.service[72]: connect from unknown[192.0.2.2]",
    "postfix@-.service[72]: 4d3: client=unknown[192.0.2.2], "
    "sasl_method=PLAIN, sasl_username=bob@example.com",
    "postfix@-.service[71]: 4d2: client=unknown[192.0.2.1], "
    "sasl_method=PLAIN, sasl_username=alice@example.com",
    "postfix@-.service[9]: 4d2: from=<alice@example.com>, size=1, nrcpt=1",
    "dovecot.service[7]: imap-login: Login: user=<carol@example.com>, "
    "method=PLAIN, rip=192.0.2.3, lip=192.0.2.25, mpid=1, session=<x>",
    "user@0.service/mail.service[8]: imap-login: Login: user=<dave@example."
    "com>, method=PLAIN, rip=192.0.2.3, lip=192.0.2.25, mpid=1, session=<y>",
    "cron.service[5]: (root) CMD (true)"))


def test_units_of_journalctl(gatepost, lab):
    said = gatepost.impact("-", stdin=WITH_UNIT.encode())
    assert (said["lines"], said["logins"], said["unreadable"]) == (9, 4, 0)
    assert {(row["mailbox"], row["service"], row["cause"])
            for row in said["rows"]} == {
        ("alice@example.com", "submission", "tls_version"),
        ("bob@example.com", "submission", "cleartext"),
        ("carol@example.com", "imap", "cleartext"),
        ("dave@example.com", "imap", "cleartext")}
    log = write(lab, "units", "".join(
        f"Sat 2026-11-21 08:00:00 UTC mail {unit}.service[3]: refused: "
        f"user=<{user}>, service=submission, cause=off, rip=192.0.2.1, "
        "tls=none\n" for unit, user in (("gatepost-policyd", "a@example.com"),
                                        ("postfix@-", "b@example.com"))))
    done = gatepost.run("refused", "--json", log)
    assert {row["mailbox"] for row in json.loads(done.stdout)["rows"]} == {
        "a@example.com", "b@example.com"}


def test_trials_that_allow_more(gatepost, lab):
    """Lines on trial count as if they were in force, whichever way."""
    lab.write_rules("* all=tls\nexample.com clients=off\n"
                    "example.com clients=cleartext mode=trial\n")
    try:
        assert gatepost.named("-", stdin=LOG.encode()) == set()
    finally:
        lab.write_rules(RULES)


def test_exceptions(gatepost, lab):
    """--set: what is needed and no more; a lock is told."""
    log = write(lab, "set", LOG
                + login("d@example.com", "TLS, TLSv1.1 with cipher x, ")
                + login("e@nets.example", TLS, rip="192.0.2.200")
                + login("e@nets.example", TLS, rip="198.51.100.9")
                + login("later.user@later.example", TLS))
    done = gatepost.run("impact", "--set", log)
    assert done.stdout.decode().splitlines() == [
        "alice@example.com imap=cleartext",
        "d@example.com tls_min=1.1",
        "later.user@later.example imap=tls",
        "e@nets.example allow_nets=192.0.2.0/25,192.0.2.200,198.51.100.9"]
    assert b"carol@example.net pop3" in done.stderr
    assert b"lock" in done.stderr


def test_exceptions_where_two_files_have_a_line_of_that_number(gatepost, lab):
    """"trusted" is in the way here, allow_nets is not."""
    folder = lab.dir / "two.d"
    folder.mkdir()
    (folder / "2").write_text("* all=tls allow_nets=any\nx.example imap="
                              "trusted trusted_nets=10.0.0.0/8\n")
    (folder / "1").write_text("net:office 192.0.2.0/24\n"
                              "x.example allow_nets=office\n")
    log = write(lab, "two", login("a@x.example", TLS, rip="192.0.2.7"))
    done = gatepost.run("impact", "-f", folder, "--set", log)
    assert done.stdout.decode() == "a@x.example imap=tls\n"


ODD = ["#hash@example.com", "*", 'a="b@example.com', "net:x@example.com",
       "profile:x", 'q"uo,te@example.com']
RARE = ["-dash@example.com", ".dot@example.com", "a#b@example.com",
        "a=b@example.com", "back\\slash@example.com", "it's@example.com",
        "r\u00f6sti@ex\u00e4mple.com", "plain"]


def test_exceptions_for_odd_names(gatepost, lab):
    """Whom no line can name is told, and keeps no other from his line: set
    reads them all, and they do what they shall."""
    log = write(lab, "odd.log", "".join(login(name) for name in ODD + RARE))
    done = gatepost.run("impact", "--set", log)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(RARE)
    assert done.stderr.count(b"can name this mailbox") == len(ODD)
    lab.compile(RULES)
    lab.write_conf(journal=lab.dir / "journal")
    done = gatepost.run("set", "-", stdin=done.stdout)
    assert done.returncode == 0, done.stderr
    try:
        assert {name for name, *_ in gatepost.named(log)} == set(ODD)
    finally:
        lab.write_rules(RULES)


def test_outputs(gatepost, lab):
    log = write(lab, "forms.log", LOG + login("=cmd|' /C x'!A0@example.com"))
    done = gatepost.run("impact", "--csv", log)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    # What a spreadsheet would take for a formula is none any more.
    assert {row["mailbox"] for row in rows} == {
        "alice@example.com", "carol@example.net",
        "'=cmd|' /C x'!A0@example.com"}
    text = gatepost.run("impact", log).stdout.decode()
    assert "example.net" in text.split("MAILBOX ")[0]
    assert gatepost.run("impact", "--csv", "--json", log).returncode == 64
    for command in ("impact", "refused"):
        done = gatepost.run(command, "--anonymise", "--verbose", log)
        assert done.returncode == 64


def test_a_log_is_not_written_over(gatepost, lab):
    """As by --html /var/log/mail.log*, which the shell takes apart."""
    log = write(lab, "mail.log", LOG)
    other = write(lab, "mail.log.1", LOG)
    done = gatepost.run("impact", "--html", log, other)
    assert done.returncode == 73 and log.name.encode() in done.stderr
    assert log.read_text() == LOG
    page = lab.dir / "again.html"
    for _ in range(2):
        assert gatepost.run("impact", "--html", page, log).returncode == 1
    done = gatepost.run("impact", "--html", "/dev/stdout", log)
    assert done.stdout == page.read_bytes()


def test_half_a_page_does_not_stay(gatepost, lab):
    """Where there is no room for it; a browser would show it as a whole."""
    log = write(lab, "half.log", "".join(
        login(f"u{i}@example.com") for i in range(500)))
    page = lab.dir / "half.html"
    for _ in range(2):
        done = subprocess.run(
            [common.program("gatepost"), "impact", "-c", lab.conf, "-f",
             lab.rules, "--html", page, log], capture_output=True, timeout=60,
            check=False, restore_signals=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                  (20000, 20000)))
        assert done.returncode == 74 and b"not everything" in done.stderr
        assert not page.exists()
        page.write_text("<!DOCTYPE html>\n")


def test_terminals_are_safe(gatepost, lab):
    """What a log holds cannot steer a terminal, in no form of output."""
    log = write(lab, "escape.log", login("\x1b[2Ja\u202e@example.com")
                + login("\u009b2Jc@example.com")
                + "2026-11-21T08:00:00Z mail dovecot: auth: gatepost: refused:"
                " user=<a\\x1b[2Jb@example.com>, service=imap, cause=off, "
                "rule=<\\x1b[2J>, file=<\\x1b[2J>, line=1, rip=192.0.2.1, "
                "tls=none\n"
                + "2026-11-21T08:00:00Z mail dovecot: imap-login: ID sent: "
                "name=\x1b[2J: user=<>, session=<x>\n")
    for command in ("impact", "refused"):
        for form in ((), ("--csv",), ("--json",)):
            done = gatepost.run(command, *form, "./" + log.name)
            assert done.returncode == 1 and done.stdout
            for bad in (b"\x1b", "\u009b".encode(), "\u202e".encode()):
                assert bad not in done.stdout + done.stderr, (command, form)
    assert b"\x1b" not in gatepost.run("impact", "--notice", log).stdout
    assert b"\x1b" not in gatepost.run("impact", "-v", "--set", log).stderr


def test_nothing_to_see_is_said(gatepost, lab):
    done = gatepost.run("impact", "-")
    assert done.returncode == 0 and b"nothing in these logs" in done.stderr
    done = gatepost.run("impact", "-", stdin=b"Nov 21 08:00:00 h x: y\n")
    assert done.returncode == 0 and b"no login" in done.stderr


def test_exit_codes(gatepost, lab):
    fine = write(lab, "fine.log", login("bob@example.com", TLS))
    assert gatepost.run("impact", fine).returncode == 0
    assert gatepost.run("impact", "-").returncode == 0
    assert gatepost.run("impact", write(lab, "l", LOG)).returncode == 1
    assert gatepost.run("impact", lab.dir / "missing").returncode == 66
    assert gatepost.run("impact", "--since", "yesterday", "-").returncode == 64
    assert gatepost.run("impact", "--since", "2026-11-21", "--until",
                        "2026-11-20", fine).returncode == 64
    assert gatepost.run("impact", "--help").returncode == 0
    assert gatepost.run("refused", "--help").returncode == 0
    assert gatepost.run("refused", "fine.log").returncode == 64
    assert gatepost.run("refused", "--html", "/nowhere/x", fine).returncode \
        in (66, 73)
    lab.write_rules("* all=nonsense\n")
    try:
        assert gatepost.run("impact", fine).returncode == 65
    finally:
        lab.write_rules(RULES)


def test_a_log_that_may_not_be_read(gatepost, lab):
    """It is a missing input, as rules are."""
    log = write(lab, "secret.log", LOG)
    log.chmod(0)
    folder = lab.dir / "secret.d"
    folder.mkdir(mode=0, exist_ok=True)
    who = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
    lab.dir.chmod(0o755)
    # The build may be where nobody else can look.
    copy = shutil.copy(common.program("gatepost"), lab.dir)
    for path in (log, folder, folder / "mail.log"):
        done = subprocess.run(
            [copy, "refused", "-c", lab.conf, path],
            capture_output=True, timeout=60, check=False, **who)
        assert (done.returncode, done.stdout) == (66, b""), done.stderr
        assert f"{path}: Permission denied".encode() in done.stderr
    folder.rmdir()
    log.unlink()


def test_refused_by_name(gatepost, lab):
    def refused(user, kind="refused", cause="off"):
        return (f"2026-11-21T08:00:00Z mail dovecot: auth: gatepost: {kind}: "
                f"user=<{user}>, service=imap, cause={cause}, rule=<*>, "
                "file=</etc/gatepost/rules>, line=1, disclosed=yes, "
                "rip=198.51.100.7, lip=192.0.2.25, tls=none, "
                "method=<PLAIN>\n")

    log = write(lab, "doors.log", refused("a@example.com")
                + refused("a@example.com") + refused("b@example.com")
                + refused("a@example.net", "would be refused", "cleartext")
                + refused("local", cause="network"))

    def rows(*args):
        done = gatepost.run("refused", "--json", *args, log)
        return {(row["mailbox"], row["state"], row["cause"], row["count"])
                for row in json.loads(done.stdout)["rows"]}

    mine = ("a@example.com", "refused", "off", 2)
    other = ("b@example.com", "refused", "off", 1)
    trial = ("a@example.net", "trial", "cleartext", 1)
    assert rows("A@Example.COM") == {mine}
    assert rows("example.com") == {mine, other}
    assert rows("local@") == {("local", "refused", "network", 1)}
    assert rows("--trial") == {trial}
    assert len(rows()) == 4
    assert rows("nobody@example.com") == set()


def failed(number):
    """What those who only try leave in the log: names, of users and of
    clients, that are all different."""
    session = f"session=<try{number}>\n"
    start = "2026-11-21T08:00:00Z mail dovecot: imap-login: "
    return (f"{start}ID sent: name=client-{number}-{'x' * 60}: user=<>, "
            f"rip=203.0.113.5, lip=192.0.2.25, {session}"
            f"{start}Disconnected: Connection closed (auth failed, 1 attempts "
            f"in 2 secs): user=<{number}@example.com>, method=PLAIN, "
            f"rip=203.0.113.5, lip=192.0.2.25, {session}")


def test_memory_is_bounded(gatepost, lab):
    """Ten times the log takes no more, whoever tries to log in."""
    peaks = []
    for turns in (1, 10):
        log = "".join(login(f"u{i % 500}@example.com",
                            session=f"{turn}.{i}") + failed(f"{turn}.{i}")
                      for turn in range(turns) for i in range(20000))
        path = write(lab, "bounded", log)
        done = subprocess.run(
            ["/usr/bin/python3", "-c",
             "import resource, subprocess, sys;"
             "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
             common.program("gatepost"), "impact", "-c", lab.conf, "-f",
             lab.rules, path], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] * 1.2


def test_webmail(gatepost, lab):
    """Judged as webmail, by what its host vouches for."""
    lab.write_conf(webmail_networks="192.0.2.80")
    lab.write_rules("* clients=off webmail=trusted trusted_nets=198.51.100.0/24"
                    "\n")
    real = "real_rip=192.0.2.80, " + TLS
    log = write(lab, "webmail.log",
                login("a@example.com", real, rip="198.51.100.1")
                + login("b@example.com", real, rip="203.0.113.1")
                + login("c@example.com", TLS, rip="198.51.100.1"))
    try:
        assert gatepost.named(log) == {
            ("b@example.com", "webmail", "network"),
            ("c@example.com", "imap", "off")}
        done = gatepost.run("impact", "--set", log)
        assert done.stdout == (b"b@example.com webmail=tls\n"
                               b"c@example.com imap=tls\n")
    finally:
        lab.write_conf(webmail_networks=None)
        lab.write_rules(RULES)


RECORDED = pathlib.Path(__file__).parent / "recorded"


def recorded(tls, *services):
    return {("alice@example.com", service, *tls) for service in services}


NONE = ("refused", "cleartext", "none")
UNKNOWN = ("unknown", "tls_version", "unknown")
ALL = ("imap", "pop3", "submission", "sieve")


@pytest.mark.parametrize("name, logins, expected", [
    ("dovecot-2.3", 36, recorded(NONE, *ALL) | recorded(UNKNOWN, *ALL)),
    ("dovecot-2.4", 24, recorded(NONE, *ALL) | recorded(UNKNOWN, *ALL)),
    ("postfix-3.7", 4, recorded(NONE, "submission")),
    ("postfix-3.10", 4, recorded(NONE, "submission")),
])
def test_recorded(gatepost, lab, name, logins, expected):
    """What each release of the servers wrote for the clients of a lab."""
    said = gatepost.impact(RECORDED / name)
    assert (said["logins"], said["unreadable"]) == (logins, 0)
    assert {(row["mailbox"], row["service"], row["state"], row["cause"],
             *row["tls"]) for row in said["rows"]
            if row["mailbox"] == "alice@example.com"} == expected
