/* Compares policy's verdict tables with rte_acl: builds the same rules as ACL rules, for comparison
 * with bench_policy. Arguments go to the EAL, for example
 *   bench_acl --no-huge --no-shconf --no-pci -m 4096 --file-prefix=acl -l 0
 *
 * A rule's subjects and peers are sets of classes. Classes are numbered by namespace, which is the
 * best order for this purpose, and each run of consecutive classes is one range. rte_acl gets a
 * rule for each pair of ranges and each port range. A label that selects pods in all namespaces
 * (every team's prometheus) makes as many ranges as there are namespaces. */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <sys/resource.h>

#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "base/clock.h"
#include "bench_cluster.h"
#include "policy/compiled.h"

#define PACKETS 65536
#define BURST   32
#define ROUNDS  40

/* Required by rte_acl: the first field is one byte, later ones form groups of four bytes. */
struct acl_key {
	uint8_t proto, pad[3];
	uint16_t subject, other;
	uint16_t port, pad2;
};

enum {
	FIELDS = 4
};
RTE_ACL_RULE_DEF(acl_rule, FIELDS);

struct range {
	uint16_t first, last;
};

struct ranges {
	struct range *v;
	size_t n, cap;
};

struct side {
	struct rte_acl_ctx *acl;
	size_t n_rules;
};

struct bench {
	struct eg_cluster cluster;
	struct eg_rules rules;
	struct eg_pod_classes pod_classes;
	struct eg_address_classes classes;
	struct side side[EG_DIRS];
	size_t limit;
};

static void must(int failed, const char *what)
{
	if (failed)
		errx(1, "%s failed", what);
}

/* Runs of consecutive classes in a set. */
static void runs_of(struct eg_words *set, struct ranges *out)
{
	out->n = 0;
	eg_words_sort(set);
	eg_vec_foreach (class, set) {
		struct range *last = out->n ? &out->v[out->n - 1] : NULL;

		if (last && last->last + 1 == (int)*class) {
			last->last++;
		} else {
			last = eg_vec_add(out);
			must(!last, "memory");
			*last = (struct range){(uint16_t) * class, (uint16_t) * class};
		}
	}
}

/* The classes that a block contains, according to the nearest edge in the enclosing regions. */
static void add_block(const struct bench *b, uint32_t block, struct eg_words *set)
{
	const struct eg_regions *regions = &b->classes.regions;

	for (uint32_t c = 0; c < b->classes.v.n; c++) {
		uint32_t r = regions->region_of_set.v[b->classes.v.v[c].blocks];
		bool known = false, inside = false;

		for (; !known && r != EG_NONE; r = regions->v.v[r].parent)
			for (uint32_t e = 0; e < regions->v.v[r].n_edges; e++) {
				const struct eg_edge *edge =
					&regions->edges.v[regions->v.v[r].first_edge + e];

				if (edge->block != block)
					continue;
				known = true;
				inside = !edge->leaves;
			}
		if (inside)
			must(eg_words_add(set, c), "memory");
	}
}

static void peers_of(const struct bench *b, uint32_t rule, struct eg_words *set)
{
	size_t n_peers, n;
	const uint32_t *peers = eg_rules_peers(&b->rules, rule, &n_peers);

	set->n = 0;
	for (size_t i = 0; i < n_peers; i++) {
		const uint32_t *list;

		if (peers[i] & EG_PEER_BLOCK) {
			add_block(b, peers[i] & ~EG_PEER_BLOCK, set);
			continue;
		}
		list = eg_class_list(&b->classes.of_matcher, peers[i], &n);
		must(eg_words_append(set, list, n), "memory");
	}
	for (uint32_t c = 0; !n_peers && c < b->classes.v.n; c++)
		must(eg_words_add(set, c), "memory");
}

static void add_acl_rule(struct side *side, struct range subject, struct range other,
			 const struct eg_port *port, uint32_t rule)
{
	struct acl_rule r = {.data = {.category_mask = 1, .userdata = rule + 1}};
	uint16_t last = port ? port->kind == EG_PORT_ALL ? UINT16_MAX : port->last : UINT16_MAX;

	r.data.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - rule);
	r.field[0].value.u8 = port ? port->proto : 0;
	r.field[0].mask_range.u8 = port ? 0xff : 0;
	r.field[1].value.u16 = subject.first;
	r.field[1].mask_range.u16 = subject.last;
	r.field[2].value.u16 = other.first;
	r.field[2].mask_range.u16 = other.last;
	r.field[3].value.u16 = port ? port->first : 0;
	r.field[3].mask_range.u16 = last;
	side->n_rules++;
	if (side->acl)
		must(rte_acl_add_rules(side->acl, (struct rte_acl_rule *)&r, 1),
		     "rte_acl_add_rules");
}

/* All rules of a direction; without a context they are only counted. A named port counts as one
 * port, although rte_acl would need one per destination: this favours rte_acl. */
static void add_rules(struct bench *b, enum eg_dir dir)
{
	struct ranges subjects = {0}, others = {0};
	struct eg_words set = {0};

	b->side[dir].n_rules = 0;
	for (uint32_t r = 0; r < b->rules.refs.n; r++) {
		const struct eg_rule_ref *ref = &b->rules.refs.v[r];
		const struct eg_rule *rule = eg_rule_of(&b->cluster, ref);
		size_t n;
		const uint32_t *list =
			eg_class_list(&b->classes.of_matcher, b->rules.subjects.v[ref->policy], &n);

		if (ref->dir != dir)
			continue;
		set.n = 0;
		must(eg_words_append(&set, list, n), "memory");
		runs_of(&set, &subjects);
		peers_of(b, r, &set);
		runs_of(&set, &others);
		eg_vec_foreach (subject, &subjects)
			eg_vec_foreach (other, &others) {
				if (!rule->ports.n)
					add_acl_rule(&b->side[dir], *subject, *other, NULL, r);
				eg_vec_foreach (port, &rule->ports)
					add_acl_rule(&b->side[dir], *subject, *other, port, r);
			}
	}
	eg_vec_free(&set);
	eg_vec_free(&subjects);
	eg_vec_free(&others);
}

