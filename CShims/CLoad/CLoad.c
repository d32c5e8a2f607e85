#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include "CLoad.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/// Room for the control messages that a datagram can carry: its local address, a segment size, a stamp.
typedef union {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))
        + CMSG_SPACE(sizeof(struct timespec))];
} control_room;

int load_pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : -errno;
}

static int configure(
    int socket_, uint32_t address, uint16_t port, int buffer_bytes, int tells_destination) {
    int one = 1;
    struct sockaddr_in local = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
    // FORCE needs CAP_NET_ADMIN; without it the kernel's limit applies.
    if (setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) != 0)
        (void)setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    if (setsockopt(socket_, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) != 0)
        (void)setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
    if (tells_destination && setsockopt(socket_, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) != 0)
        return -errno;
    if (setsockopt(socket_, SOL_UDP, UDP_GRO, &one, sizeof(one)) != 0) return -errno;
    if (bind(socket_, (struct sockaddr *)&local, sizeof(local)) != 0) return -errno;
    return socket_;
}

int load_open(uint32_t address, uint16_t port, int buffer_bytes, int tells_destination) {
    int opened = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0) return -errno;
    int result = configure(opened, address, port, buffer_bytes, tells_destination);
    if (result < 0) close(opened);
    return result;
}

int load_tell_traffic_class(int socket_) {
    int one = 1;
    return setsockopt(socket_, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one)) == 0 ? 0 : -errno;
}

int load_stamp_arrivals(int socket_) {
    int one = 1;
    return setsockopt(socket_, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) == 0 ? 0 : -errno;
}

uint16_t load_port(int socket_) {
    struct sockaddr_in local = {0};
    socklen_t count = sizeof(local);
    if (getsockname(socket_, (struct sockaddr *)&local, &count) != 0) return 0;
    return ntohs(local.sin_port);
}

size_t load_write_segment(void *room, uint16_t segment) {
    struct cmsghdr *header = room;
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(segment)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(header), &segment, sizeof(segment));
    return CMSG_SPACE(sizeof(segment));
}

size_t load_write_traffic_class(void *room, uint8_t traffic_class) {
    struct cmsghdr *header = room;
    int value = traffic_class;
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(value)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TOS};
    memcpy(CMSG_DATA(header), &value, sizeof(value));
    return CMSG_SPACE(sizeof(value));
}

struct load_control load_read_control(const void *control, size_t count) {
    struct load_control found = {0};
    struct msghdr message = {.msg_control = (void *)control, .msg_controllen = count};
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == SOL_UDP && at->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(at), sizeof(segment));
            found.segment = (uint32_t)segment;
        } else if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_TOS) {
            found.traffic_class = *(const uint8_t *)CMSG_DATA(at);
        }
    }
    return found;
}

/// Writes the control messages of one datagram and returns their bytes.
static size_t write_control(const struct load_outgoing *datagram, control_room *room) {
    char *at = room->bytes;
    if (datagram->source != 0) {
        struct cmsghdr *header = (struct cmsghdr *)at;
        struct in_pktinfo info = {.ipi_spec_dst = {htonl(datagram->source)}};
        *header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(info)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
        memcpy(CMSG_DATA(header), &info, sizeof(info));
        at += CMSG_SPACE(sizeof(info));
    }
    if (datagram->segment != 0) at += load_write_segment(at, datagram->segment);
    return (size_t)(at - room->bytes);
}

int load_send(int socket_, const struct load_outgoing *datagrams, unsigned count) {
    struct mmsghdr headers[load_batch_limit];
    struct sockaddr_in destinations[load_batch_limit];
    control_room rooms[load_batch_limit];
    if (count > load_batch_limit) count = load_batch_limit;
    for (unsigned i = 0; i < count; i++) {
        destinations[i] = (struct sockaddr_in){.sin_family = AF_INET,
            .sin_port = htons(datagrams[i].destination_port),
            .sin_addr = {htonl(datagrams[i].destination)}};
        size_t control = write_control(&datagrams[i], &rooms[i]);
        headers[i].msg_hdr = (struct msghdr){.msg_name = &destinations[i],
            .msg_namelen = sizeof(destinations[i]),
            .msg_iov = datagrams[i].parts,
            .msg_iovlen = datagrams[i].part_count,
            .msg_control = control != 0 ? rooms[i].bytes : NULL,
            .msg_controllen = control};
    }
    int sent = sendmmsg(socket_, headers, count, 0);
    return sent >= 0 ? sent : -errno;
}

