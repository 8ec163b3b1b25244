"""AppArmor without a kernel that has it: whether a profile, as its parser has
put it together, allows what strace(1) has seen a program do with files.

Not everything that AppArmor may know of is compared: files, and of sockets
those that have a path. An access that has failed is none."""

import pathlib
import re

PARSER = "/sbin/apparmor_parser"
EXTRA = pathlib.Path("/usr/share/apparmor/extra-profiles")
CALLS = ("openat,open,mmap,connect,bind,sendto,unlink,unlinkat,mkdir,mkdirat,"
         "rename,renameat,renameat2,link,linkat,chmod,fchmodat,lchown,chown,"
         "fchownat,fchmod,fchown,flock,fcntl,execve,process")


class Profile:
    """path is the file; local a folder that stands for /etc/apparmor.d as
    well, for what the profile includes."""

    def __init__(self, lab, path, local=None):
        more = ["-I", local] if local else []
        text = lab.run([PARSER, *more, "-p", path]).stdout
        self.variables = {}
        for name, _, values in re.findall(r"^(@\{\w+\})\s*(\+?=)\s*(.*)$",
                                          text, re.M):
            self.variables.setdefault(name, []).extend(values.split())
        self.capabilities = set(re.findall(r"^\s*capability\s+(\w+),", text,
                                           re.M))
        rule = (r"^\s*(deny )?(?:owner |audit )*([/@]\S+)\s+([a-zA-Z]+)"
                r"(?: -> .*)?,")
        self.rules = [(bool(deny), re.compile(self._regex(glob)), permissions)
                      for deny, glob, permissions in re.findall(rule, text,
                                                                re.M)]

    def _expand(self, glob):
        """Variables, as alternatives."""
        found = re.search(r"@\{\w+\}", glob)
        if not found:
            return glob
        values = ",".join(self.variables[found[0]])
        return self._expand(glob.replace(found[0], "{%s}" % values, 1))

    def _regex(self, glob):
        signs = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")",
                 ",": "|", "//": "/"}
        # After a variable that ends with "/" another one may follow.
        glob = re.sub(r"/(\}*)/", r"/\1", self._slashes(self._expand(glob)))
        return "".join(
            signs.get(part) or (part if part.startswith("[")
                                else re.escape(part))
            for part in re.findall(r"\*\*|\[[^]]*\]|//|.", glob)) + r"\Z"

    @staticmethod
    def _slashes(glob):
        """{/run/,/var/run/}/x is {/run,/var/run}/x."""
        return re.sub(r"\{([^{}]*)\}/",
                      lambda m: "{%s}/" % ",".join(
                          value.rstrip("/") for value in m[1].split(",")),
                      glob)

    def allows(self, path, permission):
        matching = [(deny, permissions)
                    for deny, regex, permissions in self.rules
                    if permission in permissions and regex.match(path)]
        return bool(matching) and not any(deny for deny, _ in matching)

    def refused(self, accesses):
        return sorted({(path, permission)
                       for path, permissions in accesses
                       for permission in permissions
                       if not self.allows(path, permission)})


def strace(trace):
    """The command in front of which it is to be put."""
    return ["strace", "-f", "-y", "-qq", "-s", "4096", "-o", trace, "-e",
            f"trace={CALLS}"]


def accesses(trace, places=()):
    """{program: {(path, permissions)}} of successful calls. places: what in
    the trace stands for what."""
    found, programs = {}, {}
    for pid, call, arguments, result in calls(trace):
        if call == "execve":
            programs[pid] = _named(arguments)[0]
        elif call in ("fork", "vfork", "clone", "clone3"):
            programs[result.split()[0]] = programs.get(pid)
        for path, permissions in _accesses(call, arguments, result):
            path = _meant(path, places)
            if path.startswith("/"):
                found.setdefault(programs.get(pid), set()).add(
                    (path, permissions))
    return found


def _meant(path, places):
    """In a root's other mount namespace the root's own place stands before
    what was looked for."""
    for seen, meant in places:
        _, is_there, rest = path.partition(str(seen))
        if is_there:
            return meant + rest
    return path


def calls(trace):
    """(process, name, arguments, result) of those that have not failed. What
    another process's line has interrupted is put together again."""
    begun = {}
    for line in trace.read_text(errors="replace").splitlines():
        pid, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[pid] = text.removesuffix("<unfinished ...>")
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
        if resumed:
            text = begun.pop(pid, "") + resumed[1]
        whole = re.match(r"(\w+)\((.*)\)\s+= (.*)", text)
        if whole and not whole[3].startswith("-1"):
            yield (pid, *whole.groups())


def _accesses(call, arguments, result):
    # With -y descriptors are written 3</path>.
    described = [path for path in re.findall(r"\d+<(/[^>]*)>", arguments)]
    named = _named(arguments)
    if call in ("open", "openat"):
        yield _opened(arguments, result)
    elif call == "mmap" and "PROT_EXEC" in arguments and described:
        yield described[0], "m"
    elif call in ("connect", "bind", "sendto"):
        path = re.search(r'sun_path="([^"]*)"', arguments)
        if path:
            yield path[1], "rw" if call == "connect" else "w"
    elif call.startswith(("rename", "link")):
        yield named[0], "rw" if call.startswith("rename") else "r"
        yield named[1], "w" if call.startswith("rename") else "l"
    elif call.startswith("mkdir"):
        yield named[0] + "/", "w"
    elif call.startswith(("unlink", "ch", "lch", "fchmodat", "fchownat")):
        yield named[0], "w"
    elif call in ("fchmod", "fchown") and described:
        yield _as_folder(described[0]), "w"
    elif (call == "flock" or "F_SETLK" in arguments or
          "F_OFD_SETLK" in arguments) and described:
        yield _as_folder(described[0]), "k"


def _named(arguments):
    """The paths of a call that names them, whole."""
    return [f"{folder}/{name}" if folder and not name.startswith("/")
            else name for folder, name in re.findall(
                r'(?:<(/[^>]*)>, )?"((?:[^"\\]|\\.)*)"', arguments)]


def _as_folder(path):
    return path + "/" if pathlib.Path(path).is_dir() else path


def _opened(arguments, result):
    path = re.search(r"<(/.*)>", result)
    if not path or "O_PATH" in arguments:
        return "", ""
    if "O_RDWR" in arguments:
        permissions = "rw"
    else:
        permissions = "w" if "O_WRONLY" in arguments else "r"
    return _as_folder(path[1]), permissions
