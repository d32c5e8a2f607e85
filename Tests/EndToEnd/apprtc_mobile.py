"""The Android and the iOS client of AppRTC as far as a server can please or break them (protocol page 5.1, 5.2)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from apprtc_clients import AppClient, need, parsed
from control_websocket import Opcode


class AndroidClient(AppClient):
    """The Android client (5.1)."""

    headers = {"origin": "https://appr.tc", "Content-Type": "text/plain; charset=utf-8"}

    def join(self) -> None:
        """Join, then the ICE fetch, then the socket by its path alone, with Autobahn's spelling and no origin."""
        reply = self.ask_room_server("POST", f"/join/{self.room}")
        need(reply.status == 200, f"Non-200 response to POST: {reply.status}")
        joined = parsed(reply.body)
        need(joined["result"] == "SUCCESS", f"Room response error: {joined['result']}")
        self.take_parameters(joined["params"])
        self.open_socket(self.socket_url, Upgrade="WebSocket")

    def take_parameters(self, parameters: dict[str, Any]) -> None:
        for key in ("room_id", "client_id", "wss_url", "wss_post_url", "is_initiator", "pc_config"):
            need(key in parameters, f"JSONException: no value for {key}")
        self.client, self.socket_url = parameters["client_id"], parameters["wss_url"]
        self.post_url = parameters["wss_post_url"]
        need(parameters["is_initiator"] in (True, False, "true", "false"), "is_initiator is no boolean")
        self.is_initiator = parameters["is_initiator"] in (True, "true")
        self.messages = []
        if not self.is_initiator:
            need("messages" in parameters, "JSONException: no value for messages")
            self.messages = [self.understood(text) for text in parameters["messages"]]
        self.ice_servers = self.from_configuration(parameters["pc_config"])
        url = parameters.get("ice_server_url") or ""
        if url and not any(server["urls"].startswith("turn:") for server in self.ice_servers):
            self.ice_servers += self.fetched(url)

    def from_configuration(self, configuration: Any) -> list[dict[str, Any]]:
        """`pc_config`: an object is coerced to text; `urls` is read as one string, `username` never."""
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        servers = parsed(text).get("iceServers")
        need(isinstance(servers, list), "JSONException: iceServers")
        for server in servers:
            need(isinstance(server.get("urls"), str), "PeerConnection: a list of URLs is no URL")
            need(not server["urls"].startswith("turn:"), "PeerConnection: TURN server without a username")
        return servers

    def fetched(self, url: str) -> list[dict[str, Any]]:
        reply = self.ask("POST", url, REFERER="https://appr.tc")
        need(reply.status == 200, f"Non-200 response when requesting TURN server: {reply.status}")
        servers = parsed(reply.body).get("iceServers")
        need(isinstance(servers, list), "JSONException: iceServers")
        need(all(isinstance(server.get("urls"), list) for server in servers), "JSONException: urls is no array")
        return servers

    def understood(self, text: str) -> dict[str, Any]:
        """A message of the list a join returns: what is read of it must be there."""
        message = parsed(text)
        need("type" in message, "JSONException: no value for type")
        if message["type"] == "offer":
            need("sdp" in message, "JSONException: no value for sdp")
        if message["type"] == "candidate":
            kinds = {"id": str, "label": int, "candidate": str}
            need(all(isinstance(message.get(key), kind) for key, kind in kinds.items()), "JSONException: candidate")
        return message

    def post_message(self, message: dict[str, Any]) -> None:
        reply = self.ask_room_server("POST", f"/message/{self.room}/{self.client}", json.dumps(message).encode())
        need(reply.status == 200, f"GAE POST error: {reply.status}")
        need(parsed(reply.body)["result"] == "SUCCESS", f"GAE POST error: {reply.text}")

    def receive(self) -> dict[str, Any]:
        """The next message; everything unexpected is fatal."""
        fields = parsed(self.next_text())
        need("msg" in fields, "WebSocket message JSON parsing error")
        need(fields["msg"], f"WebSocket error message: {fields.get('error') or 'unexpected WebSocket message'}")
        message = parsed(fields["msg"])
        expected = {"candidate", "remove-candidates", "bye", "answer" if self.is_initiator else "offer"}
        need(message.get("type") in expected, f"Unexpected WebSocket message: {message}")
        return message

    def hang_up(self) -> None:
        """Leave, `bye`, DELETE, close."""
        reply = self.leave()
        need(reply.status == 200, f"leave: {reply.status}")
        self.write({"cmd": "send", "msg": '{"type": "bye"}'})
        need(self.delete().status == 200, "Non-200 response to DELETE")
        self.socket.send_frame(Opcode.CLOSE, b"\x03\xe8")
        need(self.socket.ends(), "the socket is not closed")
        self.socket.abandon()


