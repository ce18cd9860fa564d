/* SAs over reloads: who sends and who is accepted at each moment, as a script of reloads. */
#include "snap/snap_tests.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/source_check.h"
#include "conf/config.h"
#include "net/bytes.h"
#include "snap/scene.h"

#define S EG_NS_PER_S

static char folder[64];
static const char *encap = "false"; /* of the peer that config_of() makes */

/* Every SPI has a key of its own; "x" behind a number: another one. */
static void make_keys(void)
{
	const struct eg_suite *suite = eg_suite_find("aes128gcm16");
	struct eg_errs errs = {0};
	char path[96];

	strcpy(folder, "/tmp/eg-rekey-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (unsigned spi = 301; spi <= 309; spi++) {
		for (unsigned x = 0; x < 2; x++) {
			snprintf(path, sizeof(path), "%s/%u%s", folder, spi, x ? "x" : "");
			assert_int_equal(eg_keyfile_create(path, suite, &errs), 0);
		}
	}
}

static void add_sas(struct eg_buf *text, const char *dir, const char *list)
{
	char spi[8];
	int used;

	for (; sscanf(list, " %7s%n", spi, &used) == 1; list += used)
		eg_buf_add(text,
			   "      - {dir: %s, spi: %d, suite: aes128gcm16, key_file: %s/%s}\n", dir,
			   atoi(spi), folder, spi);
}

/* A peer with those SAs. */
static struct eg_config *config_of(const char *remote, const char *out, const char *in)
{
	struct eg_errs errs = {0};
	struct eg_buf text = {0};
	struct eg_config *config;

	eg_buf_add(
		&text,
		"version: 1\nstate_dir: state\nports: {c: {device: e, role: clear, source_check: "
		"loose}, u: {device: d, role: encrypted}}\nencrypt: [10.1.0.0/16]\n"
		"neighbors: [{port: u, ip: %s, mac: 02:00:00:00:00:02}]\n"
		"peers:\n  b:\n    local: 192.0.2.1\n    remote: %s\n    subnets: [10.1.0.0/16]\n"
		"    rekey: {send_delay: 10s, grace: 60s}\n    udp_encap: %s\n    sas:\n",
		remote, remote, encap);
	add_sas(&text, "out", out);
	add_sas(&text, "in", in);
	config = eg_config_parse(text.v, text.n, "t", &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(config);
	eg_errs_free(&errs);
	eg_buf_free(&text);
	return config;
}

/* "301 302": the SPIs of all that send, in their order, or of all that are accepted. */
static const char *senders(const struct scene *scene)
{
	const struct eg_out_set *out = eg_tunnel_out(&scene->tunnels, scene_tunnel(scene, "b")->id);
	static char text[100];
	int n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; out && i < out->n; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, n ? " %u" : "%u",
			      be32toh(out->sa[i]->spi_be));
	return text;
}

static const char *accepted(const struct scene *scene)
{
	static char text[100];
	int n = 0;

	text[0] = '\0';
	for (uint32_t spi = 301; spi <= 309; spi++) {
		if (eg_sad_find(&scene->tunnels.sad, htobe32(spi)))
			n += snprintf(text + n, sizeof(text) - (size_t)n, n ? " %u" : "%u", spi);
	}
	return text;
}

