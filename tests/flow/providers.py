# SPDX-License-Identifier: Apache-2.0
"""A server that answers as a scripted carbon-intensity provider, on loopback.

`answer` is called with each request and returns (code, headers, body); body bytes, or a
function of the connection's file for what is no plain body (a slow drip).
"""
import datetime
import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def moment(seconds=0, step=3600, form="%Y-%m-%dT%H:%M:%S.000Z"):
    """The slot of now, moved by `seconds`."""
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    start = int(now // step * step + seconds)
    return datetime.datetime.fromtimestamp(start, datetime.timezone.utc).strftime(form)


def electricitymaps(value=100, zone="DE", shift=0, **more):
    return json.dumps({"zone": zone, "carbonIntensity": value,
                       "datetime": moment(shift), "emissionFactorType": "direct",
                       "isEstimated": False, **more}).encode()


class Provider:
    def __init__(self, answer=None, tls=None):
        self.answer = answer
        self.seen = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self):
                length = int(self.headers.get("content-length") or 0)
                self.rfile.read(length)
                outer.seen.append((self.path, dict(self.headers)))
                code, headers, body = outer.answer(self.path, self.headers)
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                if callable(body):
                    self.end_headers()
                    body(self.wfile)
                    return
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                try:
                    self.handle_one()
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that hangs up, or refuses our certificate

        self.server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def says(self, body, code=200, **headers):
        if not isinstance(body, bytes) and not callable(body):
            body = json.dumps(body).encode()
        self.answer = lambda *_: (code, headers, body)


def certificate(folder, expired=False):
    """(certificate, key) of 127.0.0.1, signed by itself."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
               "-out", cert, "-subj", "/CN=127.0.0.1", "-addext",
               "subjectAltName=IP:127.0.0.1", "-days", "2"]
    if not expired:
        subprocess.run(command, check=True, capture_output=True)
        return cert, key
    request = folder / "request.pem"
    subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", request, "-subj", "/CN=127.0.0.1"],
                   check=True, capture_output=True)
    ca = folder / "ca"
    ca.mkdir()
    (ca / "index.txt").write_text("")
    (ca / "serial").write_text("01\n")
    (ca / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={ca}/index.txt\nserial={ca}/serial\n"
        f"new_certs_dir={ca}\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n"
        "[p]\ncommonName=supplied\n"
        "[e]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:TRUE\n")
    subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", ca / "ca.cnf",
                    "-keyfile", key, "-in", request, "-out", cert, "-notext",
                    "-startdate", "20200101000000Z", "-enddate", "20200201000000Z"],
                   check=True, capture_output=True)
    return cert, key
