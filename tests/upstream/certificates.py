"""Certificates that are their own authority: for whom, and until when."""

import ssl
import subprocess
from pathlib import Path

LATER, LONG_AGO = "20991231235959Z", "20200201000000Z"
AUTHORITY = """\
[ca]
default_ca = own
[own]
database = {directory}/index
new_certs_dir = {directory}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
unique_subject = no
[any]
commonName = supplied
[extensions]
subjectAltName = {alternative}
basicConstraints = critical,CA:TRUE
"""


def certified(directory: Path, alternative: str, until: str = LATER) -> ssl.SSLContext:
    """A server's context; its certificate lies in `directory` as ca.pem, to be trusted or not."""
    (directory / "index").touch()
    (directory / "own.cnf").write_text(
        AUTHORITY.format(directory=directory, alternative=alternative), encoding="utf-8"
    )
    ask = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-subj", "/CN=test", "-keyout", "key.pem", "-out", "request.pem"]  # fmt: skip
    sign = ["ca", "-batch", "-notext", "-selfsign", "-config", "own.cnf", "-keyfile", "key.pem",
            "-startdate", "20200101000000Z", "-enddate", until,
            "-in", "request.pem", "-out", "ca.pem"]  # fmt: skip
    for command in (ask, sign):
        subprocess.run(["openssl", *command], cwd=directory, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    return context
