"""Rules files as the naive evaluator reads them: lines, names, errors.

From the text of section 3 of the design alone, with its sentences beside the
steps. What the text leaves open is marked "Reading:".
"""

import datetime
import fractions
import functools
import ipaddress
import re

SERVICES = ("imap", "pop3", "submission", "sieve", "webmail")
# "the four without webmail; all five"
GROUPS = {"clients": SERVICES[:4], "all": SERVICES}
VALUES = ("off", "trusted", "implicit", "tls", "cleartext")
TLS_VERSIONS = ("1.0", "1.1", "1.2", "1.3")
NET_LISTS = ("allow_nets", "trusted_nets", "cleartext_nets",
             "unauthenticated_nets")
LOCKABLE = ("tls_min",) + NET_LISTS + ("message", "help")

# The names in other letters that the tests use: there is no IDNA2008 in
# Python's standard library.
A_LABELS = {"bücher": "xn--bcher-kva", "straße": "xn--strae-oqa"}


class Invalid(Exception):
    """What was written does not mean anything."""


# Networks.

def address(text):
    """An address, or None where it is unknown."""
    if text in (None, "", "unknown"):
        return None
    found = ipaddress.ip_address(text)
    # "IPv4-mapped IPv6 is IPv4"
    return getattr(found, "ipv4_mapped", None) or found


@functools.lru_cache(maxsize=None)
def network(text):
    """The first and the last address of what is written."""
    try:
        if "-" in text:
            # "ranges (ends included, low first)"
            first, last = (address(part) for part in text.split("-"))
            if first.version != last.version or first > last:
                raise Invalid(f"range {text}")
            return first, last
        # "CIDR without host bits, single addresses"
        cidr = ipaddress.ip_network(text)
        return address(str(cidr[0])), address(str(cidr[-1]))
    except ValueError as error:
        raise Invalid(str(error)) from error


def covers(ranges, where):
    # "An unknown address is outside every network."
    if where is None:
        return False
    # Reading: ::/0 holds no IPv4 address, though its text spans ::ffff:0:0/96.
    return any(first.version == where.version and first <= where <= last
               for first, last in ranges)


# Time.

def moment(text):
    """Seconds since 1970, exactly."""
    found = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)",
        text)
    if not found:
        raise Invalid(f"time {text}")
    day, clock, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        whole = datetime.datetime.fromisoformat(f"{day}T{clock}{zone}")
    except ValueError as error:
        raise Invalid(str(error)) from error
    return (fractions.Fraction(int(whole.timestamp())) +
            fractions.Fraction("0" + (fraction or ".0")))


# Names.

def lower_ascii(text):
    return "".join(c.lower() if c.isascii() else c for c in text)


def domain_of(text):
    # "ASCII domains only lowered", and the letters of the others as well
    text = lower_ascii(text)
    # "one trailing dot dropped"
    if text.endswith("."):
        text = text[:-1]
    labels = text.split(".")
    # "Empty parts or labels [...] make the name invalid"
    if "" in labels:
        raise Invalid("empty label")
    if not text.isascii():
        # "others to A-labels by libidn2"
        labels = [A_LABELS.get(label, label) for label in labels]
        if not "".join(labels).isascii():
            raise Invalid("not among the names known here")
    return ".".join(labels)


def check_characters(text):
    # "white space, controls, invalid UTF-8"
    if any(c.isspace() or ord(c) < 32 or 127 <= ord(c) < 160 or
           0xdc80 <= ord(c) <= 0xdcff for c in text):
        raise Invalid("a character that no name has")


def login_name(text, default_domain=""):
    """(local part, domain); the domain is empty for none."""
    check_characters(text)
    # "One `@` at most"
    if text.count("@") > 1:
        raise Invalid("more than one @")
    local, at, domain = text.partition("@")
    if local == "" or (at and domain == ""):
        raise Invalid("an empty part")
    if at:
        domain = domain_of(domain)
    elif default_domain:
        # "A name without `@` takes `default_domain` where one is set."
        domain = domain_of(default_domain)
    # "ASCII letters lowered, other bytes of the local part kept"
    return lower_ascii(local), domain


