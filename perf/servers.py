"""Starts the servers that are compared, one at a time, each on one core with one relay thread."""

import hashlib
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARIES = ROOT / ".build" / "release"
USER, PASSWORD, REALM = "load", "generator", "turnpike.test"
SERVER_CPU, LOAD_CPU = 0, 1


def free_ports(count, kind=socket.SOCK_DGRAM):
    """The first of `count` ports in a row (UDP, or of another kind of socket) that nobody has now."""
    for _ in range(100):
        first = random.randrange(20000, 32000 - count)
        taken = []
        try:
            for port in range(first, first + count):
                taken.append(socket.socket(socket.AF_INET, kind))
                taken[-1].bind(("0.0.0.0", port))
            return first
        except OSError:
            continue
        finally:
            for one in taken:
                one.close()
    sys.exit("no free ports between 20000 and 32000")


def certificate(folder, kind="ecdsa"):
    """A self-signed certificate on P-256 (`ecdsa`) or RSA of 2048 bits (`rsa`): paths of certificate and key."""
    paths = [os.path.join(folder, name) for name in ("certificate.pem", "key.pem")]
    key = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
    result = subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", *key, "-subj", f"/CN={REALM}", "-days", "30",
         "-out", paths[0], "-keyout", paths[1]], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"no certificate: {result.stderr}")
    return paths


def raise_descriptor_limit(needed):
    """Servers inherit it: each connection and each allocation is a descriptor."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed + 1000:
        sys.exit(f"{needed + 1000} descriptors are needed; ulimit -Hn says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def answers(port):
    """True when a STUN Binding request to the port is answered within 100 ms."""
    request = bytes.fromhex("000100002112a442") + os.urandom(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect(("127.0.0.1", port))
        try:
            asking.send(request)
            return asking.recv(1500)[8:20] == request[8:]
        except OSError:
            return False


def listens(port):
    """True when the TCP port takes connections."""
    try:
        return socket.create_connection(("127.0.0.1", port), 1).close() is None
    except OSError:
        return False


def wait_for_listener(port):
    """Returns when the TCP port takes connections: the control plane listens after the relay does."""
    deadline = time.monotonic() + 10
    while not listens(port):
        if time.monotonic() > deadline:
            sys.exit(f"nothing listens on TCP port {port}")
        time.sleep(0.01)


class Server:
    """A running server. Use it in a `with`: the process ends with the block, by its own id."""

    def __init__(self, flows=16, transport="udp", key="ecdsa"):
        """`transport` (udp, tcp, tls) is there beside UDP; `key` is of the certificate for TLS."""
        self.flows, self.transport = flows, transport
        self.folder = tempfile.mkdtemp(prefix="turnpike-perf-")
        self.certificate = certificate(self.folder, key) if transport == "tls" else None
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.port = free_ports(flows + 3)
        # Where clients over TCP or TLS come.
        self.stream_port = free_ports(1, socket.SOCK_STREAM)
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, cwd=self.folder)
        try:
            deadline = time.monotonic() + 10
            while not self.is_ready():
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f"{self.name} did not start:\n{self.log.read()}")
                time.sleep(0.02)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_ready(self):
        return answers(self.port) and (
            self.transport == "udp" or listens(self.stream_port))

    def generator_options(self, transport=None):
        """What the load generator must be told to reach this server; by default over its transport."""
        port = self.port if (transport or self.transport) == "udp" else self.stream_port
        return ["--port", str(port), "--server-pid", str(self.process.pid),
                "--cpu", str(LOAD_CPU), "--username", USER, "--password", PASSWORD]


class Turnpike(Server):
    name = "turnpike"
    settings = []

    def command(self):
        values = {
            "listen/udp": f"127.0.0.1:{self.port}",
            "relay/address": "127.0.0.1",
            "threads/count": "1",
            "threads/cpus": str(SERVER_CPU),
            "peers/allow": "127.0.0.0/8",
            "server/realm": REALM,
            f"auth/users/{USER}": PASSWORD,
            "limits/allocations_per_user": "0",
            "limits/unauthenticated_per_s": "0",
            "limits/unauthenticated_total_per_s": "0",
            "control/http": "",
            "listen/tcp": "",
        }
        if self.transport == "tcp":
            values["listen/tcp"] = f"127.0.0.1:{self.stream_port}"
        if self.certificate:
            values.update({"listen/tls": f"127.0.0.1:{self.stream_port}",
                           "tls/certificate": self.certificate[0],
                           "tls/private_key": self.certificate[1]})
        values.update(setting.split("=", 1) for setting in self.settings)
        command = [str(BINARIES / "turnpike"), "serve", "--state", self.folder]
        for path, value in values.items():
            command += ["--set", f"{path}={value}"]
        return command


class Coturn(Server):
    """The distribution's package on its defaults, its relay work in one thread."""
    name = "coturn"

    def is_ready(self):
        return answers(self.stream_port if self.transport == "tcp" else self.port) and (
            self.transport == "udp" or listens(self.stream_port))

    def command(self):
        key = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest()
        # One port for UDP and TCP; a second one for TLS, which takes UDP and plain TCP as well.
        ports = {
            "udp": ["-p", str(self.port), "--no-tls", "--no-dtls"],
            "tcp": ["-p", str(self.stream_port), "--no-tls", "--no-dtls"],
            "tls": ["-p", str(self.port), "--tls-listening-port", str(self.stream_port), "--no-dtls"],
        }[self.transport]
        if self.certificate:
            ports += ["--cert", self.certificate[0], "--pkey", self.certificate[1]]
        return [
            "taskset", "-c", str(SERVER_CPU), "turnserver", "-n", "-m", "1",
            "-L", "127.0.0.1", "-E", "127.0.0.1", *ports,
            "--lt-cred-mech", "-u", f"{USER}:0x{key}", "-r", REALM,
            "--allow-loopback-peers", "--no-cli",
            "--log-file", "/dev/null", "--no-stdout-log",
            "--pidfile", os.path.join(self.folder, "pid"),
            "--userdb", os.path.join(self.folder, "db"),
        ]


