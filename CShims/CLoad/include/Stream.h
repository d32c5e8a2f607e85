// Clients over TCP and TLS for the programs under perf/: connections that never wait, with a buffer for each way.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// What TLS clients share: the protocol's version, and the session to resume.
struct load_tls;

/// `version`: 12, 13, or 0 for either. `resumes`: connections offer the session that came last. Certificates are not
/// judged. NULL: the library refuses.
struct load_tls *load_tls_create(int version, int resumes);

/// One connection.
struct load_stream;

/// What a step of a connection came to.
enum load_progress { load_failed = -1, load_waits = 0, load_done = 1 };

/// Starts a connection from an address (0: any) to a place; addresses and ports are numbers in host order. `tls` is
/// NULL for plain TCP. `room` is the bytes of each buffer. NULL with errno: the system refuses.
struct load_stream *load_stream_open(
    uint32_t source, uint32_t address, uint16_t port, struct load_tls *tls, size_t room);

/// Goes on with the connecting and the handshake; `load_done` when bytes may go.
enum load_progress load_stream_connect(struct load_stream *stream);

/// Whether TLS resumed a session.
int load_stream_is_resumed(const struct load_stream *stream);

/// Room for `count` more bytes to send, or NULL: too much waits already. What is written there counts.
uint8_t *load_stream_append(struct load_stream *stream, size_t count);

/// Hands to the kernel what it takes, with one write (TLS: one for each 16 KiB). Returns 0 or -errno.
int load_stream_flush(struct load_stream *stream);

/// Whether bytes wait for the kernel.
int load_stream_has_waiting(const struct load_stream *stream);

/// Reads what is there and what has room. Returns the bytes read, 0: nothing now, -errno: the connection has ended.
long load_stream_read(struct load_stream *stream);

/// What was read and not yet taken: where it begins, and how much it is.
const uint8_t *load_stream_bytes(const struct load_stream *stream);
size_t load_stream_count(const struct load_stream *stream);

/// Takes bytes away at the front.
void load_stream_take(struct load_stream *stream, size_t count);

/// Gives back what TLS and the buffers hold; the connection itself stays open, and nothing can be read or written.
void load_stream_idle(struct load_stream *stream);

/// Ends the connection and gives back all of it.
void load_stream_close(struct load_stream *stream);

/// Says which of many connections have something to read.
struct load_watch;

struct load_watch *load_watch_create(void);

/// Watches a connection under a number. Returns 0 or -errno.
int load_watch_add(struct load_watch *watch, const struct load_stream *stream, uint32_t number);

/// The numbers that have something, without waiting; at most `limit`. Returns how many.
int load_watch_look(struct load_watch *watch, uint32_t *numbers, int limit);
