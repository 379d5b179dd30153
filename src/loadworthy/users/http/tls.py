"""TLS over a raw connection: ``ssl`` with memory buffers, so that waiting stays in one place."""

from __future__ import annotations

import _socket
import functools
import ssl
from pathlib import Path

import certifi

from loadworthy.users.http.connection import RECEIVE_BYTES, Connection
from loadworthy.users.http.errors import (
    AttemptError,
    ConnectTimeoutError,
    ReadTimeoutError,
    ResetError,
    TlsError,
    generator_limit,
)

Verify = bool | str
Cert = str | tuple[str, str] | None


@functools.lru_cache(maxsize=64)
def tls_context(verify: Verify, cert: Cert) -> ssl.SSLContext:
    """A client's context; made once for each pair, for reading the authorities takes milliseconds.

    Args:
        verify: True for the authorities that come with ``certifi``, False for none, or the path of a file or directory.
        cert: the client's own certificate: a file with certificate and key, or a pair of files.

    Raises :class:`TlsError` when a file is missing or not what it should be.
    """
    # gevent's patched class wraps sockets; memory buffers need nothing of it, and both behave the same.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        _load_authorities(context, verify)
    if cert:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise _limit(error) or TlsError("cert= is not a readable certificate with its key") from error
    return context


def _load_authorities(context: ssl.SSLContext, verify: Verify) -> None:
    path = Path(certifi.where() if verify is True else str(verify))
    try:
        if path.is_dir():
            context.load_verify_locations(capath=str(path))
        else:
            context.load_verify_locations(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise _limit(error) or TlsError(
            "verify= is not a readable file or directory of certificate authorities"
        ) from error


class TlsConnection(Connection):
    """A stream through TLS; ``sent_bytes`` and ``received_bytes`` count the data inside."""

    __slots__ = ("_incoming", "_outgoing", "_tls")

    def __init__(self, sock: _socket.socket, key: object = None) -> None:
        super().__init__(sock, key)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    def handshake(self, context: ssl.SSLContext, host: str, deadline_ns: int) -> None:
        """Agree on keys and check the peer; raises :class:`TlsError` or :class:`ConnectTimeoutError`."""
        name = None if not context.check_hostname and ":" in host else host
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
            while not self._step(deadline_ns):
                pass
        except ReadTimeoutError as error:
            raise ConnectTimeoutError("the TLS handshake took longer than the connect time-out") from error
        except ssl.SSLError as error:
            raise TlsError(_reason(error)) from error
        except ResetError as error:
            raise TlsError("the connection broke within the TLS handshake") from error
        except ValueError as error:
            raise TlsError("the host name cannot be used for TLS") from error
        self.sent_bytes = self.received_bytes = 0

    def send(self, data: bytes, deadline_ns: int) -> None:
        """See :meth:`Connection.send`."""
        sent_bytes = self.sent_bytes
        self._require().write(data)
        self._flush(deadline_ns)
        self.sent_bytes = sent_bytes + len(data)

    def receive(self, deadline_ns: int) -> bytes:
        """See :meth:`Connection.receive`; raises :class:`TlsError` when a record is damaged."""
        received_bytes = self.received_bytes
        tls = self._require()
        while True:
            try:
                data = tls.read(RECEIVE_BYTES)
                break
            except ssl.SSLWantReadError:
                self._flush(deadline_ns)
                self._fill(deadline_ns)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                data = b""
                break
            except ssl.SSLError as error:
                raise TlsError(_reason(error)) from error
        self.received_bytes = received_bytes + len(data)
        return data

    def is_stale(self) -> bool:
        """See :meth:`Connection.is_stale`; session tickets, which come when they like, do not make it stale."""
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        if not data:
            return True
        self._incoming.write(data)
        try:
            self._require().read(1)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            return True
        return True

    def _require(self) -> ssl.SSLObject:
        if self._tls is None:
            raise TlsError("the TLS handshake has not been made")
        return self._tls

    def _step(self, deadline_ns: int) -> bool:
        try:
            self._require().do_handshake()
        except ssl.SSLWantReadError:
            self._flush(deadline_ns)
            self._fill(deadline_ns)
            return False
        except ssl.SSLError:
            self._flush(deadline_ns)  # the alert that tells the peer why
            raise
        self._flush(deadline_ns)
        return True

    def _flush(self, deadline_ns: int) -> None:
        data = self._outgoing.read()
        if data:
            super().send(data, deadline_ns)

    def _fill(self, deadline_ns: int) -> None:
        data = super().receive(deadline_ns)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def _limit(error: OSError) -> AttemptError | None:
    """The limit of this machine that kept a file from being opened; numbers of the TLS library mean other things."""
    return None if isinstance(error, ssl.SSLError) else generator_limit(error.errno)


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        # The library's text names the host; failures are counted by their message.
        is_name = error.verify_code in {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"the certificate is not acceptable: {'it is for another host' if is_name else error.verify_message}"
    return f"TLS failed: {(error.reason or 'unknown reason').lower().replace('_', ' ')}"
