/* show config, memory, health. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_mempool.h>

#include "control/show.h"
#include "espgate/version.h"

/* UTC; null for 0. */
static void add_time(struct json_object *row, const char *key, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / EG_NS_PER_S);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	eg_json_text(row, key, wall_ns ? text : NULL);
}

void eg_view_config(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;
	const struct eg_snap_policy *policy = page->snap ? page->snap->policy : NULL;
	struct json_object *row = eg_page_row(page);

	eg_json_text(row, "version", EG_VERSION);
	eg_json_text(row, "file", ctl->config->file);
	eg_json_u64(row, "generation", page->snap ? page->snap->generation : 0);
	add_time(row, "in_force_since", ctl->reload.since_ns);
	eg_json_u64(row, "reloads", ctl->reload.submitted);
	eg_json_u64(row, "reloads_in_force", ctl->reload.in_force);
	eg_json_u64(row, "reloads_refused", ctl->reload.refused);
	add_time(row, "last_refused", ctl->reload.refused_ns);
	eg_json_u64(row, "ports", ctl->ports->n);
	eg_json_u64(row, "workers", ctl->n_workers);
	eg_json_u64(row, "peers", ctl->reload.installed.n_ids);
	eg_json_u64(row, "sas", ctl->tunnels->n_sas);
	eg_json_u64(row, "routes", page->snap ? page->snap->world->n_prefixes : 0);
	eg_json_text(row, "policy_mode", !policy ? "off" : policy->audit ? "audit" : "enforce");
	eg_json_u64(row, "policies", policy ? policy->cluster.policies.n : 0);
	eg_json_u64(row, "rules", policy ? eg_policy_stats(policy->compiled)->n_rules : 0);
	eg_json_u64(row, "classes", policy ? eg_policy_stats(policy->compiled)->n_classes : 0);
	eg_json_u64(row, "pods", policy ? policy->cluster.pods.n : 0);
	eg_json_u64(row, "namespaces", policy ? policy->cluster.namespaces.n : 0);
	eg_json_u64(row, "quarantined", policy ? policy->cluster.quarantined.n : 0);
	eg_json_text(row, "log_target", ctl->log->target);
	eg_json_text(row, "state_dir", ctl->config->state_dir);
}

static void add_memory(struct eg_page *page, const char *what, uint64_t used, uint64_t total)
{
	struct json_object *row = eg_page_row(page);

	eg_json_text(row, "what", what);
	eg_json_u64(row, "used_bytes", used);
	eg_json_u64(row, "total_bytes", total);
}

static void add_pool(struct eg_page *page, const char *what, struct rte_mempool *pool)
{
	uint64_t each =
		pool ? (uint64_t)pool->elt_size + pool->header_size + pool->trailer_size : 0;

	if (pool)
		add_memory(page, what, each * rte_mempool_in_use_count(pool), each * pool->size);
}

static void add_process(struct eg_page *page)
{
	unsigned long size = 0, resident = 0;
	FILE *in = fopen("/proc/self/statm", "r");
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!in)
		return;
	if (fscanf(in, "%lu %lu", &size, &resident) == 2)
		add_memory(page, "resident memory, of the address space", resident * page_bytes,
			   size * page_bytes);
	fclose(in);
}

static void add_heap(struct eg_page *page)
{
	struct rte_malloc_socket_stats stats;
	uint64_t used = 0, total = 0;

	for (unsigned socket = 0; socket < RTE_MAX_NUMA_NODES; socket++) {
		if (rte_malloc_get_socket_stats((int)socket, &stats))
			continue;
		used += stats.heap_allocsz_bytes;
		total += stats.heap_totalsz_bytes;
	}
	add_memory(page, "DPDK heap, with packet buffers", used, total);
}

void eg_view_memory(struct eg_page *page)
{
	const struct eg_ctl *ctl = page->source->ctl;
	const struct eg_snap *snap = page->snap;

	add_process(page);
	add_heap(page);
	add_pool(page, "packet buffers", ctl->ports->pool);
	add_pool(page, "large packet buffers", ctl->ports->large);
	for (unsigned p = 0; p < ctl->ports->n; p++)
		add_pool(page, ctl->config->ports.v[p].name, ctl->ports->port[p].pool);
	add_memory(page, "connections",
		   ctl->flows->bytes / ctl->flows->n_numbers * eg_flow_in_use(ctl->flows),
		   ctl->flows->bytes);
	if (snap) {
		uint64_t routes = eg_lpm_bytes(snap->world->routes);
		uint64_t policy = snap->policy ? eg_policy_stats(snap->policy->compiled)->bytes : 0;

		add_memory(page, "routes", routes, routes);
		add_memory(page, "compiled policy", policy, policy);
	}
}

