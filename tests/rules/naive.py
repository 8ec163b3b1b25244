"""The rules language once more, slowly and obviously.

Written from the text of the design alone (DESIGN.md, sections 3 and 4), with
its sentence beside each step, so that it can be held against the evaluator in
shared/rules. Nothing here is clever or fast: every question walks the whole
list of places again. What the text leaves open is marked "Reading:".
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
OTHERS = ("profile", "same_as", "note", "mode", "from", "until", "lock")

# The names in other letters that the tests use: there is no IDNA2008 in
# Python's standard library.
A_LABELS = {"bücher": "xn--bcher-kva", "straße": "xn--strae-oqa"}


class Invalid(Exception):
    """What was written does not mean anything."""


# --- Networks ---------------------------------------------------------------

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


# --- Time -------------------------------------------------------------------

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


# --- Names ------------------------------------------------------------------

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


# --- Keys -------------------------------------------------------------------

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


# --- Lines ------------------------------------------------------------------

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


# --- The rules file ---------------------------------------------------------

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

    def judge(self, policy, request):
        return Judge(self, policy, request).verdict()


# --- One name's places ------------------------------------------------------

class Found:
    """A value of an attribute and where it stands."""

    def __init__(self, line=None, value=None, locked=False):
        self.line = line
        self.value = value
        self.locked = locked


class Places:
    """The lines that bear on a name, at a time, in one of the decisions."""

    def __init__(self, rules, name, now, trials, unnamed=False):
        self.rules = rules
        self.now = now
        self.trials = trials
        # For each name that was followed from, the keys whose locks stand
        # above it.
        self.above = []
        self.mailbox = None
        local, self.domain = name
        if unnamed:
            self.follow_domain()
        else:
            self.follow(local)

    # Which lines count.

    def counting(self, key):
        """The lines of a key, the one that wins first."""
        # "only lines that count in the decision being made [...] (active,
        # and for the first decision not on trial)"
        lines = [line for line in self.rules.of_key(key)
                 if line.active(self.now) and (self.trials or not line.trial)]
        # "(after a key's other lines, their locks counted)"
        lines.sort(key=lambda line: line.trial)
        # "Among active lines of one key the later wins"; "between files a
        # key may stand again, and attribute by attribute the later file wins"
        return lines[::-1]

    # same_as and extensions.

    def follow_domain(self):
        """True when the domain is judged as another one."""
        followed = False
        target = self.rules.same_as(domain_key(self.domain))
        while target:
            # "after what is locked above the name itself"
            self.above.append(self.widest_first(self.domain))
            self.domain = target.replace("@", "")
            followed = True
            target = self.rules.same_as(domain_key(self.domain))
        return followed

    def follow(self, local):
        while True:
            key = mailbox_key(local, self.domain)
            target = self.rules.same_as(key)
            if target:
                # "judged as that one, by its lines, after what is locked
                # above the name itself": for a mailbox its domain's, too.
                self.above.append(self.widest_first(self.domain) +
                                  [domain_key(self.domain)])
                local, _, self.domain = target.partition("@")
            elif self.counting(key):
                self.mailbox = key
                return
            # "the local part is kept"; "no mailbox stands below such a
            # domain", so this order is no choice.
            elif not self.follow_domain():
                # "A mailbox that no line names is looked up once more without
                # its extension"; "chains are followed to their end, then an
                # extension is looked up there"
                base = split_extension(local, self.rules.recipient_delimiter)
                if base == local:
                    return
                local = base

    @staticmethod
    def widest_first(domain):
        return [EVERY] + parent_keys(domain)[::-1]

    # The order.

    def lock_keys(self):
        # "locked at `*`, at parent domains (the widest first), at the domain"
        keys = [key for name in self.above for key in name]
        return (keys + self.widest_first(self.domain) +
                [domain_key(self.domain)])

    def profiles(self, key):
        # "the mailbox's profiles in order"; "Among active lines of one key
        # the later wins, attribute by attribute"
        for line in self.counting(key):
            if "profile" in line.attributes:
                return [make_key("profile", "profile:" + name)
                        for name in line.attributes["profile"]]
        return []

    def keys(self):
        # "then mailbox, the mailbox's profiles in order, domain, the domain's
        # profiles, parent domains (the nearest first), `*`"
        keys = []
        if self.mailbox:
            keys += [self.mailbox] + self.profiles(self.mailbox)
        domain = domain_key(self.domain)
        keys += [domain] + self.profiles(domain)
        return keys + parent_keys(self.domain) + [EVERY]

    def entries(self, key, attribute):
        """What one key says of an attribute, the winner first."""
        lines = [line for line in self.counting(key)
                 if line.writes(attribute) is not None]
        # "locked ones come before all others"
        lines.sort(key=lambda line: not line.locks(attribute))
        return [Found(line, line.writes(attribute), line.locks(attribute))
                for line in lines]

    def winner(self, attribute):
        # "Each attribute on its own, first found wins"
        for key in self.lock_keys():
            for found in self.entries(key, attribute):
                if found.locked:
                    return found
        for key in self.keys():
            for found in self.entries(key, attribute):
                return found
        return Found()

    # Networks beside a service's value.

    def lock_rank(self, found):
        """The first place of a key's locks in the order."""
        return self.lock_keys().index(found.line.key)

    def locked_as_wide(self, found, value):
        # "Beside a locked value both count only if locked as wide"
        return found.locked and self.lock_rank(found) <= self.lock_rank(value)

    def in_front_within_key(self, found, value):
        """Both stand at one key: is the list's line in front?"""
        # "locked ones come before all others"
        if found.locked != value.locked:
            return found.locked
        # "the later wins"
        order = self.counting(value.line.key)
        return order.index(found.line) <= order.index(value.line)

    def cleartext_counts(self, found, value):
        if found.line is None:
            return False
        if value.line is None:
            # The built-in rule is the last place.
            return True
        if value.locked:
            if not self.locked_as_wide(found, value):
                return False
            order = self.lock_keys()
        else:
            order = self.keys()
        # "counts only where it stands on the same line as the service's
        # value or in front of it in this order [...]: a domain's list, locked
        # or not, never softens a mailbox's own value"
        # Reading: a list that is locked above a name which is judged as
        # another has no place among that one's lines.
        if found.line.key not in order:
            return False
        list_at = order.index(found.line.key)
        value_at = order.index(value.line.key)
        if list_at != value_at:
            return list_at < value_at
        if found.line is value.line:
            return True
        return self.in_front_within_key(found, value)

    def trusted_counts(self, found, value):
        if found.line is None:
            return False
        # "`trusted_nets` is resolved like any attribute."
        return not value.locked or self.locked_as_wide(found, value)


