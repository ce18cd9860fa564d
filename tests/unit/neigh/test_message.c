/* ARP and ND messages: built frames against hand-written ones (checksums by Python), byte for byte;
 * built frames are parsed back; and invalid ones, made by overwriting bytes of a valid one, are
 * refused. */
#include "neigh_tests.h"

#include "common/hex.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "neigh/message.h"

static const struct eg_neigh_self self4 = {{2, 0, 0, 0, 0, 1}, {{10, 0, 0, 1}, 4}};
static const struct eg_neigh_self self6 = {{2, 0, 0, 0, 0, 1}, {{0xfd, [15] = 1}, 6}};
static const struct eg_ip target4 = {{10, 0, 0, 2}, 4};
static const struct eg_ip target6 = {{0xfd, [15] = 2}, 6};
static const uint8_t station[6] = {2, 0, 0, 0, 0, 2};

#define ETH_ARP(to) to " 020000000001 0806 0001 0800 06 04 "
#define PAD         " 000000000000000000000000000000000000"
#define FD(n)       " fd00000000000000000000000000000" n

static void assert_frame(const uint8_t *frame, uint32_t len, const char *want)
{
	uint8_t bytes[EG_NEIGH_FRAME_MAX];
	size_t n = hex_bytes(want, bytes, sizeof(bytes));

	assert_int_equal(len, n);
	assert_memory_equal(frame, bytes, n);
}

static void test_built(void **state)
{
	struct eg_neigh_message question = {
		.has_mac = true, .mac = {2, 0, 0, 0, 0, 2}, .reply_to = target4};
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	(void)state;
	assert_frame(
		frame, eg_neigh_request(frame, &self4, &target4, NULL),
		ETH_ARP("ffffffffffff") "0001 020000000001 0a000001 000000000000 0a000002" PAD);
	assert_frame(
		frame, eg_neigh_request(frame, &self4, &target4, station),
		ETH_ARP("020000000002") "0001 020000000001 0a000001 000000000000 0a000002" PAD);
	assert_frame(
		frame, eg_neigh_announce(frame, &self4),
		ETH_ARP("ffffffffffff") "0001 020000000001 0a000001 000000000000 0a000001" PAD);
	assert_frame(
		frame, eg_neigh_answer(frame, &self4, &question),
		ETH_ARP("020000000002") "0002 020000000001 0a000001 020000000002 0a000002" PAD);
	assert_frame(
		frame, eg_neigh_request(frame, &self6, &target6, NULL),
		"3333ff000002 020000000001 86dd 60000000 0020 3a ff" FD(
			"1") " ff0200000000000000000001ff000002 8700 7d97 00000000" FD("2") " 01 "
											    "01 "
											    "020000"
											    "00000"
											    "1");
	question.reply_to = target6;
	assert_frame(frame, eg_neigh_answer(frame, &self6, &question),
		     "020000000002 020000000001 86dd 60000000 0020 3a ff" FD("1")
			     FD("2") " 8800 9c9b e0000000" FD("1") " 02 01 020000000001");
	assert_frame(
		frame, eg_neigh_announce(frame, &self6),
		"333300000001 020000000001 86dd 60000000 0020 3a ff" FD(
			"1") " ff020000000000000000000000000001 8800 da9a a0000000" FD("1") " 02 "
											    "01 "
											    "020000"
											    "00000"
											    "1");
}

/* A frame built by one station is parsed by another. */
static void test_round_trip(void **state)
{
	const struct eg_neigh_self *selves[] = {&self4, &self6};
	const struct eg_ip *targets[] = {&target4, &target6};
	struct eg_neigh_message m;
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct eg_neigh_self other = {{2, 0, 0, 0, 0, 2}, *targets[i]};

		for (unsigned unicast = 0; unicast < 2; unicast++) {
			uint32_t len = eg_neigh_request(frame, selves[i], targets[i],
							unicast ? station : NULL);

			assert_true(eg_neigh_parse(frame, len, &m));
			assert_true(m.request && m.has_mac && !m.reply && !m.probe);
			assert_true(eg_ip_equal(&m.target, targets[i]));
			assert_true(eg_ip_equal(&m.owner, &selves[i]->ip));
			assert_memory_equal(m.mac, selves[i]->mac, 6);
		}
		assert_true(eg_neigh_parse(frame, eg_neigh_answer(frame, &other, &m), &m));
		assert_true(m.reply && m.has_mac && m.override && !m.request && !m.probe);
		assert_true(eg_ip_equal(&m.owner, targets[i]));
		assert_memory_equal(m.mac, station, 6);
		assert_true(eg_neigh_parse(frame, eg_neigh_announce(frame, &other), &m));
		assert_true(!m.reply && !m.request && m.has_mac && m.override);
		assert_true(eg_ip_equal(&m.owner, targets[i]));
	}
}

