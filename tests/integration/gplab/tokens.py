"""OAuth tokens that Dovecot checks by itself, with a key in a file: no server
is asked."""

import base64
import hmac
import json
import time

SECTION_24 = """
oauth2 {
  introspection_mode = local
  username_attribute = username
  oauth2_local_validation {
    dict fs {
      fs posix {
        prefix = %s/
      }
    }
  }
}
"""


def _part(data):
    text = base64.urlsafe_b64encode(data)
    return text.rstrip(b"=").decode()


class Tokens:
    """The key of one lab, and tokens signed with it."""

    def __init__(self, lab):
        self.lab = lab
        self.keys = lab.dir / "keys"
        self.key = b"k" * 32
        lab.write("keys/default/HS256/default",
                  base64.b64encode(self.key).decode())

    def token(self, user, key=None):
        now = int(time.time())
        text = ".".join(_part(json.dumps(part).encode()) for part in (
            {"typ": "JWT", "alg": "HS256"},
            {"sub": user, "username": user, "iss": "lab", "iat": now - 10,
             "exp": now + 900}))
        proof = hmac.digest(key or self.key, text.encode(), "sha256")
        return f"{text}.{_part(proof)}"

    def forged(self, user):
        return self.token(user, b"z" * 32)

    def write_conf(self):
        """The file that 2.3 reads; returns its path."""
        return self.lab.write("oauth2.conf", f"""
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={self.keys}/
username_attribute = username
username_format = %u
""")

    def section_24(self):
        """What 2.4 wants outside the passdb."""
        return SECTION_24 % self.keys
