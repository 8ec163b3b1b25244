#!/usr/bin/env python3
"""Writes a mail log of about so many megabytes to standard output: Dovecot and
Postfix on one host, in the form of syslog, with the usual lines around each
login. The same number gives the same log."""

import random
import sys
import time

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
CHUNK = 2000


def stamp(seconds):
    tm = time.gmtime(seconds)
    return (f"{MONTHS[tm.tm_mon - 1]} {tm.tm_mday:2d} {tm.tm_hour:02d}:"
            f"{tm.tm_min:02d}:{tm.tm_sec:02d} mail")


def dovecot(rng, at, user, address):
    service = rng.choice(("imap", "imap", "imap", "pop3", "managesieve"))
    tls = rng.choice(("TLS, ", "TLS, TLSv1.3 with cipher TLS_AES_256_GCM_"
                      "SHA384 (256/256 bits), ", ""))
    pid, session = rng.randrange(1, 99999), f"{rng.getrandbits(80):020x}"
    yield (f"{at} dovecot: {service}-login: Login: user=<{user}>, "
           f"method=PLAIN, rip={address}, lip=192.0.2.25, mpid={pid}, {tls}"
           f"session=<{session}>")
    yield (f"{at} dovecot: {service}({user})<{pid}><{session}>: Disconnected:"
           " Logged out in=612 out=8841 deleted=0 expunged=0 trashed=0 "
           "hdr_count=3 hdr_bytes=811 body_count=1 body_bytes=2211")
    for _ in range(2):
        yield (f"{at} dovecot: imap-login: Disconnected: Connection closed "
               f"(no auth attempts in 0 secs): user=<>, rip={address}, "
               f"lip=192.0.2.25, TLS, session=<{session}>")


def postfix(rng, at, user, address):
    pid, queue_id = rng.randrange(1, 400), f"{rng.getrandbits(44):011X}"
    smtpd = f"{at} postfix/submission/smtpd[{pid}]:"
    yield f"{smtpd} connect from unknown[{address}]"
    starttls = rng.random() < 0.8
    if starttls:
        yield (f"{smtpd} Anonymous TLS connection established from "
               f"unknown[{address}]: TLSv1.{rng.randrange(2, 4)} with cipher "
               "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519")
    yield (f"{smtpd} {queue_id}: client=unknown[{address}], "
           f"sasl_method=PLAIN, sasl_username={user}")
    yield f"{at} postfix/cleanup[{pid}]: {queue_id}: message-id=<{queue_id}@x>"
    yield (f"{at} postfix/qmgr[77]: {queue_id}: from=<{user}>, size=4211, "
           "nrcpt=1 (queue active)")
    yield (f"{smtpd} disconnect from unknown[{address}] ehlo=2 "
           f"{'starttls=1 ' if starttls else ''}auth=1 mail=1 rcpt=1 data=1 "
           "quit=1 commands=8")
    yield (f"{at} postfix/smtp[{pid}]: {queue_id}: to=<bob@example.net>, "
           "relay=mx.example.net[203.0.113.9]:25, delay=1.2, "
           "delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok)")
    yield f"{at} postfix/qmgr[77]: {queue_id}: removed"


def main():
    megabytes = int(sys.argv[1])
    rng = random.Random(1)
    seconds, written = 1790000000, 0
    while written < megabytes * 1000000:
        lines = []
        for _ in range(CHUNK):
            seconds += rng.random() < 0.5
            number = int(rng.paretovariate(0.6)) % 50000
            user = f"user{number}@example{number % 200}.com"
            address = (f"198.{18 + number % 2}.{number % 251}."
                       f"{1 + number * rng.randrange(1, 4) % 253}")
            kind = dovecot if rng.random() < 0.7 else postfix
            lines += kind(rng, stamp(seconds), user, address)
        text = "\n".join(lines) + "\n"
        sys.stdout.write(text)
        written += len(text)


if __name__ == "__main__":
    main()
