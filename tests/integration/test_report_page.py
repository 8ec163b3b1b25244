"""The page of "gatepost impact --html" in a real browser: searched, sorted,
printed, on a phone, in the dark; and names that try to be markup."""

import os
import pathlib

import pytest

from gplab import browser, common

RULES = """* all=tls tls_min=1.2 help=https://help.example.com/mail
example.com pop3=off
example.org clients=trusted trusted_nets=198.51.100.0/29
"""
HOSTILE = [
    "<script>document.title='owned'</script>@example.com",
    "\"><img src=x onerror=\"document.title='owned'\">@example.com",
    "</td></table><h1>owned</h1>@example.com",
    "a&lt;b&#60;c@example.com",
    "\u202eevil@example.com",
]
NAMES = ("anna ben carla david emma felix greta hugo ida jan klara leo mia "
         "noah olga paul rosa scan tom uwe vera willi").split()
WAYS = [
    ("imap", "TLS, TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits), "),
    ("imap", "TLS, TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits), "),
    ("submission", "TLS, TLSv1.2 with cipher AES128-SHA256 (128/128 bits), "),
    ("imap", "TLS, "),
    ("imap", ""),
    ("submission", "TLS, TLSv1 with cipher AES128-SHA (128/128 bits), "),
    ("pop3", "TLS, TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits), "),
]


def login(day, service, user, address, tls):
    return (f"2026-10-{day:02d}T08:{day:02d}:00Z mail dovecot: "
            f"{service}-login: Login: user=<{user}>, method=PLAIN, "
            f"rip={address}, lip=192.0.2.25, mpid=1, {tls}"
            f"session=<{user[:4]}{day}>\n")


