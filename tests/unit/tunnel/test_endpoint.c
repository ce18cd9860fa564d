/* Endpoints that move while others read them. Run under -Db_sanitize=thread too. */
#include "tunnel/harness.h"

#include <pthread.h>

#include "tunnel/endpoint.h"

static struct eg_endpoint_at at_of(const char *address, uint16_t port)
{
	struct eg_endpoint_at at = {.port = port};
	struct eg_ip ip;

	assert_int_equal(eg_ip_parse(address, &ip), 0);
	memcpy(at.address, ip.bytes, sizeof(at.address));
	return at;
}

static void expect(const struct eg_endpoint *endpoint, const char *want)
{
	char text[EG_ENDPOINT_TEXT];

	assert_string_equal(eg_endpoint_print(endpoint, text), want);
}

static void test_follow(void **state)
{
	static const struct {
		const char *address;
		uint16_t port;
		bool moves;
		const char *v4, *v6;
	} steps[] = {
		{"192.0.2.2", 4500, false, "192.0.2.2:4500", NULL},
		{"192.0.2.2", 61000, true, "192.0.2.2:61000", NULL},
		{"192.0.2.2", 61000, false, "192.0.2.2:61000", NULL},
		{"198.51.100.7", 61000, true, "198.51.100.7:61000", NULL},
		{"192.0.2.2", 4500, true, "192.0.2.2:4500", NULL},
		{"2001:db8::2", 4500, false, NULL, "[2001:db8::2]:4500"},
		{"2001:db8::2", 1, true, NULL, "[2001:db8::2]:1"},
		{"2001:db8::1:2", 1, true, NULL, "[2001:db8::1:2]:1"},
		{"2001:db8:1::2", 65535, true, NULL, "[2001:db8:1::2]:65535"},
	};
	struct eg_endpoint *endpoint[2];
	struct eg_ip ip;
	uint32_t changes[2] = {0};

	(void)state;
	eg_ip_parse("192.0.2.2", &ip);
	endpoint[0] = eg_endpoint_new(&ip, 4500);
	eg_ip_parse("2001:db8::2", &ip);
	endpoint[1] = eg_endpoint_new(&ip, 4500);
	assert_true(endpoint[0] && endpoint[1]);
	for (unsigned i = 0; i < COUNT(steps); i++) {
		struct eg_endpoint_at at = at_of(steps[i].address, steps[i].port);
		unsigned v6 = steps[i].v6 != NULL;

		assert_int_equal(eg_endpoint_follow(endpoint[v6], &at), steps[i].moves);
		expect(endpoint[v6], v6 ? steps[i].v6 : steps[i].v4);
		changes[v6] += steps[i].moves;
		assert_int_equal(endpoint[v6]->version, changes[v6]);
	}
	assert_ptr_equal(eg_endpoint_retain(endpoint[0]), endpoint[0]);
	eg_endpoint_release(endpoint[0]);
	expect(endpoint[0], "192.0.2.2:4500");
	eg_endpoint_release(endpoint[0]);
	eg_endpoint_release(endpoint[1]);
	eg_endpoint_release(NULL);
	assert_null(eg_endpoint_retain(NULL));
}

#define MOVES 1000000

static void fill(struct eg_endpoint_at *at, uint8_t n)
{
	memset(at->address, n, sizeof(at->address));
	at->port = (uint16_t)(n << 8 | n);
}

struct race {
	struct eg_endpoint *endpoint;
	_Atomic unsigned done; /* writers */
};

static void *move(void *arg)
{
	struct race *race = arg;
	struct eg_endpoint_at at;

	for (unsigned i = 0; i < MOVES; i++) {
		fill(&at, (uint8_t)(i % 250 + 1));
		eg_endpoint_follow(race->endpoint, &at);
	}
	race->done++;
	return NULL;
}

/* Whatever two writers do, what is read is one endpoint and no mixture of two. */
static void test_threads(void **state)
{
	struct eg_ip ip = {.family = 6};
	struct race race = {0};
	struct eg_endpoint *endpoint;
	pthread_t writers[2];
	unsigned torn = 0;

	(void)state;
	memset(ip.bytes, 7, sizeof(ip.bytes));
	endpoint = race.endpoint = eg_endpoint_new(&ip, 0x0707);
	assert_non_null(endpoint);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, move, &race), 0);
	while (race.done < 2) {
		struct eg_endpoint_at got = eg_endpoint_get(endpoint), whole;

		fill(&whole, got.address[0]);
		torn += !eg_endpoint_at_equal(&got, &whole);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(torn, 0);
	assert_in_range(endpoint->version, 1, 2 * MOVES);
	assert_false(endpoint->writing);
	eg_endpoint_release(endpoint);
}

int run_endpoint_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("route endpoints", tests, NULL, NULL);
}
