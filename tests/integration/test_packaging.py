"""The Debian packages: built of this tree, looked into, and lived with on a
machine of their own (packages_inside.py)."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from gplab import booted, common

INSIDE = "packages_inside.py"
DEBIAN = common.TREE / "packaging" / "debian"
NAMES = ("gatepost", "gatepost-dovecot", "gatepost-policyd")
MODULES = "usr/lib/dovecot/modules"


class Packages:
    """folder holds one of each name."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder

    def path(self, name):
        (path,) = self.folder.glob(f"{name}_*.deb")
        return path

    def field(self, name, field):
        return self.lab.run(["dpkg-deb", "-f", self.path(name),
                             field]).stdout.strip()

    def unpacked(self, name):
        """With its control files in DEBIAN."""
        folder = self.lab.dir / self.folder.name / name
        if not folder.exists():
            folder.parent.mkdir(exist_ok=True)
            self.lab.run(["dpkg-deb", "-R", self.path(name), folder])
        return folder

    def files(self, name):
        folder = self.unpacked(name)
        return {str(path.relative_to(folder)) for path in folder.rglob("*")
                if not path.is_dir() and path.parent.name != "DEBIAN"}

    def script(self, name, script):
        path = self.unpacked(name) / "DEBIAN" / script
        return path.read_text() if path.exists() else ""

    def newer(self):
        """The same once more, as a version that comes after them."""
        folder = self.lab.dir / "newer"
        folder.mkdir()
        for name in NAMES:
            copy = self.lab.dir / "copy"
            shutil.copytree(self.unpacked(name), copy, symlinks=True)
            control = copy / "DEBIAN" / "control"
            version = self.field(name, "Version")
            control.write_text(control.read_text().replace(
                version, version + "+1"))
            self.lab.run(["dpkg-deb", "--root-owner-group", "-b", copy,
                          folder])
            shutil.rmtree(copy)
        return folder


@pytest.fixture(scope="module")
def packages(lab):
    """The tests of a build are those that run beside this one."""
    if not shutil.which("dh"):
        pytest.skip("debhelper is not installed")
    folder = lab.dir / "packages"
    lab.run([DEBIAN / "build", folder], timeout=900, env={
        **os.environ, "DEB_BUILD_OPTIONS": "nocheck noautodbgsym"})
    assert len(list(folder.iterdir())) == len(NAMES)
    return Packages(lab, folder)


@pytest.fixture(scope="module")
def life(packages):
    """What came of each step on the machine."""
    return booted.results(INSIDE, packages.folder, packages.newer())


def test_version():
    """configure.ac, NEWS and the changelog speak of the same."""
    (version,) = re.findall(r"^AC_INIT\(\[gatepost\], \[(.*)\]\)",
                            (common.TREE / "configure.ac").read_text(), re.M)
    news = (common.TREE / "NEWS").read_text()
    assert news.startswith(f"Gatepost {version}")
    changelog = (DEBIAN / "changelog").read_text()
    assert changelog.startswith(f"gatepost ({version}) ")


def test_nothing_is_called_debian_at_the_top():
    assert not (common.TREE / "debian").exists()


@pytest.mark.parametrize("name, expected", [
    ("gatepost", {
        "usr/sbin/gatemap", "usr/sbin/gatepost",
        "usr/lib/sysusers.d/gatepost.conf",
        "usr/share/bash-completion/completions/gatepost",
        "usr/share/bash-completion/completions/gatemap",
        "usr/share/zsh/vendor-completions/_gatepost",
        "usr/share/man/man1/gatemap.1.gz",
        "usr/share/man/man5/gatepost-rules.5.gz",
        "usr/share/doc/gatepost/README.Debian",
        "usr/share/doc/gatepost/examples/dovecot-2.3.conf",
        "usr/share/doc/gatepost/fail2ban/gatepost.conf",
        "usr/share/doc/gatepost/apparmor/usr.sbin.gatepost-policyd"}),
    ("gatepost-dovecot", {
        f"{MODULES}/auth/libauthdb_gatepost.so",
        f"{MODULES}/login/libgatepost_login.so",
        "usr/share/man/man7/gatepost-dovecot.7.gz"}),
    ("gatepost-policyd", {
        "usr/sbin/gatepost-policyd",
        "usr/share/man/man8/gatepost-policyd.8.gz"}),
])
def test_contents(packages, name, expected):
    assert expected <= packages.files(name)