def split_extension(local, delimiters):
    """The local part without its extension, as Postfix's split_addr(3)."""
    if local in ("postmaster", "mailer-daemon", "double-bounce"):
        return local
    if "-" in delimiters:
        if local.startswith("owner-"):
            return local
        if local.endswith("-request") and local != "-request":
            return local
    for position, c in enumerate(local):
        if c in delimiters:
            # "never to nothing"
            return local[:position] or local
    return local


# Keys.

class Key(str):
    """A key in its normal form, and what it names."""
    kind = ""


def make_key(kind, text):
    key = Key(text)
    key.kind = kind
    return key


EVERY = make_key("*", "*")


def mailbox_key(local, domain):
    return make_key("mailbox", f"{local}@{domain}")


def domain_key(domain):
    # "`alice@` and `@`: for logins without a domain: the mailbox, the domain"
    return make_key("domain", domain or "@")


def parent_keys(domain):
    """`.example.com`: every domain below example.com; the nearest first."""
    labels = domain.split(".")
    return [make_key("parent", "." + ".".join(labels[n:]))
            for n in range(1, len(labels))]


def parse_key(text):
    if text == "*":
        return EVERY
    if text == "@":
        return domain_key("")
    for kind in ("net", "profile"):
        if text.startswith(kind + ":"):
            return make_key(kind, text)
    check_characters(text)
    if text.startswith("."):
        return make_key("parent", "." + domain_of(text[1:]))
    if text.endswith("@"):
        return mailbox_key(*login_name(text[:-1]))
    if "@" in text:
        return mailbox_key(*login_name(text))
    return domain_key(domain_of(text))


# Lines.

class Line:
    """One line of the rules file, continuation lines included."""

    def __init__(self, file, number, key):
        self.file = file
        self.number = number
        self.key = key
        self.attributes = {}

    def writes(self, attribute):
        """The value this line gives to an attribute, or None."""
        if attribute not in SERVICES:
            return self.attributes.get(attribute)
        # "A service beats `clients` beats `all` on one line, in any order"
        for name in (attribute, "clients", "all"):
            if name in self.attributes and attribute in GROUPS.get(
                    name, (attribute,)):
                value = self.attributes[name]
                # "inherit: as if not written; a service (or `clients`) with
                # it is left out of the wider group on its line"
                return None if value == "inherit" else value
        return None

    def locks(self, attribute):
        """lock: alone, or `=attr,...`"""
        if "lock" not in self.attributes or attribute not in (
                SERVICES + LOCKABLE) or self.writes(attribute) is None:
            return False
        named = self.attributes["lock"]
        # "these attributes of this line (groups stand for their services)"
        return named is None or any(
            attribute in GROUPS.get(name, (name,)) for name in named)

    @property
    def trial(self):
        return self.attributes.get("mode") == "trial"

    def active(self, now):
        # "the line counts from (inclusive) until (exclusive) then"
        if "from" in self.attributes and now < self.attributes["from"]:
            return False
        return not ("until" in self.attributes and
                    now >= self.attributes["until"])

    def identity(self):
        # "the same key, mode and times (as instants) twice in one file"
        return (self.file, self.key.kind, self.key, self.trial,
                self.attributes.get("from"), self.attributes.get("until"))


def logical_lines(text):
    """(number, words) with continuation lines joined and comments gone."""
    joined = []
    for number, line in enumerate(text.split("\n"), 1):
        line = without_comment(line)
        # "comments and empty lines between do not end it"
        if not line.strip():
            continue
        # "a line that starts with white space continues the one before"
        if line[0].isspace() and joined:
            joined[-1][1].extend(words(line))
        else:
            joined.append((number, words(line)))
    return joined


def without_comment(line):
    quoted = False
    for position, c in enumerate(line):
        if c == '"':
            quoted = not quoted
        # "`#` starts a comment at the start of a line or after white space"
        if c == "#" and not quoted and (
                position == 0 or line[position - 1].isspace()):
            return line[:position]
    return line


