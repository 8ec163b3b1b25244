"""What clients can say about themselves, true or not: PROXY headers, IMAP ID,
XCLIENT."""

import base64
import ipaddress
import struct

PP2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PP2_TYPE_SSL = 0x20
PP2_CLIENT_SSL = 0x01


def proxy_v1(source, destination="192.0.2.25", port=143):
    """HAProxy's older header, which cannot tell of TLS."""
    return f"PROXY TCP4 {source} {destination} 40000 {port}\r\n".encode()


def proxy_v2(source, destination="192.0.2.25", port=143, tls=False):
    """The newer one, which tells whether the client came by TLS."""
    body = (ipaddress.ip_address(source).packed
            + ipaddress.ip_address(destination).packed
            + struct.pack("!HH", 40000, port))
    if tls:
        value = struct.pack("!BI", PP2_CLIENT_SSL, 0)
        body += struct.pack("!BH", PP2_TYPE_SSL, len(value)) + value
    return PP2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(body)) + body


# A word as the login plugin would give it, but for the proof.
WORD = {
    "gatepost_client_tls": "yes", "gatepost_tls_version": "1.3",
    "gatepost_tls_cipher": "TLS_AES_256_GCM_SHA384",
    "gatepost_implicit": "yes", "gatepost_connection": "127.0.0.1",
    "gatepost_server": "127.0.0.1", "gatepost_proof": "0" * 64,
}


def imap_id(client, fields):
    """Says ID with these fields and returns the final line."""
    text = " ".join(f'"{name}" "{value}"' for name, value in fields.items())
    return client.command(f"ID ({text})")


def imap_id_word(client, change=lambda name: name):
    return imap_id(client, {"x-forward-" + change(name): value
                            for name, value in WORD.items()})


def forward_buffer(change=lambda name: name):
    """The same word as XCLIENT hands it over."""
    return base64.b64encode("\t".join(
        f"{change(name)}={value}" for name, value in WORD.items()
    ).encode()).decode()


def xclient_word(client, change=lambda name: name):
    client.command(f"XCLIENT FORWARD={forward_buffer(change)}")
