"""Clients that reach the server over TCP, TLS, DTLS or WebSocket, and all they can do wrong."""