def test_units_lie_where_this_release_has_them(packages):
    folder = packages.lab.run(
        ["pkg-config", "--variable=systemdsystemunitdir",
         "systemd"]).stdout.strip().lstrip("/")
    assert {f"{folder}/gatepost-policyd.service",
            f"{folder}/gatepost-policyd.socket"} <= packages.files(
                "gatepost-policyd")


def test_settings_module(packages):
    """Dovecot 2.4 has one, 2.3 none."""
    is_24 = packages.lab.run(["dovecot", "--version"]).stdout.startswith("2.4")
    assert is_24 == (f"{MODULES}/settings/libgatepost_settings.so"
                     in packages.files("gatepost-dovecot"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_administrators(packages, name):
    """Nothing in /etc, /var or /run, and only root's."""
    assert all(path.startswith(("usr/", "lib/systemd/"))
               for path in packages.files(name))
    assert packages.script(name, "conffiles") == ""
    listed = packages.lab.run(["dpkg-deb", "-c", packages.path(name)]).stdout
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())


def test_depends_on_its_dovecot(packages):
    """On the ABI, by the name Debian gives it, and on the very version: under
    the name of one ABI there have been several."""
    depends = packages.field("gatepost-dovecot", "Depends").split(", ")
    provided = packages.lab.run(
        ["dpkg-query", "-W", "-f", "${Provides}\n${Version}",
         "dovecot-core"]).stdout
    (abi,) = [name for name in depends if name.startswith("dovecot-abi-")]
    assert re.search(rf"^(.*, )?{re.escape(abi)}(,|$)", provided, re.M)
    assert f"dovecot-core (= {provided.splitlines()[-1]})" in depends


def test_depend_on_each_other(packages):
    version = packages.field("gatepost", "Version")
    release = re.search(r'^VERSION_ID="?([0-9.]+)"?$',
                        pathlib.Path("/etc/os-release").read_text(), re.M)
    assert not release or version.endswith(f"~deb{release[1]}")
    for name in NAMES[1:]:
        assert f"gatepost (= {version})" in packages.field(name, "Depends")
    assert "libevent-core" in packages.field("gatepost-policyd", "Depends")
    assert "libevent" not in packages.field("gatepost", "Depends")


@pytest.mark.parametrize("name, path", [
    ("gatepost", "usr/sbin/gatemap"),
    ("gatepost-policyd", "usr/sbin/gatepost-policyd"),
    ("gatepost-dovecot", f"{MODULES}/auth/libauthdb_gatepost.so"),
    ("gatepost-dovecot", f"{MODULES}/login/libgatepost_login.so"),
])
def test_hardened(packages, name, path):
    told = packages.lab.run(["readelf", "-Wdlh", "--dyn-syms",
                             packages.unpacked(name) / path]).stdout
    assert "DYN (" in told
    assert "GNU_RELRO" in told
    assert "BIND_NOW" in told
    assert "_chk@GLIBC" in told
    assert "(RPATH)" not in told and "(RUNPATH)" not in told


def test_scripts_say_nothing_silly(packages):
    """Nothing is started that does not run, and removal stops what runs."""
    postinst = packages.script("gatepost-policyd", "postinst")
    assert "try-restart" in postinst
    assert not re.search(r"deb-systemd-invoke (start|restart)", postinst)
    assert packages.script("gatepost-policyd", "preinst") == ""
    assert "deb-systemd-invoke stop" in packages.script("gatepost-policyd",
                                                        "prerm")


def test_lintian(packages):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning",
         *(packages.path(name) for name in NAMES)],
        capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("step", booted.steps(INSIDE))
def test_life(life, step):
    booted.assert_ok(life, step)


def test_configured_in_place(lab):
    """What make has left there would be built upon."""
    tree = lab.dir / "configured"
    shutil.copytree(DEBIAN, tree / "packaging" / "debian")
    (tree / "config.status").touch()
    done = lab.run([tree / "packaging" / "debian" / "build"], check=False)
    assert done.returncode == 1
    assert "make distclean" in done.stderr
    assert not (tree / "build-deb").exists()
