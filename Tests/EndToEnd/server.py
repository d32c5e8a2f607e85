"""A server under test as a process of its own: start, readiness, what it uses, a clean end.

`Turnpike` is the one that matters; `Coturn` plays the same part for comparison runs (`--server coturn`), so that a
failing test can be told apart from a wrong test.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from hostile.stun import Builder, Method
from streams.certificates import Certificate

REPOSITORY = Path(__file__).resolve().parents[2]
USER = "alice"
PASSWORD = "wonderland"
OTHER_USER = "bob"
OTHER_PASSWORD = "builder"
SECRET = "north-by-northwest"
REALM = "turnpike.test"

#: The limits every test starts from; loopback peers are denied by default, and the limiter of unauthenticated
#: requests would shed the tests themselves.
BASE_SETTINGS = {
    "server/realm": REALM,
    "server/rfc5766_channels": "1",
    "relay/address": "127.0.0.1 ::1",
    "peers/allow": "127.0.0.0/8 ::1/128 fd00:7475:726e::/48",
    "threads/count": "1",
    "threads/cpus": "",
    f"auth/users/{USER}": PASSWORD,
    f"auth/users/{OTHER_USER}": OTHER_PASSWORD,
    "auth/secrets/test": SECRET,
    "limits/allocations": "20000",
    "limits/allocations_per_user": "20000",
    "limits/unauthenticated_per_s": "1000000",
    "limits/unauthenticated_total_per_s": "1000000",
}

#: The keys of access tokens that `turnutils_uclient -J` is built with, by kid; it signs with 16 bytes of what they wrap.
OAUTH_KEYS = {
    "north": ("A256GCM", b"01234567890123456789012345678901"),
    "union": ("A128GCM", b"1234567890123456"),
    "oldempire": ("A256GCM", b"12345678901234567890123456789012"),
}
OAUTH = {"auth/oauth_short_keys": "1"} | {
    f"auth/oauth_keys/{name}": f"{algorithm} {base64.b64encode(key).decode()}"
    for name, (algorithm, key) in OAUTH_KEYS.items()
}

#: A setting that no attribute of ours stands for: coturn knows either users or a secret, and has to be told which.
REST = "rest"
COTURN_ONLY = {REST}

#: What the standard error of a process that crashed says.
CRASH = re.compile(
    r"Fatal error|Swift runtime failure|\*\*\* |Illegal instruction|Segmentation fault|AddressSanitizer|"
    r"ThreadSanitizer|Program crashed|Stack dump"
)


#: What a second, which the end may take, can become on a busy machine; whoever waited for clients would take longer.
STOP_LIMIT_SECONDS = 20


class ServerFailure(AssertionError):
    """The server did not start, did not answer, or did not end as it must."""


def free_port() -> int:
    """A port that is free for UDP and TCP on 127.0.0.1 and on ::1, and outside the range that clients' ports come from."""
    places = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    for _ in range(100):
        port = random.randrange(10_000, 28_000)
        with ExitStack() as probes:
            try:
                for family, address in places:
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        probes.enter_context(socket.socket(family, kind)).bind((address, port))
            except OSError:
                continue
            return port
    raise ServerFailure("no free port")


