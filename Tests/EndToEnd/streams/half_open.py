"""Opens thousands of TCP connections that say nothing, and holds them until its standard input ends.

    half_open.py PORT COUNT NETWORK

Sources are 127.NETWORK.x.1, a thousand connections for each. Prints how many were made, then, at the end, how many the
server has not closed by then.
"""

from __future__ import annotations

import resource
import select
import socket
import sys

FOR_EACH_SOURCE = 1000


def main(port: int, count: int, network: int) -> None:
    """Opens, waits, counts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = []
    for number in range(count):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((f"127.{network}.{number // FOR_EACH_SOURCE}.1", 0))
        made.settimeout(10)
        try:
            made.connect(("127.0.0.1", port))
        except OSError:
            made.close()
            continue
        made.setblocking(False)
        opened.append(made)
    print(len(opened), flush=True)
    sys.stdin.read()
    poll = select.poll()
    for one in opened:
        poll.register(one, select.POLLIN)
    print(len(opened) - len(poll.poll(0)), flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
