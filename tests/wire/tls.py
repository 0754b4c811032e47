"""Certificates made for a test, and a socket with TLS that one thread reads while another writes."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates into `folder`; `path` is the file of its own."""

    def __init__(self, folder, name="Test authority"):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            self._builder(self._name, self._key, now, now + datetime.timedelta(days=100))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = folder / "authority.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key, start, end):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def issue(self, file, *names, days=90):
        """A PEM file with key and certificate for host names and addresses, valid for `days` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        end = now + datetime.timedelta(days=days)
        certificate = (
            self._builder(subject, key, min(now, end) - datetime.timedelta(days=1), end)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / file
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path


def _general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class TlsSocket:
    """As much of a socket as a peer of the tests needs. Raises ssl.SSLError where the handshake fails."""

    def __init__(self, plain, context, server_hostname=None):
        self._plain = plain
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname is None, server_hostname)
        self._lock = threading.Lock()
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(self._out.read())
                data = plain.recv(65536)
                if not data:
                    raise ConnectionResetError("closed in the handshake") from None
                self._in.write(data)
            except ssl.SSLError:
                plain.sendall(self._out.read())  # the alert
                raise
        plain.sendall(self._out.read())

    def recv(self, size):
        while True:
            with self._lock:
                try:
                    return self._tls.read(size)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    return b""
            data = self._plain.recv(65536)
            if not data:
                return b""
            self._in.write(data)

    def sendall(self, data):
        with self._lock:
            self._tls.write(data)
            self._plain.sendall(self._out.read())

    def peer_certificate(self):
        return self._tls.getpeercert()

    def __getattr__(self, name):
        return getattr(self._plain, name)