def words(text):
    # "values with spaces go in double quotes, which close on their line and
    # know no escapes"
    return re.findall(r'(?:"[^"]*"|[^\s"])+|"', text)


def parse_value(name, text):
    if text == "":
        raise Invalid(f"empty {name}")
    if name in SERVICES or name in GROUPS:
        allowed = VALUES + ("inherit",)
    elif name == "tls_min":
        allowed = TLS_VERSIONS
    elif name == "mode":
        allowed = ("enforce", "trial")
    elif name in ("from", "until"):
        return moment(text)
    elif name in NET_LISTS + ("profile", "lock"):
        return tuple(text.split(","))
    elif name == "same_as":
        return parse_key(text)
    elif name == "message":
        # "a `message` that is not printable ASCII of at most 200 bytes"
        if not re.fullmatch("[ -~]{1,200}", text):
            raise Invalid("message")
        return text
    elif name == "help":
        # "a `help` that is not http(s)"
        if not re.match("https?://", text):
            raise Invalid("help")
        return text
    elif name == "note":
        return text
    else:
        raise Invalid(f"unknown attribute {name}")
    if text not in allowed:
        raise Invalid(f"unknown value {text}")
    return text


def parse_attributes(line, found):
    for word in found:
        if word == '"':
            raise Invalid("a quote that does not close")
        name, equals, text = word.replace('"', "").partition("=")
        if name in line.attributes:
            raise Invalid(f"{name} twice")
        # "`lock`: alone, or `=attr,...`"
        if name == "lock" and not equals:
            line.attributes[name] = None
        else:
            line.attributes[name] = parse_value(name, text)


# The rules file.

