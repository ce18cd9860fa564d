/* The typed readers: the value of each valid text, and the message for each invalid one. */
#include "conf_tests.h"

#include "conf/read.h"

enum type {
	BOOL,
	U64, /* 10-20 */
	DURATION,
	BYTES,
	IP,
	HOST_IP,
	PREFIX,
	ENUM,
};

static bool read_one(enum type type, struct eg_read *rd, const struct eg_node *node, uint64_t *out)
{
	static const char *const words[] = {"clear", "encrypted"};
	struct eg_prefix prefix;
	struct eg_ip ip;
	unsigned word;
	bool flag, ok;

	switch (type) {
	case BOOL:
		ok = eg_read_bool(rd, node, &flag);
		*out = ok && flag;
		return ok;
	case U64:
		return eg_read_u64(rd, node, 10, 20, out);
	case DURATION:
		return eg_read_duration_ns(rd, node, out);
	case BYTES:
		return eg_read_bytes(rd, node, out);
	case IP:
	case HOST_IP:
		ok = type == IP ? eg_read_ip(rd, node, &ip) : eg_read_host_ip(rd, node, &ip);
		*out = ok ? ip.bytes[0] : 0;
		return ok;
	case PREFIX:
		ok = eg_read_prefix(rd, node, &prefix);
		*out = ok ? prefix.len : 0;
		return ok;
	default:
		ok = eg_read_enum(rd, node, words, 2, &word);
		*out = ok ? word : 0;
		return ok;
	}
}

static void test_types(void **state)
{
	static const struct {
		enum type type;
		const char *text;
		uint64_t value;
		const char *lines; /* NULL: valid */
	} cases[] = {
		{BOOL, "true", 1, NULL},
		{BOOL, "\"false\"", 0, NULL},
		{BOOL, "True", 0, "t:1:2: a: expected true or false, found \"True\"\n"},
		{BOOL, "{}", 0, "t:1:2: a: expected a value, found a map\n"},
		{U64, "10", 10, NULL},
		{U64, "\"0x14\"", 20, NULL},
		{U64, "9", 0, "t:1:2: a: 9 is out of range (10-20)\n"},
		{U64, "21", 0, "t:1:2: a: 21 is out of range (10-20)\n"},
		{U64, "1e1", 0, "t:1:2: a: expected a number, found \"1e1\"\n"},
		{DURATION, "500ms", 500000000, NULL},
		{DURATION, "5", 0,
		 "t:1:2: a: expected a duration like 30s or 500ms, found \"5\"\n"},
		{DURATION, "999999999d", 0, "t:1:2: a: 999999999d is out of range\n"},
		{BYTES, "1GiB", 1 << 30, NULL},
		{BYTES, "12", 12, NULL},
		{BYTES, "1XB", 0, "t:1:2: a: expected a size like 4096 or 1GiB, found \"1XB\"\n"},
		{BYTES, "99999999TiB", 0, "t:1:2: a: 99999999TiB is out of range\n"},
		{IP, "224.0.0.1", 224, NULL},
		{IP, "10.0.0", 0, "t:1:2: a: expected an IP address, found \"10.0.0\"\n"},
		{IP, "[10.0.0.1]", 0, "t:1:2: a: expected a value, found a list\n"},
		{HOST_IP, "223.255.255.255", 223, NULL},
		{HOST_IP, "\"::2\"", 0, NULL},
		{HOST_IP, "\"fe80::1\"", 0xfe, NULL},
		{HOST_IP, "240.0.0.1", 0, "t:1:2: a: 240.0.0.1 is not a host's unicast address\n"},
		{PREFIX, "\"::/0\"", 0, NULL},
		{PREFIX, "10.0.0.1/32", 32, NULL},
		{PREFIX, "10.0.0.1/31", 0,
		 "t:1:2: a: 10.0.0.1/31 has host bits set (did you mean 10.0.0.0/31?)\n"},
		{ENUM, "encrypted", 1, NULL},
		{ENUM, "clea", 0, "t:1:2: a: unknown \"clea\" (did you mean \"clear\"?)\n"},
		{ENUM, "other", 0, "t:1:2: a: unknown \"other\" (one of: clear, encrypted)\n"},
		{ENUM, "~", 0, "t:1:2: a: expected a value, found nothing\n"},
		{ENUM, "\"\"", 0, "t:1:2: a: unknown \"\" (one of: clear, encrypted)\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_tree tree;
		struct eg_errs errs = {0};
		struct eg_read rd = {.errs = &errs};
		uint64_t value = 0;
		struct eg_buf text = {0};

		/* Inside a list: null alone would be an empty document. */
		eg_buf_add(&text, "[%s]", cases[i].text);
		tree = read_tree(text.v);
		eg_read_enter(&rd, "a");
		assert_int_equal(read_one(cases[i].type, &rd, tree.docs->child, &value),
				 !cases[i].lines);
		assert_messages(&errs, cases[i].lines ? cases[i].lines : "");
		assert_int_equal(value, cases[i].value);
		eg_read_end(&rd);
		eg_tree_free(&tree);
		eg_buf_free(&text);
	}
}

static void test_path(void **state)
{
	struct eg_errs errs = {0};
	struct eg_read rd = {.errs = &errs};
	size_t peers, item;

	(void)state;
	peers = eg_read_enter(&rd, "peers");
	eg_read_enter(&rd, "%s", "b");
	item = eg_read_enter(&rd, "sas");
	eg_read_enter(&rd, "[%d]", 1);
	assert_string_equal(rd.path.v, "peers.b.sas[1]");
	eg_read_leave(&rd, item);
	assert_string_equal(rd.path.v, "peers.b");
	eg_read_leave(&rd, peers);
	assert_string_equal(rd.path.v, "");
	eg_read_end(&rd);
}

int run_read_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests_name("conf readers", tests, NULL, NULL);
}