class IOSClient(AppClient):
    """The iOS client (5.2)."""

    known = frozenset({"offer", "answer", "candidate", "remove-candidates", "bye"})

    def write(self, fields: dict[str, Any]) -> None:
        self.socket.send_text(json.dumps(fields, indent=2, separators=(",", " : ")))

    def join(self) -> None:
        """TURN by `/params`, whose failure is only logged; then the join; then the socket with the URL's origin."""
        parameters = parsed(self.ask("GET", f"{self.site.origin}/params").body)
        url = parameters.get("ice_server_url")
        need(isinstance(url, str) and urlsplit(url).scheme, "ice_server_url is not absolute")
        reply = self.ask("POST", url, referer="https://appr.tc")
        if reply.status == 200:
            self.take_ice_servers(parsed(reply.body))
        joined = parsed(self.ask_room_server("POST", f"/join/{self.room}").body)
        need(isinstance(joined, dict), "the join is no object")
        need(joined["result"] != "FULL", "Room is full.")
        need(joined["result"] == "SUCCESS", "Unknown error occurred.")
        self.take_parameters(joined["params"])
        host = urlsplit(self.socket_url).netloc
        self.open_socket(self.socket_url, Origin=f"http://{host}")

    def take_ice_servers(self, reply: dict[str, Any]) -> None:
        for server in reply["iceServers"]:
            need(isinstance(server.get("urls"), list) and server["urls"], "assert urlStrings.count")
        self.ice_servers = reply["iceServers"]

    def take_parameters(self, parameters: dict[str, Any]) -> None:
        for key in ("room_id", "client_id", "wss_url", "wss_post_url"):
            need(isinstance(parameters.get(key), str), f"{key} is no string")
        self.room, self.client = parameters["room_id"], parameters["client_id"]
        self.socket_url, self.post_url = parameters["wss_url"], parameters["wss_post_url"]
        self.is_initiator = str(parameters["is_initiator"]).lower() in ("true", "1", "yes")
        self.messages = [self.understood(text) for text in parameters["messages"]]

    def understood(self, text: Any) -> dict[str, Any]:
        """A message of a known type; an unknown one is a nil that an array cannot hold."""
        need(isinstance(text, str) and text, "the message is no text")
        message = parsed(text)
        need(message.get("type") in self.known, f"nil in an array: {text}")
        return message

    def post_message(self, message: dict[str, Any]) -> None:
        reply = self.ask_room_server("POST", f"/message/{self.room}/{self.client}", json.dumps(message).encode())
        need(parsed(reply.body)["result"] == "SUCCESS", f"message: {reply.text}")

    def receive(self) -> dict[str, Any]:
        """The next message; error frames are only logged."""
        while True:
            fields = parsed(self.next_text())
            if not fields.get("error"):
                return self.understood(fields.get("msg"))

    def hang_up(self) -> None:
        """Leave (waits forever), `bye`, close, DELETE."""
        self.leave()
        self.write({"cmd": "send", "msg": json.dumps({"type": "bye"})})
        self.socket.close()
        self.delete()