def make_log():
    lines = []
    for domain, count in (("example.com", 22), ("example.net", 12),
                          ("example.org", 7), ("shop.example", 4)):
        for i in range(count):
            service, tls = WAYS[(i * i + i // 3) % len(WAYS)]
            address = (f"198.51.100.{i + 1}" if i % 4
                       else f"2001:db8:{i:x}::{i + 1:x}")
            for day in range(1 + i % 3, 30, 1 + i % 5):
                lines.append((day, login(day, service,
                                         f"{NAMES[i]}@{domain}", address,
                                         tls)))
    return "".join(line for _, line in sorted(lines))


@pytest.fixture(scope="module")
def chromium(lab):
    return browser.Browser(lab)


def page(lab, log, name="page.html", kind="impact", *options):
    lab.write_conf()
    log = lab.write("mail.log", log)
    lab.write("rules.new", RULES)
    path = lab.dir / name
    judged = ["-f", "rules.new"] if kind == "impact" else []
    done = lab.run([common.program("gatepost"), kind, "-c", lab.conf,
                    *judged, *options, "--html", path, log], check=False,
                   cwd=lab.dir)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    return path


@pytest.fixture
def shown(chromium, lab):
    chromium.size(1200, 1000)
    chromium.media()
    chromium.open(page(lab, make_log()))
    chromium.messages()
    return chromium


def column(chromium, number):
    return chromium.run(
        "return [...document.querySelectorAll('#rows tbody tr')]"
        ".filter(row => !row.hidden)"
        ".map(row => row.cells[arguments[0]].textContent)", number)


def test_everybody_is_found(shown):
    """Those with whom all is well stand behind the others, without a mark."""
    states = column(shown, 2)
    ready = states.index("ready")
    assert "ready" in states and set(states[ready:]) == {"ready"}
    assert set(states[:ready]) == {"refused", "unknown"}
    marks = shown.run("return document.querySelectorAll('#rows .mark').length")
    assert marks == ready
    shown.type("#search", "anna@example.net")
    assert set(column(shown, 2)) == {"ready"}
    assert set(column(shown, 3)) == {""}


def test_search(shown):
    whole = column(shown, 0)
    assert len(whole) > 20
    shown.type("#search", "example.org network")
    found = column(shown, 0)
    assert 0 < len(found) < len(whole)
    assert all(name.endswith("@example.org") for name in found)
    assert set(column(shown, 3)) == {"network"}
    counted = shown.run(
        "return document.getElementById('found').textContent")
    assert counted == f"{len(found)} of {len(whole)}"
    shown.type("#search", "nobody here")
    assert column(shown, 0) == []


def test_sort(shown):
    for number, key in ((0, None), (4, int)):
        head = f"#rows th:nth-child({number + 1}) button"
        shown.click(head)
        up = column(shown, number)
        shown.click(head)
        down = column(shown, number)
        assert len(set(up)) > 5
        assert up == sorted(up, key=key)
        assert down == up[::-1] or sorted(down, key=key) == sorted(up, key=key)
        assert down[0] == up[-1]
        assert shown.run(
            "return document.querySelector('#rows th[aria-sort]')"
            ".getAttribute('aria-sort')") == "descending"


def test_totals_and_marks(shown):
    tiles = shown.run("return [...document.querySelectorAll('.tile')]"
                      ".map(tile => tile.textContent)")
    assert tiles[0] == "45mailboxes"
    numbers = [int("".join(filter(str.isdigit, tile))) for tile in tiles]
    assert numbers[0] == sum(numbers[1:])
    domains = shown.run(
        "return [...document.querySelectorAll('#domains tbody tr')]"
        ".map(row => row.cells[0].textContent)")
    assert domains == ["example.com", "example.net", "example.org",
                       "shop.example"]
    bars = shown.run(
        "return [...document.querySelectorAll('svg.bar')].map(bar =>"
        "[...bar.children].reduce((sum, rect) =>"
        "sum + rect.getBoundingClientRect().width, 0)"
        "/ bar.getBoundingClientRect().width)")
    assert len(bars) == 4 and all(0.98 < bar < 1.01 for bar in bars)
    assert shown.run("return document.querySelectorAll('svg.days g').length") \
        >= 29
    assert shown.run("return getComputedStyle(document.querySelector("
                     "'#rows .mark.bad'), '::before').content") != "none"


def contrast(chromium):
    """Of the page's text, by its channels' sums."""
    colors = chromium.run(
        "const style = getComputedStyle(document.body);"
        "return [style.color, style.backgroundColor].map(color =>"
        "color.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0))")
    return colors


def test_dark_light_print_phone(shown):
    color, background = contrast(shown)
    assert color < 200 and background > 700
    shown.media(color_scheme="dark")
    color, background = contrast(shown)
    assert color > 600 and background < 150
    shown.media("print", color_scheme="dark")
    color, background = contrast(shown)
    assert color == 0 and background == 765
    assert shown.run("return getComputedStyle(document.getElementById("
                     "'search')).display") == "none"
    # A sheet of A4 across, less its margins.
    shown.size(1030, 700)
    assert shown.run("return document.documentElement.scrollWidth") <= 1030
    shown.media()
    shown.size(390, 800)
    assert shown.run("return document.documentElement.scrollWidth") <= 390
    assert shown.run("return getComputedStyle(document.querySelector("
                     "'#rows td')).display") == "block"


def test_many_rows(lab):
    """A page that no browser could show would be of no use."""
    log = "".join(login(1, "imap", f"u{i}@example.com", "192.0.2.1", "")
                  for i in range(20100))
    text = page(lab, log, "many.html").read_text()
    assert text.count('<tr><td class="name">') == 20000 + 1
    assert "first 20000 of 20100 rows" in text
    assert ">20100</b>refused" in text


@pytest.mark.parametrize("kind", ["impact", "refused"])
def test_hostile_names(chromium, lab, kind):
    log = "".join(login(day, "imap", name, "198.51.100.9", "")
                  for day, name in enumerate(HOSTILE, 1))
    log += ("2026-10-01T09:00:00Z mail dovecot: imap-login: ID sent: "
            "name=<svg/onload=document.title='owned'>: user=<>, "
            "rip=198.51.100.9, lip=192.0.2.25, session=<<scr1>\n")
    options = ("--exposed",) if kind == "refused" else ()
    chromium.open(page(lab, log, "hostile.html", kind, *options))
    assert chromium.run("return document.title") in (
        "Who would be refused", "Passwords sent in cleartext")
    assert chromium.run("return document.images.length") == 0
    assert chromium.run("return document.scripts.length") == 1
    assert chromium.run("return document.querySelectorAll('h1').length") == 1
    shown = set(column(chromium, 0))
    for name in HOSTILE[:4]:
        assert name in shown
    assert not any("\u202e" in name for name in shown)
    # Nothing was even stopped by the policy: nothing was tried.
    assert chromium.messages() == []


def test_policy_stops_what_is_not_ours(shown):
    """Were there a mistake in the escaping, the policy would stand."""
    shown.run("const script = document.createElement('script');"
              "script.textContent = \"document.title = 'owned'\";"
              "document.body.append(script)")
    assert shown.run("return document.title") == "Who would be refused"
    assert any("Content Security Policy" in text for text in shown.messages())


def test_screenshot(shown, lab):
    """As in README; $GATEPOST_SCREENSHOT keeps it."""
    picture = shown.screenshot()
    assert picture.startswith(b"\x89PNG")
    assert 20000 < len(picture) < 200000
    keep = os.environ.get("GATEPOST_SCREENSHOT")
    if keep:
        pathlib.Path(keep).write_bytes(picture)
