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

    def __init__(self, lab, mailboxes, aliases, name="users"):
        self.name = name
        self.path = lab.dir / f"{name}.sqlite"
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
        self.lab = lab

    def write_conf(self):
        """The file that 2.3 reads; returns its path."""
        query = QUERY.strip().replace("\n", " \\\n")
        return self.lab.write(f"{self.name}.conf", f"""
driver = sqlite
connect = {self.path}
password_query = {query}
""")

    def settings_24(self):
        """The lines of 2.4's passdb."""
        query = " ".join(QUERY.split())
        for old, new in (("%u", "%{user}"), ("%n", "%{user | username}"),
                         ("%d", "%{user | domain}")):
            query = query.replace(old, new)
        return (f"  sql_driver = sqlite\n  sqlite_path = {self.path}\n"
                f"  passdb_sql_query = {query}\n")