static int build_side(struct bench *b, enum eg_dir dir)
{
	static const struct rte_acl_config config = {
		.num_categories = 1,
		.num_fields = FIELDS,
		.defs = {{RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(struct acl_key, proto)},
			 {RTE_ACL_FIELD_TYPE_RANGE, 2, 1, 1, offsetof(struct acl_key, subject)},
			 {RTE_ACL_FIELD_TYPE_RANGE, 2, 2, 1, offsetof(struct acl_key, other)},
			 {RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 2, offsetof(struct acl_key, port)}},
	};
	struct rte_acl_param param = {
		.name = dir ? "out" : "in", .socket_id = -1, .rule_size = RTE_ACL_RULE_SZ(FIELDS)};

	add_rules(b, dir);
	printf("  %s: %zu rte_acl rules\n", dir ? "egress" : "ingress", b->side[dir].n_rules);
	fflush(stdout);
	if (b->side[dir].n_rules > b->limit)
		return -1;
	param.max_rule_num = (uint32_t)b->side[dir].n_rules + 1;
	b->side[dir].acl = rte_acl_create(&param);
	must(!b->side[dir].acl, "rte_acl_create");
	add_rules(b, dir);
	return rte_acl_build(b->side[dir].acl, &config);
}

static double classify_ns(const struct bench *b, const struct eg_policy_packet *packets)
{
	struct acl_key *keys = calloc(PACKETS * EG_DIRS, sizeof(*keys));
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < PACKETS; i++) {
		const struct eg_policy_packet *p = &packets[i];
		bool v4 = p->family == 4;
		uint32_t src = v4 ? eg_lpm_lookup4(b->classes.lpm, p->src)
				  : eg_lpm_lookup6(b->classes.lpm, p->src);
		uint32_t dst = v4 ? eg_lpm_lookup4(b->classes.lpm, p->dst)
				  : eg_lpm_lookup6(b->classes.lpm, p->dst);

		keys[i] = (struct acl_key){.proto = p->proto,
					   .subject = htons((uint16_t)dst),
					   .other = htons((uint16_t)src),
					   .port = htons(p->port)};
		keys[PACKETS + i] = keys[i];
		keys[PACKETS + i].subject = keys[i].other;
		keys[PACKETS + i].other = keys[i].subject;
	}
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = eg_mono_ns(), took;

		for (size_t i = 0; i < PACKETS; i += BURST)
			for (int dir = 0; dir < EG_DIRS; dir++) {
				const uint8_t *data[BURST];
				uint32_t results[BURST];

				for (size_t j = 0; j < BURST; j++)
					data[j] = (const uint8_t
							   *)&keys[(size_t)dir * PACKETS + i + j];
				rte_acl_classify(b->side[dir].acl, data, results, BURST, 1);
			}
		took = eg_mono_ns() - start;
		best = took < best ? took : best;
	}
	free(keys);
	return (double)best / PACKETS;
}

static void measure(uint32_t n_pods, size_t limit)
{
	struct bench b = {.limit = limit};
	struct eg_meter meter = {.total_max = UINT64_MAX, .policy_max = UINT64_MAX};
	struct rusage usage;
	uint64_t start;
	int failed = 0;

	bench_cluster(&b.cluster, n_pods);
	meter.by_policy = calloc(b.cluster.policies.n + 1, sizeof(*meter.by_policy));
	must(!meter.by_policy, "memory");
	must(eg_rules_collect(&b.rules, &b.cluster) ||
		     eg_pod_classes_build(&b.pod_classes, &b.cluster, &b.rules, &meter) ||
		     eg_address_classes_build(&b.classes, &b.cluster, &b.rules, &b.pod_classes),
	     "classes");
	printf("%u pods, %zu classes, %zu rules as written\n", n_pods, b.classes.v.n,
	       b.rules.refs.n);
	start = eg_mono_ns();
	for (int dir = 0; dir < EG_DIRS; dir++)
		failed |= build_side(&b, (enum eg_dir)dir);
	getrusage(RUSAGE_SELF, &usage);
	if (failed) {
		printf("  not built\n");
	} else {
		printf("  build %.0f ms, max RSS %ld MiB\n", (double)(eg_mono_ns() - start) / 1e6,
		       usage.ru_maxrss / 1024);
		printf("  both directions, bursts of %d, without the class lookups: %.1f ns\n",
		       BURST, classify_ns(&b, bench_packets(&b.cluster, PACKETS)));
	}
	for (int dir = 0; dir < EG_DIRS; dir++)
		rte_acl_free(b.side[dir].acl);
	eg_address_classes_free(&b.classes);
	eg_pod_classes_free(&b.pod_classes);
	eg_rules_free(&b.rules);
	free(meter.by_policy);
	eg_cluster_free(&b.cluster);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {100, 1000, 10000};

	must(rte_eal_init(argc, argv) < 0, "rte_eal_init");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure(sizes[i], 2000000);
	return 0;
}
