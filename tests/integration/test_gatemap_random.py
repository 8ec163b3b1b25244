"""Random updates of a map, one after the other: it stays what a compile of the
rules that it prints would make. Needs no server."""

import json
import random
import subprocess

import pytest

from gplab import common
from gplab.gatemap import compiled, folder  # noqa: F401

KEYS = ("*", "a.test", ".test", "u@a.test", "v@a.test", "b.a.test",
        "u@b.a.test", "@", "u@", "net:office", "net:other", "profile:sales",
        "profile:other")
VALUES = {
    "imap": ("off", "tls", "cleartext", "trusted"),
    "pop3": ("off", "tls", "implicit"),
    "tls_min": ("1.0", "1.3"),
    "allow_nets": ("office", "10.1.0.0/16", "office,other", "any"),
    "trusted_nets": ("office", "none"),
    "cleartext_nets": ("other", "10.1.0.0/16,office"),
    "profile": ("sales", "other,sales"),
    "message": ('"x y"', "z"),
    "mode": ("trial", "enforce"),
    "until": ("2031-01-01T00:00:00Z", "2035-01-01T00:00:00Z"),
}
NETWORKS = ("10.0.0.0/8", "192.0.2.1-192.0.2.9", "2001:db8::/32")


def rule(rng):
    key = rng.choice(KEYS)
    if key.startswith("net:"):
        return f"{key} {rng.choice(NETWORKS)}"
    names = rng.sample(sorted(VALUES), rng.randint(1, 4))
    words = [f"{name}={rng.choice(VALUES[name])}" for name in names]
    if rng.random() < 0.2:
        words.append("lock")
    if rng.random() < 0.1:
        words = ["same_as=" + rng.choice(("a.test", "u@a.test", "x.test"))]
    return " ".join([key, *words])


def update(rng, place):
    """Returns what came of it."""
    if rng.random() < 0.35:
        return place.run("-d", rng.choice(KEYS), "--quiet")
    option = rng.choice(("-r", "-r", "-r", "-w", "-v"))
    lines = "\n".join(rule(rng) for _ in range(rng.randint(1, 3)))
    return place.run("-i", option, "--quiet", stdin=lines)


def request(rng):
    return [rng.choice(("u@a.test", "v@a.test", "w@a.test", "u@b.a.test", "u",
                        "x@c.test")),
            rng.choice(("imap", "pop3")),
            "tls=" + rng.choice(("none", "1.2", "1.3")),
            "client=" + rng.choice(("10.1.2.3", "192.0.2.3", "2001:db8::1")),
            f"at=203{rng.randrange(9)}-06-01T00:00:00Z"]


def explained(place, name, asked):
    """The answer without the numbers of lines, which differ."""
    done = subprocess.run(
        [common.program("gatepost"), "explain", "-c", place.conf, "--json",
         "-m", name, *asked], cwd=place.path, capture_output=True, text=True,
        check=False)
    answer = json.loads(done.stdout)
    del answer["line"]
    for attribute in answer["attributes"].values():
        del attribute["line"]
    return answer


@pytest.mark.parametrize("seed", range(2))
def test_random_updates(compiled, seed):  # noqa: F811
    rng = random.Random(seed)
    done = 0
    for _ in range(40):
        before = compiled.map.read_bytes()
        result = update(rng, compiled)
        if result.returncode != 0:
            assert result.returncode in (1, 65), result
            assert compiled.map.read_bytes() == before
            continue
        done += 1
        (compiled.path / "again").write_text(compiled.printed())
        compiled.expect(0, "--quiet", "--force", file="again")
        assert compiled.silent("-s", file="again") == compiled.printed()
        assert (compiled.path / "again.summary").read_bytes() == \
            compiled.summary.read_bytes()
        for asked in (request(rng) for _ in range(4)):
            assert explained(compiled, "rules.lmdb", asked) == \
                explained(compiled, "again.lmdb", asked), asked
    assert done > 10
