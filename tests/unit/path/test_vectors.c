/* Published ESP packets: DPDK's vectors for every suite that RFC 8221 allows (including IPv6 and an
 * inner fragment) and RFC 7634's. Our stages open them to the published plaintext, and seal that
 * plaintext to the same ESP packet. */
#include "path/path_tests.h"

#include "common/peer.h"
#include "common/vectors.h"
#include "net/bytes.h"

struct vector {
	const char *name;
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX];
	uint8_t plain[256], esp[256];
	size_t plain_len, esp_len;
	unsigned version;
	struct eg_ip inner_src, inner_dst, outer_src, outer_dst;
	uint32_t spi, seq;
	uint64_t iv;
};

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)eg_get32(p) << 32 | eg_get32(p + 4);
}

static void addresses(const uint8_t *p, struct eg_ip *src, struct eg_ip *dst)
{
	unsigned version = p[0] >> 4, n = version == 4 ? 4 : 16, at = version == 4 ? 12 : 8;

	*src = eg_ip_from(version, p + at);
	*dst = eg_ip_from(version, p + at + n);
}

static const struct {
	const char *name, *suite;
} dpdk_suites[] = {
	{"pkt_aes_128_gcm", "aes128gcm16"},
	{"pkt_aes_128_gcm_frag", "aes128gcm16"},
	{"pkt_aes_192_gcm", "aes192gcm16"},
	{"pkt_aes_256_gcm", "aes256gcm16"},
	{"pkt_aes_256_gcm_v6", "aes256gcm16"},
	{"pkt_aes_256_ccm", "aes256ccm16"},
	{"pkt_aes_128_cbc_hmac_sha256", "aes128-sha256"},
	{"pkt_aes_128_cbc_hmac_sha256_v6", "aes128-sha256"},
	{"pkt_aes_128_cbc_hmac_sha384", "aes128-sha384"},
	{"pkt_aes_128_cbc_hmac_sha512", "aes128-sha512"},
	{"pkt_aes_128_ctr_hmac_sha256", "aes128ctr-sha256"},
	{"pkt_aes_128_ctr_hmac_sha384", "aes128ctr-sha384"},
	{"pkt_aes_128_ctr_hmac_sha512", "aes128ctr-sha512"},
};

/* The others: AH, and suites refused by eg_suite_refused(). */
static const struct eg_suite *suite_of(const char *name)
{
	for (size_t i = 0; i < COUNT(dpdk_suites); i++) {
		if (!strcmp(name, dpdk_suites[i].name))
			return eg_suite_find(dpdk_suites[i].suite);
	}
	return NULL;
}

/* Key, salt and authentication key; absent ones are left out of the tables. */
static void read_material(const struct eg_node *node, struct vector *v)
{
	const struct eg_suite *suite = v->suite;
	uint8_t *salt = v->material + suite->key_bytes, *auth = salt + suite->salt_bytes;

	assert_int_equal(vectors_bytes(node, "key", v->material, 32), suite->key_bytes);
	assert_int_equal(vectors_bytes(node, "salt", salt, 4), suite->salt_bytes);
	assert_int_equal(vectors_bytes(node, "auth_key", auth, 64), suite->auth_key_bytes);
}

static void locate(struct vector *v)
{
	const uint8_t *esp;

	v->version = v->esp[0] >> 4;
	addresses(v->plain, &v->inner_src, &v->inner_dst);
	addresses(v->esp, &v->outer_src, &v->outer_dst);
	esp = v->esp + (v->version == 4 ? 20 : 40);
	v->spi = eg_get32(esp);
	v->seq = eg_get32(esp + 4);
	v->iv = get64(esp + 8);
}

static void read_vector(const struct eg_node *node, struct vector *v)
{
	read_material(node, v);
	v->plain_len = vectors_bytes(node, "plain", v->plain, sizeof(v->plain));
	v->esp_len = vectors_bytes(node, "esp", v->esp, sizeof(v->esp));
	locate(v);
}

