"""The clients of AppRTC as far as a server can please or break them (protocol page 3, 5.1, 5.2, 5.3).

Each asks as the real one does and raises `Broken` exactly where the real one would fail, in the same order. The mobile
ones are in `apprtc_mobile`.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from control_client import Answer, Closed, Connection
from control_websocket import Opcode, WebSocket

CANDIDATE = {"type": "candidate", "label": 0, "id": "0", "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"}


class Broken(AssertionError):
    """The real client would show an error, end the call or crash."""


def need(condition: Any, why: str) -> None:
    """Raises `Broken` unless it holds."""
    if not condition:
        raise Broken(why)


def parsed(text: str | bytes) -> Any:
    """JSON, or the exception that every one of the clients has there."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise Broken(f"not JSON: {text!r}") from error


def offer(sdp: str = "v=0 offer") -> dict[str, Any]:
    return {"type": "offer", "sdp": sdp}


def answer(sdp: str = "v=0 answer") -> dict[str, Any]:
    return {"type": "answer", "sdp": sdp}


class AppClient:
    """What the three have in common; `site` is the room server they are told."""

    #: Headers of every request, such as the hard-coded origin of the mobile ones.
    headers: dict[str, str] = {}

    def __init__(self, site: Any, room: str, query: str = ""):
        self.site, self.room, self.query = site, room, query
        self.socket: WebSocket | None = None
        self.ice_servers: list[dict[str, Any]] = []

    def ask(self, method: str, url: str, body: bytes = b"", **more: str) -> Answer:
        """A request to an absolute URL, whose host need not be the page's."""
        parts = urlsplit(url)
        need(parts.scheme == "http" and parts.hostname and parts.port, f"not an absolute URL here: {url!r}")
        with Connection((parts.hostname, parts.port)) as connection:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            fields = {**self.headers, **{name.replace("_", "-"): value for name, value in more.items()}}
            return connection.ask(method, target or "/", None if method == "GET" else body, fields)

    def ask_room_server(self, method: str, path: str, body: bytes = b"") -> Answer:
        return self.ask(method, f"{self.site.origin}{path}{self.query}", body)

    def open_socket(self, url: str, **headers: str) -> None:
        """Connects to `wss_url` and registers."""
        parts = urlsplit(url)
        need(parts.scheme in ("ws", "wss") and parts.hostname and parts.path, f"wss_url is {url!r}")
        self.socket = WebSocket((parts.hostname, parts.port))
        reply = self.socket.upgrade(parts.path, **headers)
        need(reply.status == 101, f"the WebSocket was refused with {reply.status}")
        self.register()

    def register(self) -> None:
        self.write({"cmd": "register", "roomid": self.room, "clientid": self.client})
        self.synchronise()

    def write(self, fields: dict[str, Any]) -> None:
        """A frame, in the layout of this client."""
        self.socket.send_text(json.dumps(fields))

    def synchronise(self) -> None:
        """Returns once the server has read what was sent; frames that come meanwhile stay unread."""
        self.socket.send_frame(Opcode.PING, b"synchronise")
        while True:
            found = self.socket.receive_frame()
            if found.opcode == Opcode.PONG:
                return
            self.unread.append(found)

    @property
    def unread(self) -> list[Any]:
        return self.__dict__.setdefault("frames", [])

    def next_text(self) -> str:
        """The payload of the next text frame; the end of the connection is up to the client."""
        if not self.unread:
            try:
                self.unread.append(self.socket.receive_frame())
            except Closed:
                self.on_socket_end()
        found = self.unread.pop(0)
        if found.opcode == Opcode.CLOSE:
            self.on_socket_end()
        return found.payload.decode()

    def on_socket_end(self) -> None:
        raise Broken("the socket ended, and with it the call")

    def send(self, message: dict[str, Any]) -> None:
        """To the other one: the initiator by the room server, the other by its socket (3.2)."""
        if self.is_initiator:
            self.post_message(message)
        else:
            self.write({"cmd": "send", "msg": json.dumps(message)})
            self.synchronise()

    def post_message(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def leave(self) -> Answer:
        return self.ask_room_server("POST", f"/leave/{self.room}/{self.client}")

    def delete(self) -> Answer:
        return self.ask("DELETE", f"{self.post_url}/{self.room}/{self.client}")

    def crash(self) -> None:
        """The process is gone: TCP ends without a word."""
        self.socket.abandon()


class WebClient(AppClient):
    """The web client (3.3); the page's variables are those of `/params`."""

    def load(self) -> None:
        """The page, its parameters, and the ICE servers."""
        page = self.ask_room_server("GET", f"/r/{self.room}")
        need(page.status == 200, f"the page is {page.status}")
        self.parameters = parsed(self.ask_room_server("GET", "/params").body)
        need(not self.parameters["error_messages"], f"{self.parameters['error_messages']}")
        self.configuration = parsed(self.parameters["pc_config"])
        need(isinstance(self.configuration["iceServers"], list), "iceServers of pc_config")
        for name in ("media_constraints", "offer_options", "pc_constraints"):
            need(isinstance(parsed(self.parameters[name]), dict), name)
        if self.parameters["ice_server_url"] and not self.configuration["iceServers"]:
            reply = self.ask("POST", self.parameters["ice_server_url"], Origin=self.site.origin)
            if reply.status == 200:
                self.take_ice_servers(parsed(reply.body)["iceServers"])

    def take_ice_servers(self, servers: list[dict[str, Any]]) -> None:
        """Filters by transport when asked to, then makes a peer connection, which throws on an empty list."""
        transports = self.parameters["ice_server_transports"]
        need(transports is not None, "ice_server_transports is null")
        for server in servers:
            if transports != "":
                need(isinstance(server["urls"], list), "urls.filter is not a function")
                server["urls"] = [url for url in server["urls"] if url.endswith(f"?transport={transports}")]
            need(server["urls"], "RTCPeerConnection throws on empty urls")
        self.ice_servers = servers

    def join(self) -> None:
        """The socket of the *page's* URL and the join, then register."""
        reply = self.ask_room_server("POST", f"/join/{self.room}")
        need(reply.status == 200, f"Failed to join the room: {reply.status}")
        joined = parsed(reply.body)
        need(joined["result"] == "SUCCESS", f"Registration error: {joined['result']}")
        self.take_parameters(joined["params"])
        self.post_url = self.parameters["wss_post_url"]
        self.open_socket(self.parameters["wss_url"], Origin=self.site.origin)

    def take_parameters(self, parameters: dict[str, Any]) -> None:
        self.client, self.link = parameters["client_id"], parameters["room_link"]
        self.is_initiator = parameters["is_initiator"] == "true"
        self.messages = [] if self.is_initiator else [parsed(text) for text in parameters["messages"]]

    def post_message(self, message: dict[str, Any]) -> None:
        reply = self.ask_room_server("POST", f"/message/{self.room}/{self.client}", json.dumps(message).encode())
        need(reply.status == 200 and parsed(reply.body)["result"] == "SUCCESS", f"message: {reply}")

    def receive(self) -> dict[str, Any]:
        """The next message; error frames are only traced."""
        while True:
            fields = parsed(self.next_text())
            if not fields.get("error"):
                return parsed(fields["msg"])

    def take_over(self) -> None:
        """What it does on `bye`: it is the initiator now, with the same id, and offers again (3.4)."""
        self.is_initiator = True
        self.post_message(offer("v=0 offer again"))

    def hang_up(self) -> None:
        self.leave()
        self.write({"cmd": "send", "msg": '{"type":"bye"}'})
        self.socket.close()
        self.delete()

    def close_tab(self) -> None:
        """A closed tab of today's browsers: neither leave nor DELETE (3.5)."""
        self.write({"cmd": "send", "msg": '{"type":"bye"}'})
        self.socket.close()
