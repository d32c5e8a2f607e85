#define _GNU_SOURCE

#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <linux/errqueue.h>
#include <numa.h>
#include <numaif.h>

static int is_error(const struct cmsghdr *control)
{
	return control->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err)) &&
	       ((control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR) ||
		(control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR));
}

int turnpike_take_error(int socket, struct turnpike_queued_error *error)
{
	_Alignas(struct cmsghdr) unsigned char control[512];
	struct msghdr message = {
		.msg_name = error->name,
		.msg_namelen = sizeof(error->name),
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return errno;
	error->is_icmp = 0;
	error->name_size = message.msg_namelen;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct sock_extended_err what;

		if (!is_error(c))
			continue;
		memcpy(&what, CMSG_DATA(c), sizeof(what));
		error->is_icmp = what.ee_origin == SO_EE_ORIGIN_ICMP ||
				 what.ee_origin == SO_EE_ORIGIN_ICMP6;
		error->type = what.ee_type;
		error->code = what.ee_code;
		error->info = what.ee_info;
	}
	return 0;
}

const char *turnpike_error_name(int error)
{
	return strerrorname_np(error);
}

const char *turnpike_error_text(int error)
{
	return strerrordesc_np(error);
}

int turnpike_keep_thread(const int32_t *cpus, int count)
{
	unsigned char bits[turnpike_cpu_limit / 8] = { 0 };

	for (int i = 0; i < count; i++) {
		if (cpus[i] < 0 || cpus[i] >= turnpike_cpu_limit)
			return EINVAL;
		CPU_SET_S((unsigned)cpus[i], sizeof(bits), (cpu_set_t *)bits);
	}
	return sched_setaffinity(0, sizeof(bits), (cpu_set_t *)bits) == 0 ? 0 : errno;
}

int turnpike_allowed_cpus(int32_t *cpus, int limit)
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

int turnpike_current_cpu(void)
{
	return sched_getcpu();
}

int turnpike_node_of_cpu(int cpu)
{
	return numa_available() < 0 ? -1 : numa_node_of_cpu(cpu);
}

int turnpike_prefer_node(void *address, size_t count, int node)
{
	enum { bits_each = 8 * sizeof(unsigned long), words = 16 };
	unsigned long mask[words] = { 0 };

	if (node < 0 || node >= words * bits_each)
		return EINVAL;
	mask[node / bits_each] = 1UL << (node % bits_each);
	return mbind(address, count, MPOL_PREFERRED, mask, words * bits_each, 0) == 0 ? 0 : errno;
}

int turnpike_name_thread(const char *name)
{
	return pthread_setname_np(pthread_self(), name);
}