# --- The decision -----------------------------------------------------------

class Policy:
    """What gatepost.conf says that bears on decisions."""

    def __init__(self, webmail_networks="", exempt_networks="",
                 local_is_encrypted="yes", unknown_tls_version="1.2",
                 disclose="domain"):
        self.webmail = [network(n) for n in webmail_networks.split()]
        self.exempt = [network(n) for n in exempt_networks.split()]
        self.local_is_encrypted = local_is_encrypted == "yes"
        self.unknown_tls_version = unknown_tls_version
        self.disclose = disclose


class Request:
    """What `gatepost explain` can be asked, and a door's other facts."""

    def __init__(self, login, service, at, client=None, peer=None,
                 server=None, tls="none", implicit="no", auth="yes",
                 sender=None, context=None, judged="no", version="known"):
        self.login = login
        self.service = service
        self.at = at
        # "a `client` given to `explain` counts as forwarded"
        self.forwarded = client is not None
        # "`peer` (the connection's address, = client)"
        self.connection = address(peer or client)
        # "the client's address as the server trusts it"
        # Reading: it is the connection's where nobody forwarded another.
        self.client = address(client or peer)
        self.server = address(server)
        self.tls = tls
        self.implicit = implicit
        self.authenticated = auth == "yes"
        self.sender = sender
        # "(or `policy_context = webmail`)"
        self.context = context
        # "With `sasl_method=XCLIENT` encryption was judged before"
        self.encryption_was_judged = judged == "yes"
        # "What a door cannot know and the other will judge (at SMTP AUTH:
        # port and TLS version) is left to that door."
        self.version_elsewhere = version == "elsewhere"


class Finding:
    """A cause and the line that decided it."""

    def __init__(self, cause, line=None, help_url=None):
        self.cause = cause
        self.key = str(line.key) if line else ""
        self.file = str(line.file) if line else ""
        self.line = line.number if line else 0
        # "message: counts where its own line decided"
        self.message = (line and line.attributes.get("message")) or ""
        self.help = help_url or ""

    def fields(self):
        return [self.cause, self.key, self.file, str(self.line), self.message,
                self.help]


class Verdict:
    """allow, trial or refuse, and why."""

    def __init__(self, kind, finding=None, told=None):
        self.kind = kind
        self.finding = finding
        self.told = told

    def fields(self):
        """One row of words, to be compared."""
        nothing = ["none", "", "", "0", "", ""]
        finding = self.finding.fields() if self.finding else nothing
        told = self.told.fields() if self.told else nothing
        disclosed = "yes" if self.told else "no"
        return [self.kind] + finding + [disclosed] + told