/* clang-format off */
static const struct {
	uint64_t at_s;
	const char *out, *in; /* a reload to these; NULL: only time passes */
	const char *sends, *accepts;
	size_t held;          /* SAs in all */
	size_t warnings;
	const char *remote;   /* not set: the same one */
} script[] = {
	{0, "301", "302", "301", "302", 2, 0, NULL},             /* at the start nothing waits */
	{5, "301", "302", "301", "302", 2, 0, NULL},             /* nothing changed */
	{10, "303", "304", "301", "302 304", 4, 0, NULL},        /* rotation */
	{19, NULL, NULL, "301", "302 304", 4, 0, NULL},
	{20, NULL, NULL, "303", "302 304", 3, 0, NULL},          /* the delay is over */
	{69, NULL, NULL, "303", "302 304", 3, 0, NULL},
	{70, NULL, NULL, "303", "304", 2, 0, NULL},              /* the grace is over */
	{100, "305", "306", "303", "304 306", 4, 0, NULL},       /* two rotations */
	{105, "307", "308", "303", "304 306 308", 5, 0, NULL},   /* at once: 305 never sends */
	{115, NULL, NULL, "307", "304 306 308", 4, 0, NULL},
	{160, NULL, NULL, "307", "306 308", 3, 0, NULL},
	{165, NULL, NULL, "307", "308", 2, 0, NULL},
	{200, "307 309", "308", "307", "308", 3, 0, NULL},       /* a sibling (RFC 9611) */
	{205, "307 309", "308", "307", "308", 3, 0, NULL},       /* a reload starts no new delay */
	{210, NULL, NULL, "307 309", "308", 3, 0, NULL},
	{220, "309", "308", "309", "308", 2, 0, NULL},           /* one less: the other takes over */
	{230, "301", "302", "309", "302 308", 4, 0, NULL},       /* old keys go on */
	{233, "309", "308", "309", "302 308", 3, 0, NULL},       /* back again: 309 never stopped */
	{300, NULL, NULL, "309", "308", 2, 0, NULL},
	{310, "309", "308x", "309", "308", 2, 1, NULL},          /* a new key under an old SPI */
	{320, "309x", "308x", "309", "308", 3, 0, NULL},
	{330, NULL, NULL, "309", "308", 2, 0, NULL},
	{340, "", "308x", "", "308", 1, 0, NULL},                /* nothing shall be sent */
	{350, "303x", "", "303", "308", 2, 0, NULL},             /* nothing was: at once */
	{360, "304x", "305x", "304", "305", 2, 0, "192.0.2.9"},  /* not the peer that it was */
};
/* clang-format on */

static void test_script(void **state)
{
	struct scene scene;

	(void)state;
	make_keys();
	scene_open(&scene, 1);
	for (size_t i = 0; i < COUNT(script); i++) {
		const char *remote = script[i].remote ? script[i].remote : "192.0.2.2";
		uint64_t now_ns = (script[i].at_s + 1000) * S, next_ns;
		const struct eg_snap_world *world;
		struct eg_errs errs = {0};

		print_message("at %u s\n", (unsigned)script[i].at_s);
		next_ns = eg_tunnels_rekey(&scene.tunnels, now_ns, 100, NULL, NULL);
		assert_true(next_ns > now_ns);
		if (script[i].out) {
			scene_load(&scene, config_of(remote, script[i].out, script[i].in), now_ns,
				   &errs);
			if (errs.n_warnings > script[i].warnings)
				eg_errs_print(&errs, stderr);
			assert_int_equal(errs.n_warnings, script[i].warnings);
		}
		assert_string_equal(senders(&scene), script[i].sends);
		assert_string_equal(accepted(&scene), script[i].accepts);
		assert_int_equal(scene.tunnels.n_sas, script[i].held);
		assert_int_equal(scene.tunnels.n, 1);
		world = scene_snap(&scene)->world;
		assert_non_null(world->routes);
		assert_true(eg_snap_must_encrypt(world, 4, (const uint8_t[]){10, 1, 0, 1}));
		assert_non_null(world->source_check);
		assert_int_equal(world->source_check[0], EG_SOURCE_LOOSE);
		eg_errs_free(&errs);
		if (i % 2)
			scene_pass(&scene);
	}
	scene_close(&scene);
}