def is_local(address: str) -> bool:
    """Whether an address belongs to this host."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


class Server:
    """A running server process; a subclass knows the command line.

    `settings` go over the base settings; None takes one of those away. With a certificate it speaks TLS and DTLS too.
    """

    name = "server"
    #: Standard error goes here, so that it can be read while the server runs.
    log_name = "server.log"

    def __init__(
        self,
        directory: Path,
        settings: dict[str, str | None],
        descriptors: int | None = None,
        port: int | None = None,
        certificate: Certificate | None = None,
    ):
        self.directory = directory
        self.port = port or free_port()
        self.tls_port = free_port()
        self.control_port = free_port()
        places = self.places() | ({} if certificate is None else self.secure_places(certificate))
        wanted = BASE_SETTINGS | places | settings
        self.settings = {path: value for path, value in wanted.items() if value is not None}
        self.log_path = directory / self.log_name
        self.log = self.log_path.open("wb")
        self.process = subprocess.Popen(
            self.command(),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=None if descriptors is None else lambda: limit_descriptors(descriptors),
        )

    def command(self) -> list[str]:
        """The command line."""
        raise NotImplementedError

    def places(self) -> dict[str, str]:
        """Where it listens: both loopback addresses."""
        return {
            "listen/udp": f"127.0.0.1:{self.port} [::1]:{self.port}",
            "listen/tcp": f"127.0.0.1:{self.port} [::1]:{self.port}",
            "control/http": f"127.0.0.1:{self.control_port}",
        }

    def secure_places(self, certificate: Certificate) -> dict[str, str]:
        """Where it listens for TLS and DTLS; each shares its port with the plain kind."""
        return {
            "listen/tls": f"127.0.0.1:{self.tls_port} [::1]:{self.tls_port}",
            "listen/dtls": f"127.0.0.1:{self.port} [::1]:{self.port}",
            "tls/certificate": str(certificate.chain),
            "tls/private_key": str(certificate.key),
        }

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens for IPv4."""
        return "127.0.0.1", self.port

    @property
    def address_ipv6(self) -> tuple[str, int]:
        """Where it listens for IPv6."""
        return "::1", self.port

    @property
    def address_tls(self) -> tuple[str, int]:
        """Where it listens for TLS over IPv4."""
        return "127.0.0.1", self.tls_port

    def wait_until_ready(self, limit_seconds: float = 60) -> None:
        """Returns when a Binding request is answered."""
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailure(f"ended with {self.process.returncode} at start\n{self.log_tail()}")
            if self.answers_binding(timeout_seconds=1):
                return
        raise ServerFailure(f"no answer to Binding in {limit_seconds} s\n{self.log_tail()}")

    def answers_binding(self, timeout_seconds: float) -> bool:
        """Whether a Binding request from a fresh socket is answered in that time."""
        request = Builder(Method.BINDING)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(timeout_seconds)
            client.connect(self.address)
            try:
                client.send(request.build())
                return client.recv(2048)[8:20] == request.transaction_id
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.01)
                return False

    def stop(self, limit_seconds: float = STOP_LIMIT_SECONDS) -> None:
        """SIGTERM; raises when it does not end with 0 in that time, or said something of a crash."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(limit_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise ServerFailure(f"still runs {limit_seconds} s after SIGTERM\n{self.log_tail()}") from None
        self.log.close()
        if self.process.returncode != 0 or CRASH.search(self.log_text()):
            raise ServerFailure(f"ended with {self.process.returncode}\n{self.log_tail()}")

    def kill(self) -> None:
        """Ends it whatever its state; for clean-up after a failure."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def log_text(self) -> str:
        """All it printed so far."""
        return self.log_path.read_text(errors="replace")

    def log_tail(self, lines: int = 30) -> str:
        """The end of what it printed."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def status(self, key: str) -> int:
        """A number of /proc/PID/status."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.MULTILINE).group(1))

    @property
    def resident_kilobytes(self) -> int:
        """Resident memory of the process, in kB."""
        return self.status("VmRSS")

    @property
    def thread_count(self) -> int:
        """Threads of the process."""
        return self.status("Threads")

    @property
    def descriptor_count(self) -> int:
        """Open descriptors of the process."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def counters(self) -> dict[str, int]:
        """The numbers of the line that SIGUSR1 asks for."""
        raise NotImplementedError


class Turnpike(Server):
    """Our server; the binary is $TURNPIKE or the release build."""

    name = "turnpike"

    @staticmethod
    def binary() -> Path:
        """Where the executable is."""
        return Path(os.environ.get("TURNPIKE", REPOSITORY / ".build/release/turnpike")).resolve()

    def command(self) -> list[str]:
        for folder in ("state", "config"):
            (self.directory / folder).mkdir(exist_ok=True)
        settings = [f"--set={path}={value}" for path, value in self.settings.items() if path not in COTURN_ONLY]
        folders = [f"--state={self.directory}/state", f"--config={self.directory}/config"]
        return [str(self.binary()), "serve", *folders, *settings]

    def wait_until_ready(self, limit_seconds: float = 60) -> None:
        """The control plane starts after the relay threads: returns when it listens too."""
        super().wait_until_ready(limit_seconds)
        deadline = time.monotonic() + limit_seconds
        while self.settings.get("control/http") and not self.listens(self.control_port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailure(f"no control plane on port {self.control_port}\n{self.log_tail()}")
            time.sleep(0.01)

    @staticmethod
    def listens(port: int) -> bool:
        """Whether a TCP connection to 127.0.0.1 is taken."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def counters(self, limit_seconds: float = 30) -> dict[str, int]:
        seen = len(self.log_text())
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline:
            for line in self.log_text()[seen:].splitlines(keepends=True):
                numbers = counters_of(line) if line.endswith("\n") else {}
                if len(numbers) >= 3:
                    return numbers
            time.sleep(0.01)
        raise ServerFailure(f"no line of counters after SIGUSR1\n{self.log_tail()}")


def counters_of(line: str) -> dict[str, int]:
    """name=number pairs of a line of text, or the numbers of a line of JSON."""
    if line.lstrip().startswith("{"):
        try:
            fields = json.loads(line)
        except ValueError:
            return {}
        return {name: value for name, value in fields.items() if isinstance(value, int)}
    return {name: int(value) for name, value in re.findall(r"([a-z][a-z0-9_]*)=(\d+)\b", line)}


def limit_descriptors(count: int) -> None:
    """`ulimit -n count`, in the child before it becomes the server."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