class Bare(Server):
    """The bare forwarder: the kernel's share of the work, and the floor."""
    name = "bare"
    batch_wait_us = "0"

    def command(self):
        return [
            str(BINARIES / "BareForwarder"), "--cpu", str(SERVER_CPU),
            "--port", str(self.port), "--flows", str(self.flows),
            "--client-port", str(self.port + self.flows + 1),
            "--peer-port", str(self.port + self.flows + 2),
            "--batch-wait-us", self.batch_wait_us,
        ]

    def is_ready(self):
        self.log.seek(0)
        return "ready" in self.log.read()

    def generator_options(self, transport=None):
        return super().generator_options(transport) + [
            "--target", "bare", "--client-port", str(self.port + self.flows + 1),
            "--peer-port", str(self.port + self.flows + 2)]


class BareCalls(Bare):
    """The bare forwarder with plain system calls instead of io_uring."""
    name = "bare-syscalls"

    def command(self):
        return super().command() + ["--syscalls"]


SERVERS = {one.name: one for one in (Turnpike, Coturn, Bare, BareCalls)}


def build(names):
    """Builds what a comparison of these servers needs, in release."""
    products = ["LoadGenerator"]
    if "turnpike" in names:
        products.append("turnpike")
    if any(name.startswith("bare") for name in names):
        products.append("BareForwarder")
    for product in products:
        result = subprocess.run(
            ["swift", "build", "-c", "release", "--product", product],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            sys.exit(f"building {product} failed:\n{result.stdout}")
    if "coturn" in names and shutil.which("turnserver") is None:
        sys.exit("coturn is not installed: apt-get install coturn, or leave it out with --servers")


def machine():
    """What a result must say of where it was measured."""
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": os.uname().release,
        "commit": commit.stdout.strip(),
        "load_average_before": os.getloadavg()[0],
    }


def default_batch_wait_us():
    """The wait that turnpike uses when nobody says otherwise, so that the floor waits as long."""
    lines = (ROOT / "tuning" / "defaults" / "ring" / "batch_wait_us").read_text().splitlines()
    return next(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def exit_on_signals():
    """Makes the usual signals unwind, so that every `with` ends its process."""
    def leave(number, _):
        sys.exit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def progress(text):
    """Shows on a terminal what runs now; an empty text clears the line."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
