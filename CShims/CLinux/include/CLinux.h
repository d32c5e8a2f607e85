#pragma once

/* Declarations only, and no feature macro: _GNU_SOURCE here would change glibc types that Swift's
 * Glibc module has too (fd_set). What needs it is in CLinux.c. */

#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* Linux 4.18 and 5.0; older C libraries do not name them. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Types and flags of sockets. Which module owns the C library's enumeration of them depends on what a compilation
 * has loaded before, so Swift cannot name its members everywhere. */
enum {
	turnpike_datagram_socket = SOCK_DGRAM | SOCK_CLOEXEC,
	turnpike_stream_socket = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	turnpike_accepted_socket = SOCK_CLOEXEC,
};

/* An entry of a socket's error queue. */
struct turnpike_queued_error {
	/* Whether the rest came with an ICMP message, of either version. */
	uint8_t is_icmp;
	uint8_t type;
	uint8_t code;
	/* The MTU, where the message tells one. */
	uint32_t info;
	/* Where the datagram was sent: a sockaddr_in or a sockaddr_in6. */
	uint32_t name_size;
	unsigned char name[28];
};

/* Takes the next entry off the error queue of a socket that has IP_RECVERR or IPV6_RECVERR set; never blocks.
 * Returns 0 or a positive errno: EAGAIN when there is none. */
int turnpike_take_error(int socket, struct turnpike_queued_error *error);

/* Errors: static strings, safe to use from any thread. NULL for a number without a name. */

const char *turnpike_error_name(int error);
const char *turnpike_error_text(int error);

/* CPUs and NUMA nodes. Swift's Glibc module leaves out what needs _GNU_SOURCE. */

enum { turnpike_cpu_limit = 8192 };

/* Keeps the calling thread on these CPUs. Returns 0 or a positive errno. */
int turnpike_keep_thread(const int32_t *cpus, int count);

/* Writes the CPUs the calling thread may run on, in rising order; returns how many, or -errno. */
int turnpike_allowed_cpus(int32_t *cpus, int limit);

int turnpike_current_cpu(void);

/* The NUMA node of a CPU, or -1 where the machine does not say. */
int turnpike_node_of_cpu(int cpu);

/* Asks for the pages of a mapping from one node; others serve when it is full. 0 or an errno. */
int turnpike_prefer_node(void *address, size_t count, int node);

/* Names the calling thread; at most 15 bytes are kept by the kernel. */
int turnpike_name_thread(const char *name);