/* RFC 5227 s2.1.1, RFC 4862 s5.4.2: a request without a source address is a probe for duplicates.
 */
static void test_probes(void **state)
{
	struct eg_neigh_self nobody4 = self4, nobody6 = self6;
	struct eg_neigh_message m;
	uint8_t frame[EG_NEIGH_FRAME_MAX];
	uint32_t len;

	(void)state;
	memset(nobody4.ip.bytes, 0, 16);
	memset(nobody6.ip.bytes, 0, 16);
	len = eg_neigh_request(frame, &nobody4, &target4, NULL);
	assert_true(eg_neigh_parse(frame, len, &m));
	assert_true(m.request && m.probe && !m.has_mac && !m.owner.family);

	len = eg_neigh_request(frame, &nobody6, &target6, NULL);
	assert_false(eg_neigh_parse(frame, len, &m)); /* :: with an option: RFC 4861 s7.1.1 */
	len -= 8;
	eg_put16(frame + 18, 24);
	eg_put16(frame + 56, 0);
	eg_put16(frame + 56,
		 eg_checksum_fold(eg_checksum_add6((void *)(frame + 14), 58, frame + 54, 24)));
	assert_true(eg_neigh_parse(frame, len, &m));
	assert_true(m.request && m.probe && !m.has_mac && !m.owner.family);
}

struct corrupted {
	const char *what;
	unsigned at;
	const char *bytes;
	bool right;
};

static void fix_checksum(uint8_t *frame, uint32_t len)
{
	if (frame[12] != 0x86)
		return;
	eg_put16(frame + 56, 0);
	eg_put16(frame + 56, eg_checksum_fold(eg_checksum_add6((void *)(frame + 14), 58, frame + 54,
							       len - 54)));
}

static void run_corrupted(const struct corrupted *rows, size_t n, const uint8_t *right,
			  uint32_t len)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *frame = malloc(len); /* ASan catches reads past it */
		struct eg_neigh_message m;

		memcpy(frame, right, len);
		hex_bytes(rows[i].bytes, frame + rows[i].at, len - rows[i].at);
		if (strcmp(rows[i].what, "checksum"))
			fix_checksum(frame, len);
		if (eg_neigh_parse(frame, len, &m) != rows[i].right)
			fail_msg("%s: %s", rows[i].what, rows[i].right ? "refused" : "taken");
		free(frame);
	}
	for (uint32_t cut = 0; cut < len; cut++) { /* no truncated frame is read beyond its end */
		uint8_t *frame = malloc(cut + 1);
		struct eg_neigh_message m;

		memcpy(frame, right, cut);
		if (right[12] == 0x86 || cut < 42)
			assert_false(eg_neigh_parse(frame, cut, &m));
		free(frame);
	}
}

static void test_corrupted_arp(void **state)
{
	static const struct corrupted rows[] = {
		{"valid", 0, "", true},
		{"hardware type", 14, "0002", false},
		{"protocol type", 16, "86dd", false},
		{"hardware length", 18, "08", false},
		{"protocol length", 19, "10", false},
		{"RARP", 20, "0003", false},
		{"operation 0", 20, "0000", false},
		{"group MAC", 22, "03", false},
		{"zero MAC", 22, "000000000000", false},
		{"sender 127", 28, "7f", false},
		{"sender multicast", 28, "e0", false},
		{"reply from 0.0.0.0", 28, "00000000", false},
		{"target 0.0.0.0", 38, "00000000", false},
		{"target broadcast", 38, "ffffffff", false},
		{"group source", 6, "03", false},
		{"other EtherType", 12, "0800", false},
	};
	struct eg_neigh_message question = {
		.has_mac = true, .mac = {2, 0, 0, 0, 0, 2}, .reply_to = target4};
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	(void)state;
	run_corrupted(rows, COUNT(rows), frame, eg_neigh_answer(frame, &self4, &question));
}

