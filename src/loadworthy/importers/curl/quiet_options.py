"""Options of curl that change nothing of a request: what is shown or stored, and what the client does anyway."""

from __future__ import annotations

WITHOUT_EFFECT = frozenset(
    {"silent", "show-error", "verbose", "include", "fail", "fail-with-body", "fail-early", "compressed", "no-buffer"}
    | {"progress-bar", "globoff", "http1.1", "remote-name", "remote-header-name", "basic", "no-progress-meter", "ipv4"}
    | {"ipv6", "path-as-is", "tcp-nodelay", "no-keepalive", "tr-encoding", "styled-output", "create-dirs", "parallel"}
    | {"remote-name-all", "junk-session-cookies", "post301", "post302", "post303", "raw", "tlsv1.2", "tlsv1.3", "ssl"}
    | {"form-escape", "ssl-reqd", "tlsv1", "tlsv1.0", "tlsv1.1", "sslv2", "sslv3", "ssl-no-revoke", "cert-status"}
    | {"tcp-fastopen", "false-start", "ignore-content-length", "disallow-username-in-url", "proxytunnel", "trace-time"}
    | {"trace-ids", "http0.9", "crlf", "list-only", "append", "use-ascii", "suppress-connect-headers", "skip-existing"}
    | {"no-styled-output", "disable", "no-alpn", "no-sessionid", "remove-on-error", "clobber", "no-clobber", "xattr"}
)
VALUES_WITHOUT_EFFECT = frozenset(
    {"output", "cookie-jar", "write-out", "stderr", "trace", "trace-ascii", "dump-header", "max-redirs", "output-dir"}
    | {"ciphers", "tls-max", "expect100-timeout", "parallel-max", "speed-limit", "speed-time", "retry-delay"}
    | {"retry-max-time", "proxy-header", "proxy-user", "noproxy", "max-filesize", "proto", "proto-default"}
    | {"keepalive-time", "happy-eyeballs-timeout-ms", "alt-svc", "cert-type", "create-file-mode", "crlfile", "curves"}
    | {"delegation", "dns-interface", "dns-ipv4-addr", "dns-ipv6-addr", "ech", "egd-file", "engine", "etag-save"}
    | {"hsts", "ipfs-gateway", "key-type", "keepalive-cnt", "libcurl", "login-options", "pinnedpubkey", "pubkey"}
    | {"hostpubmd5", "hostpubsha256", "ftp-port", "ftp-account", "ftp-method", "ftp-alternative-to-user", "krb"}
    | {"ftp-ssl-ccc-mode", "mail-from", "mail-rcpt", "mail-auth", "tftp-blksize", "random-file", "sasl-authzid"}
    | {"service-name", "telnet-option", "tls13-ciphers", "tlsauthtype", "tlspassword", "tlsuser", "trace-config"}
    | {"proto-redir", "socks5-gssapi-service", "proxy-service-name", "proxy-cacert", "proxy-capath", "proxy-cert"}
    | {"proxy-cert-type", "proxy-ciphers", "proxy-crlfile", "proxy-key", "proxy-key-type", "proxy-pass"}
    | {"proxy-pinnedpubkey", "proxy-tls13-ciphers", "proxy-tlsauthtype", "proxy-tlspassword", "proxy-tlsuser"}
    | {"sigalgs", "signature-algorithms", "ip-tos", "vlan-priority", "upload-flags", "help"}
)
SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "A": "user-agent", "e": "referer",
    "b": "cookie", "c": "cookie-jar", "m": "max-time", "T": "upload-file", "x": "proxy", "o": "output",
    "w": "write-out", "r": "range", "K": "config", "E": "cert", "D": "dump-header", "y": "speed-time",
    "Y": "speed-limit", "z": "time-cond", "U": "proxy-user", "G": "get", "I": "head", "L": "location",
    "k": "insecure", "s": "silent", "S": "show-error", "v": "verbose", "i": "include", "f": "fail",
    "N": "no-buffer", "#": "progress-bar", "g": "globoff", "O": "remote-name", "J": "remote-header-name",
    "0": "http1.0", "4": "ipv4", "6": "ipv6", "n": "netrc", "q": "disable", "Z": "parallel",
    "j": "junk-session-cookies", "1": "tlsv1.2", "C": "continue-at", "Q": "quote", "t": "telnet-option",
    "P": "ftp-port", "h": "help", "p": "proxytunnel", "2": "sslv2", "3": "sslv3", "a": "append", "l": "list-only",
    "B": "use-ascii",
}  # fmt: skip
