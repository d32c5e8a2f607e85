// What the programs under perf/ need of the kernel and of libcrypto that Swift's Glibc does not show
// (it is imported without _GNU_SOURCE): many datagrams with one system call, source addresses chosen
// datagram by datagram, UDP GSO and GRO, affinity, and the two digests of a TURN client.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "Stream.h"

/// The most datagrams that one call of `load_send` takes.
enum { load_batch_limit = 64 };

/// Clients and peers are loopback addresses from here on: 127.1.0.0 and 127.2.0.0 plus an index.
enum { load_first_client = 0x7F010000, load_first_peer = 0x7F020000 };

/// A datagram, or a train of datagrams of `segment` bytes each (0: not segmented), to send.
/// Addresses and ports are numbers in host order.
struct load_outgoing {
    uint32_t source;       // 0: the socket's own
    uint32_t destination;
    uint16_t destination_port;
    uint16_t segment;
    uint32_t part_count;
    struct iovec *parts;
};

/// What came: one datagram, or several of `segment` bytes each with a shorter last one (UDP GRO).
/// Addresses and ports are numbers in host order; `stamp` is when the kernel got it, nanoseconds of
/// CLOCK_REALTIME, 0 where the socket was not asked for it. One that was put together has one stamp.
struct load_incoming {
    uint8_t *bytes;
    uint32_t count;
    uint32_t segment;
    uint32_t source;
    uint32_t destination;
    uint16_t source_port;
    uint16_t was_truncated;
    uint32_t traffic_class;  // where the socket tells it
    uint64_t stamp;
};

/// Pins the calling thread to one CPU. Returns 0 or -errno.
int load_pin(int cpu);

/// Opens a non-blocking IPv4 UDP socket with GRO. Port 0 takes any free one. `tells_destination`: what
/// arrives says to which local address it was sent. Returns the descriptor or -errno.
int load_open(uint32_t address, uint16_t port, int buffer_bytes, int tells_destination);

/// Lets what arrives say its traffic class (IP_TOS), as a relay that carries DSCP and ECN across must know.
/// Returns 0 or -errno.
int load_tell_traffic_class(int socket);

/// Lets the kernel stamp what arrives (SO_TIMESTAMPNS). On loopback that is in the sender's context.
/// Returns 0 or -errno.
int load_stamp_arrivals(int socket);

/// The port that a socket is bound to, in host order; 0 when it has none.
uint16_t load_port(int socket);

/// Writes the control message that makes a send a train of datagrams of `segment` bytes. `room` has
/// at least `load_control_room` bytes. Returns the bytes written.
enum { load_control_room = 64 };
size_t load_write_segment(void *room, uint16_t segment);

/// Writes the control message that gives a send its traffic class. Returns the bytes written.
size_t load_write_traffic_class(void *room, uint8_t traffic_class);

/// What received control messages say: the segment size, 0 when the kernel put nothing together, and the traffic class.
struct load_control {
    uint32_t segment;
    uint8_t traffic_class;
};
struct load_control load_read_control(const void *control, size_t count);

/// Sends up to `load_batch_limit` with one system call. Returns how many were taken, or -errno.
int load_send(int socket, const struct load_outgoing *datagrams, unsigned count);

/// Buffers for what arrives on one socket, and all that a receive needs, prepared once.
struct load_receiver;

/// Takes memory for `depth` of the largest trains. Lives as long as the program; NULL: no memory.
struct load_receiver *load_receiver_create(int socket, unsigned depth);

/// Receives what is there, at most `depth`, with one system call, without waiting. Returns how many
/// came (0: none), or -errno. They lie at `load_received` until the next call.
int load_receive(struct load_receiver *receiver);
const struct load_incoming *load_received(const struct load_receiver *receiver);

/// MD5 of `count` bytes into 16.
void load_md5(const uint8_t *bytes, size_t count, uint8_t *digest);

/// HMAC-SHA1 of `count` bytes into 20.
void load_hmac_sha1(
    const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t *digest);
