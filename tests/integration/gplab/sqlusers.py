"""Users in an SQLite database, in the manner of hosting panels: one may log in
by login name, by address, or by an address of an alias domain; the row returns
the mailbox's own address as user."""

import os
import sqlite3

SCHEMA = """
create table mailboxes (login text, local text, domain text, password text,
                        host text);
create table aliases (alias text, domain text);
"""
QUERY = """
SELECT m.local || '@' || m.domain AS user, m.password AS password,
       m.host AS host, CASE WHEN m.host IS NULL THEN NULL ELSE 'y' END AS proxy
FROM mailboxes m WHERE m.login = '%u'
   OR m.local || '@' || m.domain = '%u'
   OR (m.local = '%n' AND m.domain IN
       (SELECT a.domain FROM aliases a WHERE a.alias = '%d'))
"""


class SqlUsers:
    """The database of one lab.

    mailboxes  (login name, address, password[, host to be proxied to])
    aliases    alias domain -> domain
    """

    def __init__(self, lab, mailboxes, aliases):
        self.path = lab.dir / "users.sqlite"
        with sqlite3.connect(self.path) as database:
            database.executescript(SCHEMA)
            for login, address, password, *host in mailboxes:
                local, domain = address.split("@")
                database.execute(
                    "insert into mailboxes values (?, ?, ?, ?, ?)",
                    (login, local, domain, "{PLAIN}" + password,
                     host[0] if host else None))
            database.executemany("insert into aliases values (?, ?)",
                                 aliases.items())
        database.close()
        os.chmod(self.path, 0o644)
        query = QUERY.replace("\n", " \\\n").strip("\\ \n")
        lab.write("sql.conf", f"driver = sqlite\nconnect = {self.path}\n"
                              f"password_query = {query}\n")
        self._conf = lab.dir / "sql.conf"

    def passdb(self, *options):
        """The passdb's block, with further options."""
        lines = "".join(f"  {option}\n" for option in options)
        return ("passdb {{\n  driver = sql\n"
                f"  args = {self._conf}\n{lines}}}}}\n")
