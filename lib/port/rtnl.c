#include "port/rtnl.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	} body;
	char attributes[128];
};

static void start(struct request *request, unsigned type, unsigned flags, size_t body)
{
	*request = (struct request){
		.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body),
		.head.nlmsg_type = (uint16_t)type,
		.head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
	};
}

/* The attributes of every request here fit. */
static void add(struct request *request, unsigned type, const void *value, size_t len)
{
	struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->head.nlmsg_len));

	attribute->rta_type = (uint16_t)type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), value, len);
	request->head.nlmsg_len =
		(uint32_t)(NLMSG_ALIGN(request->head.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
}

/* Send the request and return the kernel's result. */
static int request_kernel(const struct request *request)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return -errno;
	n = send(fd, request, request->head.nlmsg_len, 0);
	if (n >= 0)
		n = recv(fd, &reply, sizeof(reply), 0);
	if (n < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	if ((size_t)n < NLMSG_LENGTH(sizeof(reply.error)) || reply.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return reply.error.error;
}

int eg_rtnl_up(unsigned ifindex, unsigned mtu)
{
	struct request request;

	start(&request, RTM_NEWLINK, 0, sizeof(request.body.link));
	request.body.link = (struct ifinfomsg){
		.ifi_family = AF_UNSPEC,
		.ifi_index = (int)ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	add(&request, IFLA_MTU, &mtu, sizeof(mtu));
	return request_kernel(&request);
}

int eg_rtnl_address(unsigned ifindex, const struct eg_prefix *address, bool present)
{
	bool v4 = address->ip.family == 4;
	size_t len = v4 ? 4 : 16;
	struct request request;
	int err;

	start(&request, present ? RTM_NEWADDR : RTM_DELADDR,
	      present ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(request.body.address));
	request.body.address = (struct ifaddrmsg){
		.ifa_family = v4 ? AF_INET : AF_INET6,
		.ifa_prefixlen = address->len,
		.ifa_flags = v4 ? 0 : IFA_F_NODAD,
		.ifa_index = ifindex,
	};
	add(&request, IFA_LOCAL, address->ip.bytes, len);
	add(&request, IFA_ADDRESS, address->ip.bytes, len);
	err = request_kernel(&request);
	return err == (present ? -EEXIST : -EADDRNOTAVAIL) ? 0 : err;
}
