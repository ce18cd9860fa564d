#include "gate/gate.h"

#include <sched.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "base/buf.h"
#include "k8s/k8s.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"

#define MBUFS 1023

/* One EAL per process. */
static struct rte_mempool *pool;

void gate_eal_open(void)
{
	char prefix[64], lcores[32];
	char *args[] = {(char[]){"gate"},
			(char[]){"--no-huge"},
			(char[]){"--no-pci"},
			(char[]){"--no-shconf"},
			(char[]){"--no-telemetry"},
			(char[]){"-m"},
			(char[]){"64"},
			(char[]){"--log-level=warning"},
			lcores,
			prefix};

	snprintf(prefix, sizeof(prefix), "--file-prefix=eg-gate-%d", (int)getpid());
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", sched_getcpu());
	assert_true(rte_eal_init((int)COUNT(args), args) >= 0);
	pool = rte_pktmbuf_pool_create("gate", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	assert_non_null(pool);
}

void gate_eal_close(void)
{
	rte_mempool_free(pool);
	rte_eal_cleanup();
}

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63ul);

	assert_non_null(p);
	return memset(p, 0, size);
}

struct gate *gate_open(uint32_t connections)
{
	struct gate *gate = zeroed(sizeof(*gate));

	gate->table = eg_flow_table_new(connections);
	assert_non_null(gate->table);
	gate->snap.world = &gate->world;
	for (unsigned w = 0; w < GATE_WORKERS; w++) {
		struct eg_path_parts parts = {
			.worker = w,
			.n_workers = GATE_WORKERS,
			.stats = zeroed(sizeof(*parts.stats)),
			.flow = zeroed(sizeof(*parts.flow)),
			.n_ports = 1,
			.port = {{.mtu = 1500, .promiscuous = true}},
		};

		gate->path[w] = zeroed(sizeof(*gate->path[w]));
		eg_flow_init(parts.flow, gate->table);
		assert_int_equal(eg_path_init(gate->path[w], &parts), 0);
		gate->seen[w] = &gate->snap;
	}
	return gate;
}

void gate_check(const struct gate *gate)
{
	uint64_t drops = 0;

	for (enum eg_verdict drop = EG_PASS + 1; drop < EG_DROP_COUNT; drop++)
		drops += gate_drops(gate, drop);
	assert_int_equal(gate->rx, gate->passed + drops);
	assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
}

void gate_close(struct gate *gate)
{
	gate_check(gate);
	for (unsigned w = 0; w < GATE_WORKERS; w++) {
		free(gate->path[w]->stats);
		free(gate->path[w]->flow);
		free(gate->path[w]);
	}
	eg_flow_table_free(gate->table);
	eg_snap_policy_release(gate->snap.policy);
	free(gate);
}

struct eg_snap_policy *gate_publish(struct gate *gate, struct eg_cluster *cluster)
{
	const struct eg_policy_options options = {0};
	struct eg_snap_policy *policy = eg_snap_policy_new();
	struct eg_errs errs = {0};

	assert_non_null(policy);
	policy->cluster = *cluster;
	policy->compiled = eg_policy_compile(&policy->cluster, &options, &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(policy->compiled);
	assert_int_equal(eg_snap_policy_add_counts(policy, GATE_WORKERS), 0);
	if (gate->snap.policy) {
		eg_snap_policy_follow(policy, gate->snap.policy);
		eg_snap_policy_fold(policy, gate->snap.policy);
	}
	eg_snap_policy_release(gate->snap.policy);
	gate->snap.policy = policy;
	policy->generation = ++gate->generation;
	return policy;
}

struct eg_snap_policy *gate_policies(struct gate *gate, const char *yaml)
{
	static const char *const pods[] = {"x c", "x s", "x o", "y n", "z f", "z g"};
	struct eg_buf text = {0};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);

	for (const char *ns = "xyz"; *ns; ns++)
		eg_buf_add(&text,
			   "---\n{apiVersion: v1, kind: Namespace, metadata: {name: %c, labels: "
			   "{ns: %c}}}\n",
			   *ns, *ns);
	for (size_t i = 0; i < COUNT(pods); i++) {
		char ns = pods[i][0], name = pods[i][2];

		eg_buf_add(&text,
			   "---\n{apiVersion: v1, kind: Pod, metadata: {name: %c, namespace: %c, "
			   "labels: {pod: %c}}, spec: {containers: [{name: m}]}, status: {podIPs: "
			   "[{ip: 10.0.0.%d}, {ip: \"fd00::%x\"}]}}\n",
			   name, ns, name, name, name);
	}
	if (gate->networks) {
		eg_prefix_parse("10.0.0.0/24", eg_vec_add(&cluster.pod_networks));
		eg_prefix_parse("fd00::/64", eg_vec_add(&cluster.pod_networks));
	}
	eg_k8s_add_text(k8s, text.v, text.n, "inventory");
	eg_k8s_add_text(k8s, yaml, strlen(yaml), "policies");
	if (eg_k8s_finish(k8s))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	eg_errs_free(&errs);
	eg_k8s_free(k8s);
	eg_buf_free(&text);
	return gate_publish(gate, &cluster);
}

