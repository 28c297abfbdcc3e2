"""An authority that is trusted for one run, and a certificate of it for localhost."""

import subprocess

EXTENSIONS = """subjectAltName=DNS:localhost,IP:127.0.0.1
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth
authorityKeyIdentifier=keyid
subjectKeyIdentifier=hash
"""
# As long as certificates that programs renew by themselves.
DAYS = "90"


def make(folder, kind):
    """Writes ca.crt, tls.crt and tls.key into the folder; `kind` is that of the key: `ec` or `rsa:BITS`."""
    key = ["-newkey", kind, "-nodes"] + (["-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else [])
    at = {name: str(folder / name) for name in ["ca.key", "ca.crt", "tls.key", "tls.csr", "tls.crt", "extensions"]}
    (folder / "extensions").write_text(EXTENSIONS)
    authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    openssl("req", "-x509", *key, "-days", DAYS, "-subj", "/CN=Authority of a scan", *authority, "-keyout", at["ca.key"], "-out", at["ca.crt"])
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", at["tls.key"], "-out", at["tls.csr"])
    signed = ["-CA", at["ca.crt"], "-CAkey", at["ca.key"], "-CAcreateserial", "-extfile", at["extensions"]]
    openssl("x509", "-req", "-in", at["tls.csr"], *signed, "-days", DAYS, "-out", at["tls.crt"])


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