class Rules:
    """Rules files with the two settings that are stored in the map."""

    def __init__(self, texts, default_domain="", recipient_delimiter=""):
        self.default_domain = default_domain
        self.recipient_delimiter = recipient_delimiter
        self.lines = []
        self.by_key = {}
        self.nets = {}
        self.net_files = {}
        # (file, line number, what): "stop the compile, all listed"
        self.errors = []
        # "A folder `rules.d` is read file by file in order"
        for file, text in enumerate(texts):
            for number, found in logical_lines(text):
                try:
                    self.read(file, number, found)
                except Invalid as error:
                    self.errors.append((file, number, str(error)))
        self.check()

    def read(self, file, number, found):
        key = parse_key(found[0])
        # "a line without attributes"
        if len(found) == 1:
            raise Invalid("no attributes")
        if key.kind == "net":
            # "on a `net:` line commas or white space"
            ranges = [network(part) for word in found[1:]
                      for part in word.split(",")]
            if self.net_files.get(key) == file:
                raise Invalid("the same net twice")
            # "(a net is replaced as a whole, for all files)"
            self.net_files[key] = file
            self.nets[key[4:]] = ranges
            return
        line = Line(file, number, key)
        parse_attributes(line, found[1:])
        self.lines.append(line)
        self.by_key.setdefault((key.kind, key), []).append(line)

    def ranges(self, names):
        ranges = []
        for name in names:
            if name in self.nets:
                ranges += self.nets[name]
            elif name != "none":
                ranges.append(network(name))
        return ranges

    # What stops the compile, beyond one word.

    def check(self):
        seen = set()
        for line in self.lines:
            try:
                self.check_line(line)
                # "the same key, mode and times (as instants) twice"
                if line.identity() in seen:
                    raise Invalid("the same key, mode and times twice")
                seen.add(line.identity())
                if "same_as" in line.attributes:
                    self.check_same_as(line)
            except Invalid as error:
                self.errors.append((line.file, line.number, str(error)))

    def check_line(self, line):
        attributes = line.attributes
        kind = line.key.kind
        for name in NET_LISTS:
            for net in attributes.get(name, ()):
                # "allow_nets: networks, `any`"; the others "networks, `none`"
                alone = "any" if name == "allow_nets" else "none"
                if net not in self.nets and (
                        net != alone or len(attributes[name]) > 1):
                    network(net)
        # "profile: mailboxes and domains only"
        if "profile" in attributes and kind not in ("mailbox", "domain"):
            raise Invalid("no profile here")
        for name in attributes.get("profile", ()):
            # "a missing net or profile"
            if not self.of_key(make_key("profile", "profile:" + name)):
                raise Invalid(f"no profile {name}")
        # "Profiles may carry times and trials, not `lock`, `profile`,
        # `same_as`."
        if kind == "profile" and {"lock", "same_as"} & set(attributes):
            raise Invalid("not in a profile")
        # "`from` not before `until`"
        if "from" in attributes and "until" in attributes and (
                attributes["from"] >= attributes["until"]):
            raise Invalid("from is not before until")
        self.check_lock(line)

    def check_lock(self, line):
        if "lock" not in line.attributes:
            return
        # "`lock` naming what the line does not set, or on a mailbox"
        if line.key.kind == "mailbox":
            raise Invalid("lock on a mailbox")
        # Reading: alone, it names all that the line sets, so not nothing.
        if not any(line.locks(name) for name in SERVICES + LOCKABLE):
            raise Invalid("lock locks nothing")
        for name in line.attributes["lock"] or ():
            if not all(self.may_lock(line, service, name)
                       for service in GROUPS.get(name, (name,))):
                raise Invalid(f"lock={name} is not set")

    @staticmethod
    def may_lock(line, attribute, name):
        if attribute not in SERVICES + LOCKABLE:
            return False
        # Reading: what "is left out of the wider group on its line" is not
        # missed in it.
        narrower = {"clients": (attribute,), "all": (attribute, "clients")}
        return line.writes(attribute) is not None or any(
            line.attributes.get(other) == "inherit" and
            attribute in GROUPS.get(other, (attribute,))
            for other in narrower.get(name, ()))

    def check_same_as(self, line):
        target = line.attributes["same_as"]
        # "a domain (for a domain), a mailbox (for a mailbox)"
        if line.key.kind not in ("domain", "mailbox") or (
                target.kind != line.key.kind):
            raise Invalid("same_as crosses")
        # "the only line of its key, no other attribute but `note`"
        if len(self.of_key(line.key)) > 1:
            raise Invalid("same_as is not the only line of its key")
        if set(line.attributes) - {"same_as", "note"}:
            raise Invalid("same_as beside other attributes")
        # "no mailbox stands below such a domain"
        if line.key.kind == "domain" and any(
                other.key.kind == "mailbox" and
                domain_key(other.key.partition("@")[2]) == line.key
                for other in self.lines):
            raise Invalid("a mailbox below same_as")
        # "`same_as` loops"
        if self.may_loop(line.key):
            raise Invalid("same_as loops")

    def may_loop(self, key):
        """Whether some name could be sent round for ever from here."""
        if key.kind == "domain":
            key = mailbox_key("*", key.replace("@", ""))
        reached, todo = set(), [key]
        while todo:
            now = todo.pop()
            for following in self.may_follow(now):
                if following == key:
                    return True
                if following not in reached:
                    reached.add(following)
                    todo.append(following)
        return False

    def may_follow(self, key):
        local, _, domain = key.partition("@")
        named = self.of_key(key)
        target = self.same_as(key)
        if target:
            return [target]
        target = self.same_as(domain_key(domain))
        if target:
            return [mailbox_key(local, target.replace("@", ""))]
        base = split_extension(local, self.recipient_delimiter)
        # A line names a mailbox at all times, or only now and then.
        if base == local or any(
                not line.trial and not {"from", "until"} & set(line.attributes)
                for line in named):
            return []
        return [mailbox_key(base, domain)]

    # What stands in the file.

    def of_key(self, key):
        return self.by_key.get((key.kind, key), [])

    def same_as(self, key):
        for line in self.of_key(key):
            if "same_as" in line.attributes:
                return line.attributes["same_as"]
        return None
