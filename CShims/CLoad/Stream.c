#define _GNU_SOURCE
#include "Stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/// The most that one TLS record carries.
enum { record_limit = 16384 };

struct load_tls {
    SSL_CTX *context;
    SSL_SESSION *last;
    int resumes;
};

/// Bytes from `first` to `end` of `room`.
struct buffer {
    uint8_t *bytes;
    size_t room, first, end;
};

struct load_stream {
    int socket;
    int is_connected;
    struct load_tls *shared;
    SSL *tls;
    struct buffer out, in;
};

/// Keeps the session that came last; every stream of the context brings its own.
static int keep_session(SSL *tls, SSL_SESSION *session) {
    struct load_tls *shared = SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls));
    SSL_SESSION_free(shared->last);
    shared->last = session;
    return 1;
}

struct load_tls *load_tls_create(int version, int resumes) {
    struct load_tls *shared = calloc(1, sizeof(*shared));
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (shared == NULL || context == NULL) return NULL;
    shared->context = context;
    shared->resumes = resumes;
    int bound = version == 12 ? TLS1_2_VERSION : version == 13 ? TLS1_3_VERSION : 0;
    if (bound != 0
        && (!SSL_CTX_set_min_proto_version(context, bound)
            || !SSL_CTX_set_max_proto_version(context, bound)))
        return NULL;
    SSL_CTX_set_app_data(context, shared);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Several records with one read, as far as they are there.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 4 * record_limit);
    if (resumes) {
        SSL_CTX_set_session_cache_mode(
            context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
    }
    return shared;
}

/// A socket on its way to the place, or -1 with errno.
static int start(uint32_t source, uint32_t address, uint16_t port) {
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(source)}};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
    int opened = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0) return -1;
    // What is written leaves at once; a port is chosen with the place in view, so that they do not run out.
    (void)setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(opened, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if ((source == 0 || bind(opened, (struct sockaddr *)&from, sizeof(from)) == 0)
        && (connect(opened, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS))
        return opened;
    int refusal = errno;
    close(opened);
    errno = refusal;
    return -1;
}

/// Lets TLS of a client begin on the connection. Returns 0: no memory.
static int begin_tls(struct load_stream *stream) {
    struct load_tls *shared = stream->shared;
    stream->tls = SSL_new(shared->context);
    if (stream->tls == NULL || !SSL_set_fd(stream->tls, stream->socket)) return 0;
    SSL_set_connect_state(stream->tls);
    if (shared->resumes && shared->last != NULL) SSL_set_session(stream->tls, shared->last);
    return 1;
}

struct load_stream *load_stream_open(
    uint32_t source, uint32_t address, uint16_t port, struct load_tls *tls, size_t room) {
    struct load_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL) return NULL;
    stream->shared = tls;
    stream->out = (struct buffer){.bytes = malloc(room), .room = room};
    stream->in = (struct buffer){.bytes = malloc(room), .room = room};
    stream->socket = start(source, address, port);
    if (stream->socket < 0 || stream->out.bytes == NULL || stream->in.bytes == NULL
        || (tls != NULL && !begin_tls(stream))) {
        int refusal = errno;
        load_stream_close(stream);
        errno = refusal;
        return NULL;
    }
    return stream;
}

/// What TLS says of a call that did not succeed.
static enum load_progress progress_of(struct load_stream *stream, int result) {
    int why = SSL_get_error(stream->tls, result);
    ERR_clear_error();
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? load_waits : load_failed;
}

enum load_progress load_stream_connect(struct load_stream *stream) {
    if (!stream->is_connected) {
        struct sockaddr_in peer;
        socklen_t count = sizeof(peer);
        if (getpeername(stream->socket, (struct sockaddr *)&peer, &count) != 0) {
            int why = 0;
            socklen_t size = sizeof(why);
            (void)getsockopt(stream->socket, SOL_SOCKET, SO_ERROR, &why, &size);
            return errno == ENOTCONN && why == 0 ? load_waits : load_failed;
        }
        stream->is_connected = 1;
    }
    if (stream->tls == NULL) return load_done;
    int result = SSL_do_handshake(stream->tls);
    return result == 1 ? load_done : progress_of(stream, result);
}