/* --- packets */

struct line {
	char src, dst, proto[8];
	unsigned a, b;
	char last[8];
	unsigned id, off;
	bool fragment, mf;
};

static struct line read_line(const char *text)
{
	struct line line = {0};
	const char *at;
	int used = 0;

	assert_true(sscanf(text, "%c %c %7s%n", &line.src, &line.dst, line.proto, &used) == 3);
	at = text + used;
	sscanf(at, "%u %u %7s", &line.a, &line.b, line.last);
	at = strstr(text, "id=");
	if (at) {
		line.fragment = true;
		assert_true(sscanf(at, "id=%u off=%u", &line.id, &line.off) == 2);
		line.mf = strstr(at, " mf");
	}
	return line;
}

static bool is_v6(const struct line *line)
{
	return line->src < 'a';
}

static uint8_t proto_of(const struct line *line)
{
	if (!strcmp(line->proto, "tcp"))
		return 6;
	if (!strcmp(line->proto, "udp"))
		return 17;
	if (!strcmp(line->proto, "sctp"))
		return 132;
	if (!strcmp(line->proto, "icmp"))
		return is_v6(line) ? 58 : 1;
	return (uint8_t)atoi(line->proto);
}

/* Layer 4 of `line`: always 40 bytes. */
static void write_l4(const struct line *line, uint8_t *at)
{
	static const char letters[] = "FSRPA";

	memset(at, 0, 40);
	if (!strcmp(line->proto, "icmp")) {
		at[0] = (uint8_t)line->a;
		eg_put16(at + 4, (uint16_t)line->b);
		return;
	}
	eg_put16(at, (uint16_t)line->a);
	eg_put16(at + 2, (uint16_t)line->b);
	if (!strcmp(line->proto, "tcp")) {
		at[12] = 0x50;
		for (unsigned i = 0; letters[i]; i++) {
			if (strchr(line->last, letters[i]))
				at[13] |= (uint8_t)(1u << i);
		}
	} else if (!strcmp(line->proto, "sctp")) {
		at[12] = (uint8_t)atoi(line->last);
	}
}

static void write_ip4(const struct line *line, struct packet *packet)
{
	uint8_t *p = packet->bytes;

	p[0] = 0x45;
	eg_put16(p + 2, packet->n);
	eg_put16(p + 4, (uint16_t)line->id);
	if (line->fragment)
		eg_put16(p + 6, (uint16_t)(line->off / 8 | (line->mf ? EG_IP4_MF : 0)));
	p[8] = 64;
	p[9] = proto_of(line);
	memcpy(p + 12, (uint8_t[]){10, 0, 0, (uint8_t)line->src, 10, 0, 0, (uint8_t)line->dst}, 8);
	eg_put16(p + 10, eg_checksum_fold(eg_checksum_add(0, p, 20)));
}

static void write_ip6(const struct line *line, struct packet *packet)
{
	uint8_t *p = packet->bytes;

	p[0] = 0x60;
	eg_put16(p + 4, (uint16_t)(packet->n - 40));
	p[6] = line->fragment ? EG_PROTO_FRAGMENT : proto_of(line);
	p[7] = 64;
	p[8] = p[24] = 0xfd;
	p[23] = (uint8_t)(line->src | 0x20);
	p[39] = (uint8_t)(line->dst | 0x20);
	if (line->fragment) {
		p[40] = proto_of(line);
		eg_put16(p + 42, (uint16_t)(line->off | line->mf));
		eg_put32(p + 44, line->id);
	}
}

struct packet packet_of(const char *text)
{
	struct line line = read_line(text);
	unsigned head = is_v6(&line) ? line.fragment ? 48 : 40 : 20;
	struct packet packet = {.n = (uint16_t)(head + 40)};

	if (is_v6(&line))
		write_ip6(&line, &packet);
	else
		write_ip4(&line, &packet);
	if (line.off)
		memset(packet.bytes + head, 0xaa, 40); /* must not be mistaken for ports */
	else
		write_l4(&line, packet.bytes + head);
	return packet;
}

struct packet error_about(const char *from_to, unsigned type, const struct packet *about, size_t n)
{
	char text[32];
	struct line line;
	unsigned head;
	struct packet packet;