/// Takes the local address, the segment size and the stamp out of the control messages of one datagram.
static void read_control(struct msghdr *header, struct load_incoming *datagram) {
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(at), sizeof(info));
            datagram->destination = ntohl(info.ipi_addr.s_addr);
        } else if (at->cmsg_level == SOL_UDP && at->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(at), sizeof(segment));
            datagram->segment = (uint32_t)segment;
        } else if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_TOS) {
            datagram->traffic_class = *(const uint8_t *)CMSG_DATA(at);
        } else if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(at), sizeof(stamp));
            datagram->stamp = (uint64_t)stamp.tv_sec * 1000000000 + (uint64_t)stamp.tv_nsec;
        }
    }
}

struct load_receiver {
    int socket;
    unsigned depth;
    /// How many of the headers the last receive has written to.
    unsigned used;
    struct mmsghdr *headers;
    struct sockaddr_in *sources;
    struct iovec *parts;
    control_room *rooms;
    struct load_incoming *datagrams;
};

/// Room for the largest train, and an odd number of cache lines apart so that buffers spread over the cache.
enum { receive_room = 65536, receive_stride = receive_room + 64 * 17 };

static void prepare(struct load_receiver *receiver, unsigned i) {
    receiver->headers[i].msg_hdr = (struct msghdr){.msg_name = &receiver->sources[i],
        .msg_namelen = sizeof(receiver->sources[i]),
        .msg_iov = &receiver->parts[i],
        .msg_iovlen = 1,
        .msg_control = receiver->rooms[i].bytes,
        .msg_controllen = sizeof(receiver->rooms[i].bytes)};
}

struct load_receiver *load_receiver_create(int socket_, unsigned depth) {
    struct load_receiver *receiver = calloc(1, sizeof(*receiver));
    uint8_t *memory = calloc(depth, receive_stride);
    if (receiver == NULL || memory == NULL) return NULL;
    *receiver = (struct load_receiver){.socket = socket_,
        .depth = depth,
        .headers = calloc(depth, sizeof(*receiver->headers)),
        .sources = calloc(depth, sizeof(*receiver->sources)),
        .parts = calloc(depth, sizeof(*receiver->parts)),
        .rooms = calloc(depth, sizeof(*receiver->rooms)),
        .datagrams = calloc(depth, sizeof(*receiver->datagrams))};
    if (receiver->headers == NULL || receiver->sources == NULL || receiver->parts == NULL
        || receiver->rooms == NULL || receiver->datagrams == NULL)
        return NULL;
    for (unsigned i = 0; i < depth; i++) {
        receiver->datagrams[i].bytes = memory + (size_t)i * receive_stride;
        receiver->parts[i] = (struct iovec){receiver->datagrams[i].bytes, receive_room};
        prepare(receiver, i);
    }
    return receiver;
}

int load_receive(struct load_receiver *receiver) {
    // What the kernel has written over: name and control lengths, flags.
    for (unsigned i = 0; i < receiver->used; i++) prepare(receiver, i);
    receiver->used = 0;
    int received =
        recvmmsg(receiver->socket, receiver->headers, receiver->depth, MSG_DONTWAIT, NULL);
    if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    receiver->used = (unsigned)received;
    for (int i = 0; i < received; i++) {
        struct load_incoming *datagram = &receiver->datagrams[i];
        struct mmsghdr *header = &receiver->headers[i];
        datagram->count = header->msg_len;
        datagram->segment = header->msg_len;
        datagram->traffic_class = 0;
        datagram->stamp = 0;
        datagram->source = ntohl(receiver->sources[i].sin_addr.s_addr);
        datagram->source_port = ntohs(receiver->sources[i].sin_port);
        datagram->was_truncated = (header->msg_hdr.msg_flags & MSG_TRUNC) != 0;
        read_control(&header->msg_hdr, datagram);
    }
    return received;
}

const struct load_incoming *load_received(const struct load_receiver *receiver) {
    return receiver->datagrams;
}

void load_md5(const uint8_t *bytes, size_t count, uint8_t *digest) {
    MD5(bytes, count, digest);
}

void load_hmac_sha1(
    const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t *digest) {
    unsigned written = 0;
    HMAC(EVP_sha1(), key, (int)key_count, bytes, count, digest, &written);
}