class Judge:
    """One request, judged."""

    def __init__(self, rules, policy, request):
        self.rules = rules
        self.policy = policy
        self.request = request

    def verdict(self):
        # "A connection from `exempt_networks` is not judged, only logged."
        if covers(self.policy.exempt, self.request.connection):
            return Verdict("allow")
        try:
            name = self.name()
        except Invalid:
            return self.without_name()
        # "Lines with `mode=trial` are left out of the decision."
        first = self.decide(name, trials=False)
        if first:
            return Verdict("refuse", first, self.told(name, first))
        # "a second decision is made with them"; without any it is the first
        # once more.
        second = self.decide(name, trials=True)
        # "when the first allows and the second refuses, the verdict is trial"
        if second:
            return Verdict("trial", second)
        return Verdict("allow")

    def unauthenticated(self):
        # "submission only, judged by the protocol before it becomes webmail"
        return (self.request.service == "submission" and
                not self.request.authenticated)

    def name(self):
        # "without AUTH all checks use the sender's rules"
        if self.unauthenticated():
            if not self.request.sender or self.request.sender == "<>":
                raise Invalid("no sender")
            return login_name(self.request.sender, self.rules.default_domain)
        return login_name(self.request.login, self.rules.default_domain)

    def without_name(self):
        # "no sender, `<>` or an invalid one is `unauthenticated`"
        if self.unauthenticated():
            finding = Finding("unauthenticated")
            # Reading: the answer depends on no mailbox, so it is told.
            told = finding if self.policy.disclose != "none" else None
            return Verdict("refuse", finding, told)
        # "refused with cause `name`, never looked up, told only at the
        # Postfix door"
        return Verdict("refuse", Finding("name"))

    def told(self, name, finding):
        # "`mailbox` always tells; `none` never."
        if self.policy.disclose == "none":
            return None
        if self.policy.disclose == "mailbox":
            return finding
        # "told what a mailbox of the same domain that no line names would be
        # told for the same request"
        return self.decide(name, trials=False, unnamed=True)

    def service(self):
        # "A connection from `webmail_networks` speaks for service `webmail`,
        # whichever protocol it uses"
        if (covers(self.policy.webmail, self.request.connection) or
                self.request.context == "webmail"):
            return "webmail"
        return self.request.service

    def decide(self, name, trials, unnamed=False):
        """What refuses, or None."""
        places = Places(self.rules, name, self.request.at, trials, unnamed)
        service = self.service()
        value = places.winner(service)
        if value.line is None:
            # "built-in (`all=tls tls_min=1.2`)"
            value.value = "tls"
        # "The checks, in order; the first that fails is the cause"
        for check in (self.check_unauthenticated, self.check_off,
                      self.check_network, self.check_encryption):
            refused = check(places, service, value)
            if refused:
                cause, line = refused
                return Finding(cause, line, places.winner("help").value)
        return None

    def check_unauthenticated(self, places, service, value):
        if not self.unauthenticated():
            return None
        # "submission without AUTH is not refused here, for senders of this
        # key"
        nets = places.winner("unauthenticated_nets")
        # "`allow_nets` and `trusted_nets` are judged by the client's address,
        # the rest by the connection's."
        if covers(self.rules.ranges(nets.value or ()),
                  self.request.connection):
            return None
        return "unauthenticated", nets.line

    def check_off(self, places, service, value):
        # "off: refused, from everywhere"
        return ("off", value.line) if value.value == "off" else None

    def check_network(self, places, service, value):
        nets = places.winner("allow_nets")
        # "for it `allow_nets` is judged only where the client's own address
        # was forwarded, and without one `trusted` refuses"
        webmail_alone = service == "webmail" and not self.request.forwarded
        # "clients outside are refused"
        if nets.line and nets.value != ("any",) and not webmail_alone:
            if not covers(self.rules.ranges(nets.value), self.request.client):
                return "network", nets.line
        if value.value != "trusted":
            return None
        # "trusted: as `tls`, and only from `trusted_nets`"
        nets = places.winner("trusted_nets")
        if not webmail_alone and places.trusted_counts(nets, value) and covers(
                self.rules.ranges(nets.value), self.request.client):
            return None
        return "network", value.line

    def local(self):
        # "connection's address == server's, both known, no TLS spoken [...]
        # `local_is_encrypted = no`"
        return (self.policy.local_is_encrypted and
                self.request.connection is not None and
                self.request.connection == self.request.server and
                self.request.tls == "none")

    def check_encryption(self, places, service, value):
        # "the policy daemon judges `off` and `network` only"
        if self.request.encryption_was_judged:
            return None
        # "it crosses no network and passes every check of encryption"
        if self.local():
            return None
        # "Where a cleartext login would be accepted (not merely because it is
        # local), `implicit` and `tls_version` are not checked."
        if value.value == "cleartext":
            return None
        nets = places.winner("cleartext_nets")
        # "here `tls`, `trusted` and `implicit` accept cleartext"
        if places.cleartext_counts(nets, value) and covers(
                self.rules.ranges(nets.value), self.request.connection):
            return None
        if self.request.tls == "none":
            return "cleartext", value.line
        # "implicit: only TLS from the first byte"
        if value.value == "implicit" and self.request.implicit == "no":
            return "implicit", value.line
        return self.check_tls_version(places)

    def check_tls_version(self, places):
        if self.request.version_elsewhere:
            return None
        version = self.request.tls
        # "TLS of unknown version [...]: `unknown_tls_version`"
        if version == "unknown":
            version = self.policy.unknown_tls_version
        lowest = places.winner("tls_min")
        # "lowest TLS version"; built-in 1.2
        if version == "none" or version < (lowest.value or "1.2"):
            return "tls_version", lowest.line
        return None