/* A gateway with one peer whose tunnel is the vector's, in one direction; packets go towards `to`,
 * for an inbound vector the clear side. Host routes take precedence over the gateway's own address,
 * which some vectors also use inside. */
static struct gw *vector_gateway(const struct vector *v, enum eg_sa_kind kind)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .bare = true});
	const struct eg_hop clear = {.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1, 0}};
	bool in = kind == EG_SA_KIND_IN;
	struct eg_sa_spec spec = {
		.kind = kind,
		.spi = v->spi,
		.suite = v->suite,
		.replay_window = in ? 64 : 0,
		.local = in ? v->outer_dst : v->outer_src,
		.remote = in ? v->outer_src : v->outer_dst,
	};
	char local[EG_IP_TEXT], remote[EG_IP_TEXT], prefix[EG_PREFIX_TEXT];
	struct eg_prefix far = {in ? v->inner_src : v->inner_dst, 0};
	struct eg_prefix near = {in ? v->inner_dst : v->inner_src, 0};
	unsigned tunnel;

	tunnel = gw_peer(gw, eg_ip_print(&spec.local, local), eg_ip_print(&spec.remote, remote));
	gw_sa(gw, tunnel, &spec, v->material);
	far.len = near.len = (uint8_t)eg_ip_bits(&far.ip);
	gw_route(gw, eg_prefix_print(&far, prefix),
		 (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = tunnel});
	gw_route(gw, eg_prefix_print(&near, prefix), clear);
	gw_ready(gw);
	return gw;
}

static void open_vector(const struct vector *v)
{
	struct gw *gw = vector_gateway(v, EG_SA_KIND_IN);
	uint8_t want[256];
	struct frame frame;

	start_frame(&frame, ENCRYPTED, v->version);
	memcpy(frame.bytes + frame.n, v->esp, v->esp_len);
	frame.n = (uint16_t)(frame.n + v->esp_len);
	gw_send(gw, ENCRYPTED, &frame, 1);
	if (gw_sent(gw, CLEAR, &frame, 1) != 1)
		fail_msg("%s was not opened", v->name);
	memcpy(want, v->plain, v->plain_len);
	age(want, 1);
	assert_int_equal(frame.n - 14, v->plain_len);
	assert_memory_equal(frame.bytes + 14, want, v->plain_len);
	gw_close(gw);
}

/* Run the stages one by one: between sa_out and esp_out the grant is set to the vector's sequence
 * number and IV, which the clock would not produce. */
static void seal_vector(const struct vector *v)
{
	struct gw *gw = vector_gateway(v, EG_SA_KIND_OUT);
	struct eg_path *path = gw->path[0];
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	unsigned outer = v->version == 4 ? 20 : 40;
	uint8_t *packet, *sealed;

	assert_non_null(m);
	packet = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)v->plain_len);
	memcpy(packet, v->plain, v->plain_len);
	age(packet, (unsigned)-1); /* route decrements it */
	eg_path_use(path, gw->snap);
	path->batch.n = 1;
	path->batch.m[0] = m;
	eg_parse_packets(path);
	eg_route(path);
	eg_sa_out(path);
	assert_int_equal(path->batch.n, 1);
	assert_int_equal(path->groups.v[0].grant.n, 1);
	path->groups.v[0].grant.seq = v->seq;
	path->groups.v[0].grant.iv = v->iv;
	eg_esp_out(path);
	assert_int_equal(path->batch.n, 1);
	assert_true(path->batch.meta[0].sealed);
	assert_int_equal(m->data_len, v->esp_len);
	sealed = rte_pktmbuf_mtod(m, uint8_t *);
	assert_memory_equal(sealed + outer, v->esp + outer, v->esp_len - outer);
	/* Of the outer header, addresses and length are compared; TTL and identification are the
	 * sender's. */
	if (v->version == 4) {
		assert_memory_equal(sealed + 12, v->esp + 12, 8);
		assert_memory_equal(sealed, v->esp, 4);
		assert_int_equal(naive_checksum(sealed, 20), 0);
	} else {
		assert_memory_equal(sealed, v->esp, 7);
		assert_memory_equal(sealed + 8, v->esp + 8, 32);
	}
	rte_pktmbuf_free(m);
	gw_close(gw);
}

