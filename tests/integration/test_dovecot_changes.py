"""Rules that change while logins go on: never an old answer, never a wrong
one, never an error."""

import base64
import os
import shutil
import signal
import threading
import time

import pytest

from gplab import clients, dovecot, releases, sqlusers

OPEN = """
*                  all=cleartext
shut.example       all=off
"""
SHUT = OPEN + "turns.example all=off\n"
USERS = {f"alice@{domain}.example": "secret"
         for domain in ("open", "shut", "turns")}
MECHANISMS = ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def server(lab):
    lab.write_conf()
    lab.compile(OPEN)
    return dovecot.Dovecot(lab, users=USERS, protocols="imap").start()


def login(server, user, password="secret", mechanism="PLAIN", **options):
    return clients.login(server, "imap", user, password, mechanism, **options)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_auth_cache(lab, mechanism):
    """Dovecot remembers passwords and failures, and no verdicts."""
    lab.write_conf()
    lab.compile(OPEN)
    database = sqlusers.SqlUsers(
        lab, [("turns", "alice@turns.example", "secret")], {})
    cached = dovecot.Dovecot(
        lab, protocols="imap",
        extra="auth_cache_size = 10M\nauth_cache_ttl = 1 hour\n"
              "auth_cache_negative_ttl = 1 hour\n",
        passdbs=[releases.gatepost(), releases.sql(database)]).start()
    user = "alice@turns.example"
    try:
        for _ in range(2):
            assert login(cached, user, mechanism=mechanism).ok
            assert not login(cached, user, "wrong", mechanism).ok
            lab.compile(SHUT)
            for password in ("secret", "wrong"):
                answer = login(cached, user, password, mechanism)
                assert "[CONTACTADMIN]" in answer.line
            lab.compile(OPEN)
    finally:
        cached.stop()
        database.path.unlink()


class Changer(threading.Thread):
    """Puts one map after the other in place, a hundred times a second, as
    gatemap does: by rename."""

    def __init__(self, lab, maps):
        super().__init__(daemon=True)
        self.lab = lab
        self.maps = maps
        self.changes = 0
        self.ended = threading.Event()

    def run(self):
        new = self.lab.map.with_name("next.lmdb")
        while not self.ended.is_set():
            shutil.copy2(self.maps[self.changes % len(self.maps)], new)
            new.rename(self.lab.map)
            self.changes += 1
            time.sleep(0.01)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.join()


@pytest.fixture
def maps(lab):
    """Two compiled maps, kept beside the one in force."""
    made = []
    for name, rules in (("open", OPEN), ("shut", SHUT)):
        lab.compile(rules)
        made.append(shutil.copy2(lab.map, lab.dir / f"{name}.kept"))
    return made


def ask_until(server, ended, wrong):
    """Logs in over the auth socket until told to end; whatever is not as the
    rules say goes into wrong. Returns how many logins it was."""
    count = 0
    with server.auth_client() as auth:
        while not ended.is_set():
            for domain, kinds in (("open", {"OK"}), ("shut", {"FAIL"}),
                                  ("turns", {"OK", "FAIL"})):
                reply = auth.plain(f"alice@{domain}.example", "secret",
                                   service="imap", rip="192.0.2.1",
                                   lip="192.0.2.2")
                refused = "switched off" in str(reply.fields.get("reason"))
                if reply.kind not in kinds or \
                        refused != (reply.kind == "FAIL"):
                    wrong.append(reply)
                count += 1
    return count