/* The path MTU is known over reloads and rekeying, for as long as the tunnel is the same. */
static void test_path_mtu(void **state)
{
	static const struct {
		const char *remote, *out, *in;
		unsigned knows;
	} steps[] = {
		{"192.0.2.2", "301", "302", EG_PMTU_NONE},
		{"192.0.2.2", "303", "302", 1300},
		{"192.0.2.9", "305", "306", EG_PMTU_NONE},
	};
	struct scene scene;

	(void)state;
	make_keys();
	scene_open(&scene, 1);
	for (unsigned i = 0; i < COUNT(steps); i++) {
		struct eg_errs errs = {0};

		scene_load(&scene, config_of(steps[i].remote, steps[i].out, steps[i].in),
			   (1000 + i) * S, &errs);
		eg_errs_free(&errs);
		assert_int_equal(eg_pmtu_get(scene_tunnel(&scene, "b")->pmtu), steps[i].knows);
		if (i != 1) {
			eg_pmtu_learn(scene_tunnel(&scene, "b")->pmtu, 1300, 1);
			continue;
		}
		eg_tunnels_rekey(&scene.tunnels, 1100 * S, 100, NULL, NULL);
		assert_int_equal(eg_pmtu_get(scene_tunnel(&scene, "b")->pmtu), 1300);
	}
	scene_close(&scene);
}

/* Where a peer's packets go is known over reloads and rekeying, too, unless the configured address
 * or port is another one. */
static void test_endpoint(void **state)
{
	static const struct {
		const char *remote, *encap, *out, *in;
		const char *at; /* NULL: it does not float */
	} steps[] = {
		{"192.0.2.2", "{float: true}", "301", "302", "192.0.2.2:4500"},
		{"192.0.2.2", "{float: true}", "303", "302", "198.51.100.7:61000"},
		{"192.0.2.2", "{float: true, peer_port: 4501}", "303", "302", "192.0.2.2:4501"},
		{"192.0.2.9", "{float: true, peer_port: 4501}", "305", "306", "192.0.2.9:4501"},
		{"192.0.2.9", "true", "305", "306", NULL},
		{"192.0.2.9", "auto", "305", "306", NULL},
		{"192.0.2.9", "{float: true}", "305", "306", "192.0.2.9:4500"},
	};
	const struct eg_endpoint_at away = {{198, 51, 100, 7}, 61000};
	char text[EG_ENDPOINT_TEXT];
	struct scene scene;

	(void)state;
	make_keys();
	scene_open(&scene, 1);
	for (unsigned i = 0; i < COUNT(steps); i++) {
		const struct eg_tunnel *tunnel;
		struct eg_config *config;
		struct eg_errs errs = {0};

		encap = steps[i].encap;
		config = config_of(steps[i].remote, steps[i].out, steps[i].in);
		encap = "false";
		scene_load(&scene, config, (1000 + i) * S, &errs);
		eg_errs_free(&errs);
		tunnel = scene_tunnel(&scene, "b");
		assert_int_equal(tunnel->accept_plain, !strcmp(steps[i].encap, "auto"));
		assert_true(tunnel->encap);
		assert_int_equal(tunnel->peer_port, strstr(steps[i].encap, "4501") ? 4501 : 4500);
		assert_int_equal(tunnel->floats, steps[i].at != NULL);
		assert_int_equal(tunnel->endpoint != NULL, steps[i].at != NULL);
		if (!steps[i].at)
			continue;
		assert_string_equal(eg_endpoint_print(tunnel->endpoint, text), steps[i].at);
		eg_endpoint_follow(tunnel->endpoint, &away);
		if (i != 1)
			continue;
		eg_tunnels_rekey(&scene.tunnels, 1100 * S, 100, NULL, NULL);
		tunnel = scene_tunnel(&scene, "b");
		assert_string_equal(eg_endpoint_print(tunnel->endpoint, text),
				    "198.51.100.7:61000");
	}
	scene_close(&scene);
}

static int remove_folder(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int run_rekey_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_script, remove_folder),
		cmocka_unit_test_teardown(test_path_mtu, remove_folder),
		cmocka_unit_test_teardown(test_endpoint, remove_folder),
	};

	return cmocka_run_group_tests_name("snap rekey", tests, NULL, NULL);
}