/* The stages choose CBC's IV at random: open with OpenSSL, then seal with the crypto engine
 * directly. */
static void seal_cbc_vector(const struct vector *v)
{
	struct eg_keystore *store = eg_keystore_new();
	struct eg_crypto *crypto = eg_crypto_new();
	uint8_t packet[256], *esp = packet + (v->version == 4 ? 20 : 40);
	struct eg_crypto_op op = {
		.key = eg_crypto_key_new(store, v->suite, v->material),
		.text = esp + 8 + v->suite->iv_bytes,
		.aad = esp,
		.iv = esp + 8,
		.icv = packet + v->esp_len - v->suite->icv_bytes,
		.aad_len = 8,
	};

	op.text_len = (uint32_t)(op.icv - op.text);
	memcpy(packet, v->esp, v->esp_len);
	assert_true(peer_open(v->suite, v->material, &op));
	memset(op.icv, 0, v->suite->icv_bytes);
	eg_crypto_seal(crypto, &op, 1);
	assert_true(op.ok);
	assert_memory_equal(packet, v->esp, v->esp_len);
	eg_crypto_free(crypto);
	eg_keystore_free(store);
}

static void test_dpdk(void **state)
{
	struct eg_tree tree = vectors_read("dpdk_ipsec.json");
	unsigned n = 0;

	(void)state;
	for (const struct eg_node *node = tree.docs->child; node; node = node->next) {
		struct vector v = {.name = vectors_text(node, "name")};

		v.suite = suite_of(v.name);
		if (!v.suite)
			continue;
		read_vector(node, &v);
		open_vector(&v);
		if (v.suite->iv == EG_IV_CLOCK)
			seal_vector(&v);
		else
			seal_cbc_vector(&v);
		n++;
	}
	print_message("%u of DPDK's ESP packets opened and sealed\n", n);
	assert_int_equal(n, COUNT(dpdk_suites));
	eg_tree_free(&tree);
}

/* Appendix A has no outer header: use any. */
static void test_rfc7634(void **state)
{
	struct eg_tree tree = vectors_read("rfc7634.json");
	struct vector v = {.name = "RFC 7634 appendix A",
			   .suite = eg_suite_find("chacha20poly1305")};
	const struct flow outer = {.src = "203.0.113.153", .dst = "203.0.113.5", .proto = 50};
	uint8_t esp[256];
	size_t n = vectors_bytes(tree.docs, "esp", esp, sizeof(esp));
	struct flow full = outer;
	struct frame frame = {0};

	(void)state;
	full.payload = (uint16_t)n;
	add_packet(&frame, &full);
	memcpy(frame.bytes + 20, esp, n);
	memcpy(v.esp, frame.bytes, frame.n);
	v.esp_len = frame.n;
	assert_int_equal(vectors_bytes(tree.docs, "key", v.material, 32), 32);
	assert_int_equal(vectors_bytes(tree.docs, "salt", v.material + 32, 4), 4);
	vectors_bytes(tree.docs, "plain", v.plain, sizeof(v.plain));
	v.plain_len = eg_get16(v.plain + 2); /* without the trailer */
	locate(&v);
	open_vector(&v);
	seal_vector(&v);
	eg_tree_free(&tree);
}

int run_vector_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dpdk),
		cmocka_unit_test(test_rfc7634),
	};

	return cmocka_run_group_tests_name("path vectors", tests, NULL, NULL);
}