def run_load(server, seconds, during=lambda: None, workers=4):
    ended, wrong, counts = threading.Event(), [], []
    threads = [threading.Thread(
        target=lambda: counts.append(ask_until(server, ended, wrong)))
        for _ in range(workers)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        during()
        time.sleep(0.1)
    ended.set()
    for thread in threads:
        thread.join()
    assert len(counts) == workers
    return sum(counts), wrong


def test_a_hundred_maps_a_second(lab, server, maps):
    server.mark()
    with Changer(lab, maps) as changer:
        count, wrong = run_load(server, 5)
    assert not wrong, wrong[:5]
    assert changer.changes > 50 and count > 200, (changer.changes, count)
    assert "Error" not in server.log() and "Warning" not in server.log()


def test_the_next_login_obeys_the_last_map(lab, server, maps):
    """Each change is in force at once, at every login after it."""
    with server.auth_client() as auth:
        for turn in range(200):
            shutil.copy2(maps[turn % 2], lab.dir / "next.lmdb")
            (lab.dir / "next.lmdb").rename(lab.map)
            reply = auth.plain("alice@turns.example", "secret",
                               service="imap", rip="192.0.2.1",
                               lip="192.0.2.2")
            assert reply.kind == ("FAIL" if turn % 2 else "OK"), turn


@pytest.mark.measures
def test_memory_stays(lab, server, maps):
    """Maps that were replaced are given back."""
    def sizes():
        """Address space and memory of the auth process, in KB."""
        found = [0, 0]
        for pid in server.auth_processes():
            with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
                fields = statm.read().split()
            found = [max(found[i], int(fields[i]) * 4) for i in (0, 1)]
        return found

    run_load(server, 1)
    with Changer(lab, maps):
        run_load(server, 1)
        size, used = sizes()
        run_load(server, 4)
        later_size, later_used = sizes()
    # One map more for each change would be several times this.
    assert later_size - size < 16 * 1024, (size, later_size)
    assert later_used - used < 8 * 1024, (used, later_used)


def test_reload_in_the_middle_of_logins(server, lab):
    """Dovecot itself closes a connection here and there at a reload, or finds
    no auth process to fetch a login from, which is an internal error of 2.4;
    whoever gets an answer to the login gets the right one."""
    lab.compile(OPEN)
    ended, answers = threading.Event(), []

    def keep_logging_in():
        while not ended.is_set():
            for domain in ("open", "shut"):
                answer = login(server, f"alice@{domain}.example")
                answers.append((domain, answer.line))

    threads = [threading.Thread(target=keep_logging_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        time.sleep(0.5)
        server.reload()
    time.sleep(0.5)
    ended.set()
    for thread in threads:
        thread.join()
    answered = [answer for answer in answers if answer[1] and
                "[UNAVAILABLE] Internal error occurred" not in answer[1]]
    expected = {"open": "a OK ", "shut": "a NO [CONTACTADMIN] "}
    assert [answer for answer in answered
            if not answer[1].startswith(expected[answer[0]])] == []
    assert len(answered) > len(answers) / 2 > 2


def test_map_replaced_in_the_middle_of_a_login(lab, server):
    """What counts is the rules when the name is known."""
    lab.compile(OPEN)
    sasl = clients.Sasl("CRAM-MD5", "alice@turns.example", "secret")
    with server.auth_client() as auth:
        for rules, kind in ((SHUT, "FAIL"), (OPEN, "OK")):
            begun = auth.start("CRAM-MD5", service="imap", rip="192.0.2.1",
                               lip="192.0.2.2")
            assert begun.kind == "CONT"
            lab.compile(rules)
            challenge = base64.b64decode(begun.data)
            assert auth.cont(sasl.answer(challenge)).kind == kind


def test_map_replaced_between_name_and_password(lab):
    """POP3 is asked when it has both."""
    lab.compile(OPEN)
    server = dovecot.Dovecot(lab, users=USERS, protocols="pop3").start()
    for rules, answer in ((SHUT, "-ERR [AUTH] POP3 is switched off"),
                          (OPEN, "+OK")):
        with clients.Login(server, "pop3") as client:
            assert client.command("USER alice@turns.example") == "+OK"
            lab.compile(rules)
            assert client.command("PASS secret").startswith(answer)
    server.stop()


def test_auth_process_ends_in_the_middle_of_a_login(lab, server):
    lab.compile(OPEN)
    for domain in ("open", "shut"):
        with clients.Login(server, "imap") as client:
            client.wire.send("a AUTHENTICATE CRAM-MD5")
            challenge = base64.b64decode(client.wire.line()[2:])
            for pid in server.auth_processes():
                os.kill(pid, signal.SIGKILL)
            sasl = clients.Sasl("CRAM-MD5", f"alice@{domain}.example",
                                "secret")
            client.wire.send(base64.b64encode(
                sasl.answer(challenge)).decode())
            assert not client._final().startswith("a OK")
    assert login(server, "alice@open.example").ok
    assert "[CONTACTADMIN]" in login(server, "alice@shut.example").line


def test_two_passdbs_with_one_map(lab, maps):
    """Two gatepost.conf that name the same map: it is opened once, and both
    follow it."""
    lab.write("second.conf", f"map = {lab.map}\n")
    server = dovecot.Dovecot(
        lab, users=USERS, protocols="imap",
        passdbs=[releases.gatepost(),
                 releases.gatepost(lab.dir / "second.conf"),
                 releases.users()]).start()
    for turn in range(6):
        shutil.copy2(maps[turn % 2], lab.dir / "next.lmdb")
        (lab.dir / "next.lmdb").rename(lab.map)
        assert login(server, "alice@turns.example").ok == (turn % 2 == 0)
        assert login(server, "alice@open.example").ok
    server.stop()


@pytest.mark.measures
def test_two_hundred_logins_at_once(server, lab):
    lab.compile(OPEN)
    results = []

    def one(number):
        domain = ("open", "shut")[number % 2]
        answer = login(server, f"alice@{domain}.example")
        results.append(answer.ok == (domain == "open"))

    threads = [threading.Thread(target=one, args=(number,))
               for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 200