	snprintf(text, sizeof(text), "%s icmp %u 0", from_to, type);
	line = read_line(text);
	head = (is_v6(&line) ? 40 : 20) + 8;
	packet = packet_of(text);
	packet.n = (uint16_t)(head + n);
	memcpy(packet.bytes + head, about->bytes, n);
	if (is_v6(&line)) {
		eg_put16(packet.bytes + 4, (uint16_t)(packet.n - 40));
	} else {
		eg_put16(packet.bytes + 2, packet.n);
		eg_put16(packet.bytes + 10, 0);
		eg_put16(packet.bytes + 10, eg_checksum_fold(eg_checksum_add(0, packet.bytes, 20)));
	}
	return packet;
}

/* --- sending */

static struct rte_mbuf *frame_of(const struct packet *packet, unsigned index)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *at;

	assert_non_null(m);
	at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(14 + packet->n));
	assert_non_null(at);
	memset(at, 2, 12);
	eg_put16(at + 12, packet->bytes[0] >> 4 == 4 ? 0x0800 : 0x86dd);
	memcpy(at + 14, packet->bytes, packet->n);
	m->hash.usr = index;
	return m;
}

void gate_burst(struct gate *gate, unsigned worker, const struct packet *packets, unsigned n,
		bool *passed)
{
	struct eg_path *path = gate->path[worker];
	struct eg_batch *batch = &path->batch;

	assert_true(n <= EG_BATCH_MAX);
	eg_path_use(path, gate->seen[worker]);
	path->now.cycles = rte_get_tsc_cycles() + gate->later_cycles;
	batch->n = n;
	batch->n_removed = 0;
	for (unsigned i = 0; i < n; i++) {
		batch->m[i] = frame_of(&packets[i], i);
		batch->meta[i].port = 0;
		passed[i] = false;
	}
	eg_parse_frames(path);
	if (gate->verify)
		eg_verify_plain(path);
	eg_flow_stage(path);
	eg_policy_stage(path);
	gate->rx += n;
	gate->passed += batch->n;
	for (unsigned i = 0; i < batch->n; i++) {
		passed[batch->m[i]->hash.usr] = true;
		rte_pktmbuf_free(batch->m[i]);
	}
}

enum eg_verdict gate_packet(struct gate *gate, unsigned worker, const struct packet *packet)
{
	uint64_t before[EG_DROP_COUNT];
	enum eg_verdict got = EG_PASS;
	bool passed;

	for (enum eg_verdict drop = EG_PASS; drop < EG_DROP_COUNT; drop++)
		before[drop] = gate_drops(gate, drop);
	gate_burst(gate, worker, packet, 1, &passed);
	for (enum eg_verdict drop = EG_PASS + 1; drop < EG_DROP_COUNT; drop++) {
		if (gate_drops(gate, drop) != before[drop])
			got = drop;
	}
	assert_int_equal(passed, got == EG_PASS);
	return got;
}

enum eg_verdict gate_line(struct gate *gate, const char *line)
{
	struct packet packet = packet_of(line);

	return gate_packet(gate, 0, &packet);
}

void gate_rows(struct gate *gate, const char *what, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct packet packet = packet_of(rows[i].line);
		enum eg_verdict got = gate_packet(gate, i % GATE_WORKERS, &packet);

		if (got != rows[i].want)
			fail_msg("%s, row %d, \"%s\": %s, not %s", what, rows[i].number,
				 rows[i].line, eg_drop_name(got), eg_drop_name(rows[i].want));
	}
}

uint64_t gate_drops(const struct gate *gate, enum eg_verdict reason)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < GATE_WORKERS; w++)
		sum += eg_counted(&gate->path[w]->stats->drop[reason]);
	return sum;
}

uint64_t gate_opened(const struct gate *gate)
{
	return eg_counted(&gate->path[0]->stats->opened) +
	       eg_counted(&gate->path[1]->stats->opened);
}

/* Counted since the policy came into force. */
uint64_t gate_allowed(const struct gate *gate)
{
	const struct eg_snap_policy *policy = gate->snap.policy;
	struct eg_policy_totals totals;
	uint64_t sum = 0;

	assert_int_equal(eg_snap_policy_totals(policy, &totals), 0);
	for (size_t r = 0; r < eg_policy_stats(policy->compiled)->n_rules; r++)
		sum += totals.allowed[r] -
		       (policy->carried.allowed ? policy->carried.allowed[r] : 0);
	eg_policy_totals_free(&totals);
	return sum;
}

uint64_t gate_denied(const struct gate *gate)
{
	const struct eg_snap_policy *policy = gate->snap.policy;
	struct eg_policy_totals totals;
	uint64_t sum = 0;

	assert_int_equal(eg_snap_policy_totals(policy, &totals), 0);
	for (int dir = 0; dir < EG_DIRS; dir++)
		for (size_t p = 0; p < policy->cluster.policies.n; p++)
			sum += totals.denied[dir][p] -
			       (policy->carried.denied[dir] ? policy->carried.denied[dir][p] : 0);
	eg_policy_totals_free(&totals);
	return sum;
}