/* --- health */

enum status {
	OK,
	DEGRADED, /* it forwards, but not everything works */
	FAILED,
};

static const char *const statuses[] = {"ok", "degraded", "failed"};

struct health {
	struct eg_page *page;
	enum status worst;
};

__attribute__((format(printf, 4, 5))) static void add_check(struct health *health,
							    const char *check, enum status status,
							    const char *fmt, ...)
{
	struct json_object *row = eg_page_row(health->page);
	struct eg_buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(&text, fmt, ap);
	va_end(ap);
	eg_json_text(row, "check", check);
	eg_json_text(row, "status", statuses[status]);
	eg_json_text(row, "text", text.v);
	eg_buf_free(&text);
	if (status > health->worst)
		health->worst = status;
}

void eg_show_sample(struct eg_show_source *source)
{
	uint64_t now_ns = eg_mono_ns();

	for (unsigned w = 0; w < source->workers->n; w++) {
		uint64_t iterations = eg_counted(&source->workers->worker[w]->iterations);

		if (iterations != source->pulse.iterations[w] || !source->pulse.changed_ns[w])
			source->pulse.changed_ns[w] = now_ns;
		source->pulse.iterations[w] = iterations;
	}
}

static void check_workers(struct health *health)
{
	const struct eg_show_source *source = health->page->source;
	uint64_t now_ns = eg_mono_ns();
	unsigned stuck = 0;

	for (unsigned w = 0; w < source->workers->n; w++)
		stuck += now_ns - source->pulse.changed_ns[w] > EG_SHOW_STUCK_NS &&
			 source->pulse.changed_ns[w];
	add_check(health, "workers", stuck ? FAILED : OK, "%u of %u poll",
		  source->workers->n - stuck, source->workers->n);
}

static void check_links(struct health *health)
{
	const struct eg_ctl *ctl = health->page->source->ctl;
	uint32_t down = atomic_load_explicit(&ctl->ports->links_down, memory_order_relaxed);
	unsigned n = (unsigned)__builtin_popcount(down);

	add_check(health, "links",
		  n == ctl->ports->n ? FAILED
		  : n                ? DEGRADED
				     : OK,
		  "%u of %u ports have a link", ctl->ports->n - n, ctl->ports->n);
}

static void check_peers(struct health *health)
{
	const struct eg_tunnels *tunnels = health->page->source->ctl->tunnels;
	uint32_t n = eg_id_list_n(&tunnels->probes), down = 0;

	for (uint32_t i = 0; i < n; i++)
		down += !eg_tunnel_is_up(tunnels, eg_id_list_at(&tunnels->probes, i));
	add_check(health, "peers", down ? DEGRADED : OK, "%u of %u probed peers answer", n - down,
		  n);
}

static void check_config(struct health *health)
{
	const struct eg_ctl *ctl = health->page->source->ctl;
	const struct eg_snap *snap = health->page->snap;
	bool refused = ctl->reload.refused_ns > ctl->reload.since_ns;
	size_t quarantined = snap && snap->policy ? snap->policy->cluster.quarantined.n : 0;

	if (!snap)
		add_check(health, "configuration", FAILED, "none is in force");
	else
		add_check(health, "configuration", refused ? DEGRADED : OK,
			  refused ? "the last reload was refused; generation %lu stays in force"
				  : "generation %lu is in force",
			  (unsigned long)snap->generation);
	add_check(health, "policies", quarantined ? DEGRADED : OK, "%zu objects quarantined",
		  quarantined);
}

static void check_state(struct health *health)
{
	bool failed = health->page->source->ctl->sa_upkeep.failed_ns != 0;

	add_check(health, "state", failed ? DEGRADED : OK, "%s",
		  failed ? "state_dir cannot be written: SAs stop when their reservations end"
			 : "reservations of SAs are written");
}

void eg_view_health(struct eg_page *page)
{
	struct health health = {.page = page};

	check_workers(&health);
	check_links(&health);
	check_config(&health);
	check_peers(&health);
	check_state(&health);
	eg_json_text(page->result, "status", statuses[health.worst]);
}
