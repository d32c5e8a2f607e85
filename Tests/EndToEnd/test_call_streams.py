"""Chromium reaches the relay over TCP and over TLS: a call between two, and 20 MB each way over a data channel.

Once more with the pages, the signalling and TURN over TLS on one port.

The authority of the tests is in Chromium's NSS store: that a certificate is wrong may be forgiven to a page, not to TURN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from browser import Browser, Chromium
from browser.calls import ADDRESS, Calls, assert_pictures_move, connect, report, statistics
from browser.fixtures import Launch
from conftest import StartServer
from server import PASSWORD, USER, free_port
from streams.certificates import Authority, Certificate

BYTES_EACH_WAY = 20_000_000

#: Two peer connections of one page, both relay only, send each other so many bytes; the page compares hashes.
EXCHANGE = """
    const [url, username, credential, size] = arguments;
    const hash = async (chunks) => {
        const digest = await crypto.subtle.digest("SHA-256", await new Blob(chunks).arrayBuffer());
        return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    };
    const configuration = { iceServers: [{ urls: [url], username, credential }], iceTransportPolicy: "relay" };
    const [caller, callee] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
    const candidates = [];
    for (const [one, other] of [[caller, callee], [callee, caller]]) {
        one.onicecandidate = ({ candidate }) => {
            if (!candidate?.candidate) return;
            candidates.push(candidate.candidate);
            other.addIceCandidate(candidate);
        };
    }
    const received = (channel) => new Promise((resolve) => {
        const chunks = [];
        let count = 0;
        channel.binaryType = "arraybuffer";
        channel.onmessage = ({ data }) => {
            chunks.push(data);
            count += data.byteLength;
            if (count >= size) resolve(hash(chunks));
        };
    });
    const send = async (channel) => {
        const chunks = [];
        channel.bufferedAmountLowThreshold = 1 << 20;
        for (let left = size; left > 0; left -= 50_000) {
            const chunk = crypto.getRandomValues(new Uint8Array(Math.min(left, 50_000)));
            chunks.push(chunk);
            if (channel.bufferedAmount > 4 << 20) {
                await new Promise((resolve) => { channel.onbufferedamountlow = resolve; });
            }
            channel.send(chunk);
        }
        return hash(chunks);
    };
    const near = caller.createDataChannel("file");
    const opened = new Promise((resolve) => { near.onopen = resolve; });
    const far = new Promise((resolve) => { callee.ondatachannel = ({ channel }) => resolve(channel); });
    await caller.setLocalDescription();
    await callee.setRemoteDescription(caller.localDescription);
    await callee.setLocalDescription();
    await caller.setRemoteDescription(callee.localDescription);
    await opened;
    const there = await far;
    const started = performance.now();
    const results = await Promise.all([received(there), received(near), send(near), send(there)]);
    const milliseconds = performance.now() - started;
    const locals = [...(await caller.getStats()).values()].filter((each) => each.type === "local-candidate");
    caller.close();
    callee.close();
    return { results, milliseconds, candidates, protocols: locals.map((each) => each.relayProtocol) };
"""


@dataclass
class StreamCalls(Calls):
    """Pages of a server that hands out one way to its relay."""

    protocol: str
    relay_url: str


@pytest.fixture(scope="module", params=["tcp", "tls", "shared"])
def calls(
    request: pytest.FixtureRequest, call_address: str, start_server: StartServer, certificate: Certificate
) -> Iterator[StreamCalls]:
    """A server on the address of the second interface."""
    port, tls_port, https_port = free_port(), free_port(), free_port()
    shared = request.param == "shared"
    secure = shared or request.param == "tls"
    if shared:
        https_port = tls_port
    url = f"{'turns' if secure else 'turn'}:{ADDRESS}:{tls_port if secure else port}?transport=tcp"
    wanted = {
        "listen/udp": f"127.0.0.1:{port}",
        "listen/tcp": f"{ADDRESS}:{port}",
        "listen/tls": f"{ADDRESS}:{tls_port}",
        "relay/address": ADDRESS,
        "peers/allow": f"{ADDRESS}/32",
        "control/https": "" if shared else f"{ADDRESS}:{https_port}",
        "listen/share_http": "1" if shared else "0",
        "ice/urls": url,
        "tls/certificate": str(certificate.chain),
        "tls/private_key": str(certificate.key),
    }
    running = start_server(wanted, port=port)
    yield StreamCalls(running, https_port, "tls" if secure else "tcp", url)
    running.stop()


@pytest.fixture
def chromium(launch: Launch, authority: Authority) -> Callable[[], Browser]:
    """Starts a Chromium that trusts the authority."""
    return lambda: launch(partial(Chromium, authority=authority.file))


def test_a_call_goes_over_a_stream(calls: StreamCalls, chromium: Callable[[], Browser]) -> None:
    caller, callee = chromium(), chromium()
    connect(caller, callee, calls.url(f"{calls.new_room()}?it=relay"))
    assert_pictures_move(caller, callee)
    for browser in (caller, callee):
        figures = statistics(browser)
        assert (figures["route"], figures["local"]["type"], figures["local"]["address"]) == ("relay", "relay", ADDRESS)
        assert figures["local"]["relayProtocol"] == calls.protocol
        report(f"relay only, {calls.protocol}", browser)
    assert calls.server.counters()["datagrams_to_peers"] > 100


def test_a_data_channel_carries_20_MB_each_way(calls: StreamCalls, chromium: Callable[[], Browser]) -> None:
    browser = chromium()
    browser.open(calls.url("/params.html"))
    found = browser.run(EXCHANGE, calls.relay_url, USER, PASSWORD, BYTES_EACH_WAY)
    got_there, got_back, sent_there, sent_back = found["results"]
    assert (got_there, got_back) == (sent_there, sent_back) and got_there != got_back
    assert found["candidates"] and all(" typ relay " in candidate for candidate in found["candidates"])
    assert set(found["protocols"]) == {calls.protocol}
    print(f"{2 * BYTES_EACH_WAY / found['milliseconds'] / 1000:.1f} MB/s over {calls.protocol}, both ways together")