int load_stream_is_resumed(const struct load_stream *stream) {
    return stream->tls != NULL && SSL_session_reused(stream->tls);
}

/// Moves what a buffer holds to its front.
static void compact(struct buffer *buffer) {
    memmove(buffer->bytes, buffer->bytes + buffer->first, buffer->end - buffer->first);
    buffer->end -= buffer->first;
    buffer->first = 0;
}

uint8_t *load_stream_append(struct load_stream *stream, size_t count) {
    struct buffer *out = &stream->out;
    if (out->room - out->end < count) compact(out);
    if (out->room - out->end < count) return NULL;
    uint8_t *place = out->bytes + out->end;
    out->end += count;
    return place;
}

/// One write: the bytes taken, 0: none now, -errno.
static long write_some(struct load_stream *stream, const uint8_t *bytes, size_t count) {
    if (stream->tls == NULL) {
        ssize_t sent = send(stream->socket, bytes, count, MSG_NOSIGNAL);
        return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    int written = SSL_write(stream->tls, bytes, (int)(count < record_limit ? count : record_limit));
    if (written > 0) return written;
    return progress_of(stream, written) == load_waits ? 0 : -EPIPE;
}

int load_stream_flush(struct load_stream *stream) {
    struct buffer *out = &stream->out;
    while (out->first < out->end) {
        long written = write_some(stream, out->bytes + out->first, out->end - out->first);
        if (written < 0) return (int)written;
        if (written == 0) return 0;
        out->first += (size_t)written;
    }
    out->first = out->end = 0;
    return 0;
}

int load_stream_has_waiting(const struct load_stream *stream) {
    return stream->out.first < stream->out.end;
}

long load_stream_read(struct load_stream *stream) {
    struct buffer *in = &stream->in;
    if (in->first == in->end) in->first = in->end = 0;
    // A frame is never longer than half the room, so that moving is rare.
    if (in->room - in->end < in->room / 2) compact(in);
    size_t room = in->room - in->end;
    if (room == 0) return -ENOBUFS;
    long count;
    if (stream->tls == NULL) {
        count = recv(stream->socket, in->bytes + in->end, room, 0);
        if (count == 0) return -EPIPE;
        if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    } else {
        count = SSL_read(stream->tls, in->bytes + in->end, (int)room);
        if (count <= 0) return progress_of(stream, (int)count) == load_waits ? 0 : -EPIPE;
    }
    in->end += (size_t)count;
    return count;
}

const uint8_t *load_stream_bytes(const struct load_stream *stream) {
    return stream->in.bytes + stream->in.first;
}

size_t load_stream_count(const struct load_stream *stream) {
    return stream->in.end - stream->in.first;
}

void load_stream_take(struct load_stream *stream, size_t count) {
    stream->in.first += count;
}

void load_stream_idle(struct load_stream *stream) {
    SSL_free(stream->tls);
    free(stream->out.bytes);
    free(stream->in.bytes);
    stream->tls = NULL;
    stream->out = stream->in = (struct buffer){0};
}

void load_stream_close(struct load_stream *stream) {
    if (stream->tls != NULL && SSL_is_init_finished(stream->tls)) {
        // A session that was not closed would not be resumed.
        (void)SSL_shutdown(stream->tls);
        ERR_clear_error();
    }
    load_stream_idle(stream);
    if (stream->socket >= 0) close(stream->socket);
    free(stream);
}

struct load_watch {
    int descriptor;
};

struct load_watch *load_watch_create(void) {
    struct load_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) return NULL;
    watch->descriptor = epoll_create1(EPOLL_CLOEXEC);
    return watch->descriptor >= 0 ? watch : NULL;
}

int load_watch_add(struct load_watch *watch, const struct load_stream *stream, uint32_t number) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = number}};
    int result = epoll_ctl(watch->descriptor, EPOLL_CTL_ADD, stream->socket, &event);
    return result == 0 ? 0 : -errno;
}

int load_watch_look(struct load_watch *watch, uint32_t *numbers, int limit) {
    struct epoll_event events[64];
    int found = epoll_wait(watch->descriptor, events, limit < 64 ? limit : 64, 0);
    for (int i = 0; i < found; i++) numbers[i] = events[i].data.u32;
    return found > 0 ? found : 0;
}