static void test_corrupted_nd(void **state)
{
	static const struct corrupted solicit[] = {
		{"valid", 0, "", true},
		{"checksum", 60, "01", false},
		{"hop limit 254", 21, "fe", false},
		{"extension header", 20, "00", false},
		{"code", 55, "01", false},
		{"router solicitation", 54, "85", false},
		{"target group", 62, "ff", false},
		{"payload beyond the end", 18, "0028", false},
		{"option of length 0", 79, "00", false},
		{"option beyond the end", 79, "02", false},
		{"group MAC", 80, "03", false},
		{"unknown option", 78, "0e", true},
		{"source group", 22, "ff", false},
		{"from :: with an option", 22, "00000000000000000000000000000000", false},
	};
	static const struct corrupted advert[] = {
		{"valid", 0, "", true},
		{"from ::", 22, "00000000000000000000000000000000", false},
		{"solicited but multicast", 38, "ff", false},
		{"unsolicited, multicast", 58, "20", true},
	};
	struct eg_neigh_message question = {
		.has_mac = true, .mac = {2, 0, 0, 0, 0, 2}, .reply_to = target6};
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	(void)state;
	run_corrupted(solicit, COUNT(solicit), frame,
		      eg_neigh_request(frame, &self6, &target6, NULL));
	run_corrupted(advert, COUNT(advert), frame, eg_neigh_answer(frame, &self6, &question));
}

/* A reply is for the station that asked: a reply to all, or one that names a station other than the
 * frame's destination, is not a reply. It still announces its owner. */
static void test_answers_to_others(void **state)
{
	static const struct {
		const char *frame_to, *target_mac;
		bool answers;
	} rows[] = {
		{"020000000002", "020000000002", true},  {"020000000003", "020000000002", false},
		{"020000000002", "020000000003", false}, {"ffffffffffff", "ffffffffffff", false},
		{"020000000002", "000000000000", false},
	};
	struct eg_neigh_message question = {
		.has_mac = true, .mac = {2, 0, 0, 0, 0, 2}, .reply_to = target4};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t frame[EG_NEIGH_FRAME_MAX];
		uint32_t len = eg_neigh_answer(frame, &self4, &question);
		struct eg_neigh_message m;

		hex_bytes(rows[i].frame_to, frame, 6);
		hex_bytes(rows[i].target_mac, frame + 32, 6);
		assert_true(eg_neigh_parse(frame, len, &m));
		if (m.reply != rows[i].answers)
			fail_msg("row %zu: answers %d", i, m.reply);
		assert_true(m.has_mac && eg_ip_equal(&m.owner, &self4.ip));
	}
}

/* Duplicate address detection uses the group (RFC 4861 s7.1.1); unicast it is refused. */
static void test_probe_to_one(void **state)
{
	struct eg_neigh_self nobody = self6;
	struct eg_neigh_message m;
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	(void)state;
	for (unsigned unicast = 0; unicast < 2; unicast++) {
		memset(nobody.ip.bytes, 0, 16);
		eg_neigh_request(frame, &nobody, &target6, NULL);
		if (unicast)
			memcpy(frame + 38, target6.bytes, 16);
		eg_put16(frame + 18, 24); /* without the option */
		fix_checksum(frame, 78);
		assert_int_equal(eg_neigh_parse(frame, 78, &m), !unicast);
	}
}

/* A link-layer address of another length is not Ethernet's (RFC 2464 s6) and must not be truncated.
 */
static void test_option_length(void **state)
{
	struct eg_neigh_message m;
	uint8_t frame[EG_NEIGH_FRAME_MAX + 16] = {0};
	uint32_t len;

	(void)state;
	for (unsigned words = 1; words <= 3; words++) {
		len = eg_neigh_request(frame, &self6, &target6, NULL) + 8 * (words - 1);
		frame[79] = (uint8_t)words;
		eg_put16(frame + 18, (uint16_t)(24 + 8 * words));
		fix_checksum(frame, len);
		assert_true(eg_neigh_parse(frame, len, &m));
		assert_int_equal(m.has_mac, words == 1);
	}
}

static void test_link_local(void **state)
{
	static const uint8_t mac[6] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55};
	struct eg_ip ip = eg_neigh_link_local(mac);
	char text[EG_IP_TEXT];

	(void)state;
	assert_string_equal(eg_ip_print(&ip, text), "fe80::211:22ff:fe33:4455");
}

int run_message_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_built),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_corrupted_arp),
		cmocka_unit_test(test_corrupted_nd),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_answers_to_others),
		cmocka_unit_test(test_probe_to_one),
		cmocka_unit_test(test_option_length),
	};

	return cmocka_run_group_tests_name("neighbours: messages", tests, NULL, NULL);
}
