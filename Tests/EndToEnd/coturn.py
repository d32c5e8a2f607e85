"""The distribution's coturn in the place of our server, set up as close as it goes (`--server coturn`)."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

from server import OAUTH, OAUTH_KEYS, OTHER_PASSWORD, OTHER_USER, PASSWORD, REALM, REST, SECRET, USER, Server


class Coturn(Server):
    """coturn as a process."""

    name = "coturn"

    def command(self) -> list[str]:
        low, high = self.settings.get("relay/ports", "49152-65535").split("-")
        relay = [f"--relay-ip={address}" for address in self.settings["relay/address"].split()]
        return [
            "turnserver", "-n", "--no-cli", "--log-file=stdout",
            f"--pidfile={self.directory}/pid", f"--userdb={self.directory}/db", "--allow-loopback-peers",
            "--listening-ip=127.0.0.1", "--listening-ip=::1", f"--listening-port={self.port}", *relay,
            "--relay-threads=1", f"--realm={REALM}", "--no-rfc5780", f"--min-port={low}", f"--max-port={high}",
            *self.credentials(), *self.security(), *(["--mobility"] if "server/mobility" in self.settings else []),
            f"--user-quota={self.settings.get('limits/allocations_per_user', '0')}",
        ]  # fmt: skip

    def security(self) -> list[str]:
        """Its certificate, if it has one."""
        if "tls/certificate" not in self.settings:
            return ["--no-tls", "--no-dtls"]
        files = f"--cert={self.settings['tls/certificate']}", f"--pkey={self.settings['tls/private_key']}"
        return [*files, f"--tls-listening-port={self.tls_port}"]

    def credentials(self) -> list[str]:
        """coturn knows either users or a secret."""
        if REST in self.settings:
            return ["--use-auth-secret", f"--static-auth-secret={SECRET}"]
        if OAUTH.keys() <= self.settings.keys():
            self.store_oauth_keys()
            return ["--lt-cred-mech", "--oauth", f"--server-name={REALM}"]
        users = [(USER, PASSWORD), (OTHER_USER, OTHER_PASSWORD)]
        return ["--lt-cred-mech", *(f"--user={name}:{password}" for name, password in users)]

    def store_oauth_keys(self) -> None:
        """Puts the keys into its database, which it would make itself."""
        with closing(sqlite3.connect(self.directory / "db")) as database:
            database.executescript(Path("/usr/share/coturn/schema.sql").read_text())
            rows = [
                (name, base64.b64encode(key).decode(), 0, 0, kind, REALM) for name, (kind, key) in OAUTH_KEYS.items()
            ]
            columns = "kid, ikm_key, timestamp, lifetime, as_rs_alg, realm"
            database.executemany(f"insert into oauth_key ({columns}) values (?, ?, ?, ?, ?, ?)", rows)
            database.commit()

    def stop(self, limit_seconds: float = 5) -> None:
        self.process.terminate()
        self.process.wait(limit_seconds)
        self.log.close()

    def counters(self) -> dict[str, int]:
        return {}
