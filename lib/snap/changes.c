#include "snap/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "policy/describe.h"

void eg_change_add(struct eg_change *change, const char *name)
{
	char *copy, **slot;

	change->n++;
	if (change->names.n == EG_CHANGES_NAMES)
		return;
	copy = strdup(name);
	slot = copy ? eg_vec_add(&change->names) : NULL;
	if (slot)
		*slot = copy;
	else
		free(copy);
}

static void free_change(struct eg_change *change)
{
	eg_vec_foreach (name, &change->names)
		free(*name);
	eg_vec_free(&change->names);
}

void eg_changes_free(struct eg_changes *changes)
{
	free_change(&changes->peers_added);
	free_change(&changes->peers_removed);
	free_change(&changes->policies_added);
	free_change(&changes->policies_removed);
	free_change(&changes->policies_changed);
	free_change(&changes->pods_added);
	free_change(&changes->pods_removed);
	free_change(&changes->pods_changed);
}

/* --- what an object says, as text: the same text is the same object */

static void say_labels(const struct eg_cluster *cluster, const struct eg_labels *labels,
		       struct eg_buf *out)
{
	eg_vec_foreach (label, labels)
		eg_buf_add(out, "%s=%s,", eg_sym_text(&cluster->syms, label->key),
			   eg_sym_text(&cluster->syms, label->value));
}

static void say_peer(const struct eg_cluster *cluster, const struct eg_peer *peer,
		     struct eg_buf *out)
{
	char text[EG_PREFIX_TEXT];

	if (peer->is_block) {
		eg_buf_add(out, "block %s", eg_prefix_print(&peer->cidr, text));
		eg_vec_foreach (except, &peer->except)
			eg_buf_add(out, " except %s", eg_prefix_print(except, text));
	}
	if (peer->has_ns) {
		eg_buf_add(out, " ns ");
		eg_describe_selector(cluster, &peer->ns, out);
	}
	if (peer->has_pod) {
		eg_buf_add(out, " pod ");
		eg_describe_selector(cluster, &peer->pod, out);
	}
	eg_buf_add(out, ";");
}

static void say_policy(const struct eg_cluster *cluster, uint32_t index, struct eg_buf *out)
{
	const struct eg_netpol *policy = &cluster->policies.v[index];

	eg_buf_add(out, "%d%d%d ", policy->isolates[EG_INGRESS], policy->isolates[EG_EGRESS],
		   policy->quarantined);
	eg_describe_selector(cluster, &policy->pods, out);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		eg_vec_foreach (rule, &policy->rules[dir]) {
			eg_buf_add(out, "\n%d: ", dir);
			eg_vec_foreach (peer, &rule->peers)
				say_peer(cluster, peer, out);
			eg_vec_foreach (port, &rule->ports) {
				eg_buf_add(out, " port ");
				eg_describe_port(cluster, port, out);
			}
		}
	}
}

static void say_pod(const struct eg_cluster *cluster, uint32_t index, struct eg_buf *out)
{
	const struct eg_pod *pod = &cluster->pods.v[index];
	char text[EG_IP_TEXT];

	eg_buf_add(out, "%d%d%d ", pod->host_network, pod->finished, pod->quarantined);
	say_labels(cluster, &pod->labels, out);
	eg_vec_foreach (ip, &pod->ips)
		eg_buf_add(out, " %s", eg_ip_print(ip, text));
	eg_vec_foreach (port, &pod->ports)
		eg_buf_add(out, " %s:%u/%u", eg_sym_text(&cluster->syms, port->name), port->port,
			   port->proto);
	eg_buf_add(out, " %s",
		   pod->node == EG_NONE
			   ? ""
			   : eg_sym_text(&cluster->syms, cluster->nodes.v[pod->node].name));
}

/* --- two lists of objects */

struct item {
	char *name;     /* "namespace/name"; owned */
	uint64_t print; /* of what it says */
};

struct items {
	struct item *v;
	size_t n;
};

/* FNV-1a: no adversary gains from two objects that look equal in a report. */
static uint64_t fingerprint(const struct eg_buf *text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < text->n; i++)
		hash = (hash ^ (unsigned char)text->v[i]) * 0x100000001b3ull;
	return hash;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static void free_items(struct items *items)
{
	for (size_t i = 0; items->v && i < items->n; i++)
		free(items->v[i].name);
	free(items->v);
}

typedef void say_fn(const struct eg_cluster *cluster, uint32_t index, struct eg_buf *out);

/* False: out of memory. */
static bool list(const struct eg_cluster *cluster, size_t n, say_fn *name, say_fn *say,
		 struct items *items)
{
	struct eg_buf text = {0};
	bool complete = true;

	items->v = calloc(n + 1, sizeof(*items->v));
	for (items->n = 0; items->v && items->n < n; items->n++) {
		struct item *item = &items->v[items->n];
		struct eg_buf words = {0};

		name(cluster, (uint32_t)items->n, &words);
		item->name = words.v;
		complete &= item->name != NULL;
		eg_buf_cut(&text, 0);
		say(cluster, (uint32_t)items->n, &text);
		item->print = fingerprint(&text);
	}
	eg_buf_free(&text);
	if (items->v && complete)
		qsort(items->v, items->n, sizeof(*items->v), compare_items);
	return items->v && complete;
}

static void compare_lists(const struct items *before, const struct items *now,
			  struct eg_change *added, struct eg_change *removed,
			  struct eg_change *changed)
{
	size_t b = 0, n = 0;

	while (b < before->n || n < now->n) {
		int order = b == before->n ? 1
			    : n == now->n  ? -1
					   : strcmp(before->v[b].name, now->v[n].name);

		if (order < 0) {
			eg_change_add(removed, before->v[b++].name);
		} else if (order > 0) {
			eg_change_add(added, now->v[n++].name);
		} else {
			if (before->v[b].print != now->v[n].print)
				eg_change_add(changed, now->v[n].name);
			b++;
			n++;
		}
	}
}

static uint64_t count_rules(const struct eg_cluster *cluster)
{
	uint64_t n = 0;

	eg_vec_foreach (policy, &cluster->policies)
		n += policy->rules[EG_INGRESS].n + policy->rules[EG_EGRESS].n;
	return n;
}

void eg_changes_policy(struct eg_changes *changes, const struct eg_cluster *before,
		       const struct eg_cluster *now)
{
	static const struct eg_cluster none;
	struct items old = {0}, new = {0};

	before = before ? before : &none;
	now = now ? now : &none;
	changes->rules_before = count_rules(before);
	changes->rules = count_rules(now);
	if (list(before, before->policies.n, eg_describe_policy, say_policy, &old) &&
	    list(now, now->policies.n, eg_describe_policy, say_policy, &new))
		compare_lists(&old, &new, &changes->policies_added, &changes->policies_removed,
			      &changes->policies_changed);
	free_items(&old);
	free_items(&new);
	old = new = (struct items){0};
	if (list(before, before->pods.n, eg_describe_pod, say_pod, &old) &&
	    list(now, now->pods.n, eg_describe_pod, say_pod, &new))
		compare_lists(&old, &new, &changes->pods_added, &changes->pods_removed,
			      &changes->pods_changed);
	free_items(&old);
	free_items(&new);
}
