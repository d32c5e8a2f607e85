#pragma once

/* First, so that glibc fixes its feature set before liburing.h defines _XOPEN_SOURCE:
 * that would change fd_set, and the definition would then clash with Swift's Glibc module. */
#include <features.h>

#include <liburing.h>

/* What newer headers name and the oldest headers we build with do not. */

/* Linux 6.12: io_uring_enter takes a time to gather completions in before one is enough. */
#ifndef IORING_FEAT_MIN_TIMEOUT
#define IORING_FEAT_MIN_TIMEOUT (1U << 15)
#endif

/* Linux 6.15: a wait need not count as waiting for a disk. */
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

/* struct io_uring_getevents_arg; its third field was called `pad` before Linux 6.12. */
struct turnpike_wait_argument {
	__u64 signal_mask;
	__u32 signal_mask_size;
	__u32 minimum_wait_usec;
	__u64 timeout;
};

_Static_assert(sizeof(struct turnpike_wait_argument) == sizeof(struct io_uring_getevents_arg),
	       "the kernel checks the size");

/* Entry i of the submission array names SQE i for ever, so that a flush is one store. */
static inline void turnpike_ring_fix_submission_array(struct io_uring *ring)
{
	if (!ring->sq.array)
		return;
	for (unsigned i = 0; i < ring->sq.ring_entries; i++)
		ring->sq.array[i] = i;
}

/* Shows the kernel every SQE filled so far; returns how many it has not taken yet. */
static inline unsigned turnpike_ring_flush(struct io_uring *ring)
{
	struct io_uring_sq *sq = &ring->sq;

	if (sq->sqe_head != sq->sqe_tail) {
		sq->sqe_head = sq->sqe_tail;
		io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	}
	return sq->sqe_tail - io_uring_smp_load_acquire(sq->khead);
}

/* Submits without waiting and without running completions. */
static inline int turnpike_ring_submit(struct io_uring *ring, unsigned submit, unsigned flags)
{
	return io_uring_enter2(ring->enter_ring_fd, submit, 0, flags, NULL, 0);
}

/* Submits and waits in one system call. A timeout of NULL waits for ever. */
static inline int turnpike_ring_submit_and_wait(struct io_uring *ring, unsigned submit,
						unsigned minimum, unsigned flags,
						unsigned minimum_wait_usec,
						const struct __kernel_timespec *timeout)
{
	struct turnpike_wait_argument argument = {
		.minimum_wait_usec = minimum_wait_usec,
		.timeout = (__u64)(uintptr_t)timeout,
	};

	return io_uring_enter2(ring->enter_ring_fd, submit, minimum,
			       flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
			       (sigset_t *)&argument, sizeof(argument));
}

static inline unsigned turnpike_ring_completion_tail(const struct io_uring *ring)
{
	return io_uring_smp_load_acquire(ring->cq.ktail);
}

static inline const struct io_uring_cqe *turnpike_ring_completion(const struct io_uring *ring,
								   unsigned position)
{
	return &ring->cq.cqes[position & ring->cq.ring_mask];
}

/* Replaces what a completion says it is for; the kernel has written it and looks at it no more. */
static inline void turnpike_ring_relabel_completion(struct io_uring *ring, unsigned position,
						     __u64 user_data)
{
	ring->cq.cqes[position & ring->cq.ring_mask].user_data = user_data;
}

/* Gives the kernel back every completion before `position`. */
static inline void turnpike_ring_set_completion_head(struct io_uring *ring, unsigned position)
{
	io_uring_smp_store_release(ring->cq.khead, position);
}

/* True while the kernel keeps completions aside because the completion queue was full. */
static inline bool turnpike_ring_has_overflowed(const struct io_uring *ring)
{
	return (IO_URING_READ_ONCE(*ring->sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
}

/* Completions lost because the kernel had no memory left to keep them aside. */
static inline unsigned turnpike_ring_lost_completions(const struct io_uring *ring)
{
	return IO_URING_READ_ONCE(*ring->cq.koverflow);
}

/* Ends every submission and closes the registered files, before the ring itself is closed: the
 * kernel would do that some time after. */
static inline void turnpike_ring_quiesce(struct io_uring *ring, unsigned flags)
{
	struct io_uring_sync_cancel_reg cancel = {
		.flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY,
		.timeout = { .tv_sec = 1 },
	};

	io_uring_register_sync_cancel(ring, &cancel);
	io_uring_enter2(ring->enter_ring_fd, 0, 0, flags | IORING_ENTER_GETEVENTS, NULL, 0);
	io_uring_unregister_files(ring);
}

static inline void turnpike_buffer_ring_add(struct io_uring_buf_ring *ring, void *address,
					    unsigned count, unsigned short buffer, int mask,
					    int offset)
{
	io_uring_buf_ring_add(ring, address, count, buffer, mask, offset);
}

static inline void turnpike_buffer_ring_advance(struct io_uring_buf_ring *ring, int count)
{
	io_uring_buf_ring_advance(ring, count);
}
