"""The rules language once more, slowly and obviously.

Written from the text of the design alone (DESIGN.md, sections 3 and 4), with
its sentence beside each step, so that it can be held against the evaluator in
shared/rules. Nothing here is clever or fast: every question walks the whole
list of places again. What the text leaves open is marked "Reading:".
"""

from naive_rules import (EVERY, Invalid, address, covers, domain_key,
                         login_name, mailbox_key, make_key, network,
                         parent_keys, split_extension)


# One name's places.

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


# The decision.

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

    def __init__(self, cause, line=None, message=None, help_url=None):
        self.cause = cause
        self.key = str(line.key) if line else ""
        self.file = str(line.file) if line else ""
        self.line = line.number if line else 0
        self.message = message or ""
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
                return Finding(cause, line, self.message(places, line),
                               places.winner("help").value)
        return None

    @staticmethod
    def message(places, line):
        # "counts where its own line decided"; "these attributes of this line
        # beat those of more specific keys"
        winner = places.winner("message")
        if line is None or (winner.locked and winner.line is not line):
            return None
        return line.attributes.get("message")

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


def judge(rules, policy, request):
    """The verdict on one request by those rules."""
    return Judge(rules, policy, request).verdict()
