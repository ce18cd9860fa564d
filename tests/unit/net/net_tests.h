/* One cmocka group per file; test_net.c runs them all. Each returns the number of failed tests. */
#ifndef NET_TESTS_H
#define NET_TESTS_H

#include "common/test.h"

#include "net/parse.h"

int run_tcp_tests(void);
int run_partial_tests(void);
int run_checksum_tests(void);
int run_parse_tests(void);
int run_parse_random_tests(void);

/* The packets that test_parse.c's table accepts, for tests that truncate and mutate them. */
#define NET_PACKET_MAX 512

struct net_packet {
	size_t n;
	uint8_t bytes[NET_PACKET_MAX];
};

size_t net_valid_count(void);
struct net_packet net_valid(size_t index);

/* Fill in the IPv4 header checksum if the header is complete. */
void net_fix_checksum(uint8_t *packet, size_t n);

/* Checksum field for n bytes, computed the slow and obvious way (RFC 1071). */
uint16_t net_naive_checksum(const uint8_t *bytes, size_t n);

/* A copy that ends where its allocation ends, so that ASan catches reads past it. */
uint8_t *net_exact_copy(const uint8_t *bytes, size_t n);

#endif
