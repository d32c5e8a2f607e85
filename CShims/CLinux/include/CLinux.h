#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <numa.h>
#include <numaif.h>

/* Linux 4.18 and 5.0; older C libraries do not name them. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Errors: static strings, safe to use from any thread. NULL for a number without a name. */

static inline const char *turnpike_error_name(int error)
{
	return strerrorname_np(error);
}

static inline const char *turnpike_error_text(int error)
{
	return strerrordesc_np(error);
}

/* CPUs. Swift's Glibc module leaves out what needs _GNU_SOURCE. */

enum { turnpike_cpu_limit = 8192 };

/* Pins the calling thread. Returns 0 or a positive errno. */
static inline int turnpike_pin_thread(int cpu)
{
	unsigned char bits[turnpike_cpu_limit / 8] = { 0 };

	if (cpu < 0 || cpu >= turnpike_cpu_limit)
		return EINVAL;
	CPU_SET_S((unsigned)cpu, sizeof(bits), (cpu_set_t *)bits);
	return sched_setaffinity(0, sizeof(bits), (cpu_set_t *)bits) == 0 ? 0 : errno;
}

/* Writes the CPUs the calling thread may run on, in rising order; returns how many, or -errno. */
static inline int turnpike_allowed_cpus(int32_t *cpus, int limit)
{
	unsigned char bits[turnpike_cpu_limit / 8] = { 0 };
	int count = 0;

	if (sched_getaffinity(0, sizeof(bits), (cpu_set_t *)bits) != 0)
		return -errno;
	for (int cpu = 0; cpu < turnpike_cpu_limit && count < limit; cpu++)
		if (CPU_ISSET_S((unsigned)cpu, sizeof(bits), (cpu_set_t *)bits))
			cpus[count++] = cpu;
	return count;
}

static inline int turnpike_current_cpu(void)
{
	return sched_getcpu();
}

/* The NUMA node of a CPU, or -1 where the machine does not say. */
static inline int turnpike_node_of_cpu(int cpu)
{
	return numa_available() < 0 ? -1 : numa_node_of_cpu(cpu);
}

/* Asks for the pages of a mapping from one node; others serve when it is full. 0 or an errno. */
static inline int turnpike_prefer_node(void *address, size_t count, int node)
{
	enum { bits_each = 8 * sizeof(unsigned long), words = 16 };
	unsigned long mask[words] = { 0 };

	if (node < 0 || node >= words * bits_each)
		return EINVAL;
	mask[node / bits_each] = 1UL << (node % bits_each);
	return mbind(address, count, MPOL_PREFERRED, mask, words * bits_each, 0) == 0 ? 0 : errno;
}

/* Names the calling thread; at most 15 bytes are kept by the kernel. */
static inline int turnpike_name_thread(const char *name)
{
	return pthread_setname_np(pthread_self(), name);
}
