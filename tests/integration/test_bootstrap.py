"""What ./bootstrap does before it builds: whatever it may not do with this
machine's packages, it does not begin. apt-get is a stand-in that writes down
what it is asked to do; nothing is installed."""

import os
import shutil
import subprocess

import pytest

from gplab import common

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

NEW = "Inst dovecot-pop3d (1:2.3.19.1 Debian:12 [amd64])\n"

# Prints what stands in the file "plan" when asked for a plan.
APT_GET = """#!/bin/sh
echo "$@" >>{path}/asked
case "$*" in
*update) exit {update} ;;
*-s*install*) cat {path}/plan; exit {found} ;;
esac
exit 99
"""


class Machine:
    """A copy of bootstrap, and the commands it finds."""

    def __init__(self, path):
        self.path = path
        shutil.copy(common.TREE / "bootstrap", path)
        self.command("dpkg-query", "#!/bin/sh\nexit 1\n")
        self.command("debconf-set-selections", "#!/bin/sh\ncat\n")

    def command(self, name, text):
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o755)

    def apt_get(self, plan, found=0, update=0):
        (self.path / "plan").write_text(plan)
        self.command("apt-get", APT_GET.format(path=self.path, found=found,
                                               update=update))

    def run(self, *words, wrapper=()):
        return subprocess.run(
            [*wrapper, self.path / "bootstrap", *words], text=True,
            capture_output=True, check=False,
            env={**os.environ, "PATH": f"{self.path}:{os.environ['PATH']}"})

    def asked(self):
        path = self.path / "asked"
        return path.read_text() if path.exists() else ""

    def assert_stopped(self, done, *told):
        """It said so in its last line, and asked for plans and lists only."""
        last = done.stderr.strip().splitlines()[-1]
        assert done.returncode == 1
        assert last.startswith("bootstrap: ")
        for words in told:
            assert words in last
        for line in self.asked().splitlines():
            assert " -s install " in line or line.endswith(" update"), line
        assert not (self.path / "build").exists()


@pytest.fixture
def machine():
    with common.Lab("bootstrap") as lab:
        yield Machine(lab.dir)


@as_root
@pytest.mark.parametrize("plan, told", [
    ("Remv exim4-base [4.96]\nRemv exim4 [4.96]\n" + NEW,
     ["would remove exim4-base exim4 to install: "]),
    ("Inst postfix [3.7.10] (3.7.11 Debian:12 [amd64])\n" + NEW,
     ["would upgrade postfix", "interrupt a mail server"]),
])
@pytest.mark.parametrize("word", ["demo", "check"])
def test_nothing_of_the_machine_is_changed(machine, word, plan, told):
    machine.apt_get(plan)
    machine.assert_stopped(machine.run(word), "nothing was done", *told)


# Folders of the machine's, empty for one command.
BARE = """
for folder in /etc/rc2.d /etc/systemd/system /usr/sbin
do
    test ! -d $folder || mount -t tmpfs none $folder || exit
done
ln -s /etc/passwd /etc/rc2.d/{link}
exec "$@"
"""


@as_root
@pytest.mark.parametrize("link", ["S01dovecot", "K01dovecot"])
def test_no_protocol_is_added_to_a_server_in_use(machine, link):
    machine.apt_get(NEW)
    done = machine.run("demo", wrapper=["unshare", "--mount", "sh", "-c",
                                        BARE.format(link=link), "sh"])
    if link.startswith("S"):
        machine.assert_stopped(done, "nothing was done", "dovecot-pop3d",
                               "more protocols")
    else:
        assert "more protocols" not in done.stderr
        assert " -y install " in machine.asked()


@as_root
@pytest.mark.parametrize("update, told", [
    (100, ["nothing was done", "could not be fetched", "network"]),
    (0, ["apt-get cannot install: ", "gcc"]),
])
def test_packages_that_cannot_be_had(machine, update, told):
    machine.apt_get("E: Unable to locate package gcc\n", 100, update)
    machine.assert_stopped(machine.run("demo"), *told)


def test_not_root(machine):
    machine.apt_get("")
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] \
        if os.geteuid() == 0 else []
    for words, told in (([], "run this as root, or: apt-get install"),
                        (["demo"], "run it as root"),
                        (["check"], "run it as root")):
        machine.assert_stopped(machine.run(*words, wrapper=user), told)
    assert machine.asked() == ""


def test_usage(machine):
    machine.apt_get("")
    for words in (["chekc"], ["demo", "check"]):
        machine.assert_stopped(machine.run(*words), "usage: ")
    done = machine.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("demo", "check"):
        assert f"./bootstrap {word}" in done.stdout
    assert machine.asked() == ""


def test_autoreconf_that_was_interrupted_is_begun_anew(machine):
    """configure stands there before the rest does."""
    shutil.copytree(common.TREE / "tests/integration",
                    machine.path / "tests/integration",
                    ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    machine.command("dpkg-query", "#!/bin/sh\necho installed\n")
    machine.command("autoreconf", "#!/bin/sh\necho autoreconf \"$@\"\nexit 3\n")
    (machine.path / "configure").touch()
    done = machine.run()
    assert (done.returncode, "autoreconf --install" in done.stdout) == (3, True)
