/* Checks that SPIs and key files are unique: sorts all SAs by each, so that duplicates are
 * adjacent. */
#include <stdlib.h>
#include <string.h>

#include "conf/sections.h"

/* An SA and its position in the configuration. */
struct ref {
	const struct eg_conf_sa *sa;
	const struct eg_ip *remote;
	const struct eg_node *node;
	size_t peer, index;
};

struct refs {
	EG_VEC(struct ref) all;
};

static void collect(struct eg_read *rd, struct refs *refs)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *peer_node = peers ? peers->child : NULL;

	eg_vec_foreach (peer, &rd->config->peers) {
		const struct eg_node *sas = eg_node_get(peer_node, "sas");
		const struct eg_node *node = sas ? sas->child : NULL;

		eg_vec_foreach (sa, &peer->sas) {
			struct ref *ref = eg_vec_add(&refs->all);

			if (!ref) {
				eg_read_no_memory(rd);
				return;
			}
			*ref = (struct ref){sa, &peer->remote, node,
					    (size_t)(peer - rd->config->peers.v),
					    (size_t)(sa - peer->sas.v)};
			node = node->next;
		}
		peer_node = peer_node->next;
	}
}

static int compare_numbers(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_positions(const struct ref *a, const struct ref *b)
{
	int order = compare_numbers(a->peer, b->peer);

	return order ? order : compare_numbers(a->index, b->index);
}

/* An inbound SA is looked up by its SPI alone (RFC 4301 s4.1, unicast). An outbound SPI is chosen
 * by the remote and is unique only there. */
static int compare_spis(const struct ref *a, const struct ref *b)
{
	int order = compare_numbers(a->sa->dir, b->sa->dir);

	if (!order)
		order = compare_numbers(a->sa->spi, b->sa->spi);
	if (!order && a->sa->dir == EG_SA_OUT)
		order = compare_numbers(a->remote->family, b->remote->family);
	if (!order && a->sa->dir == EG_SA_OUT)
		order = memcmp(a->remote->bytes, b->remote->bytes, sizeof(a->remote->bytes));
	return order;
}

static int compare_files(const struct ref *a, const struct ref *b)
{
	const char *x = a->sa->key_file, *y = b->sa->key_file;

	return x && y ? strcmp(x, y) : compare_numbers(!x, !y);
}

static int sort_spis(const void *a, const void *b)
{
	int order = compare_spis(a, b);

	return order ? order : compare_positions(a, b);
}

static int sort_files(const void *a, const void *b)
{
	int order = compare_files(a, b);

	return order ? order : compare_positions(a, b);
}

static void report(struct eg_read *rd, const struct ref *ref, const struct ref *first,
		   const char *key, const char *why)
{
	const struct eg_node *node = eg_node_get(ref->node, key);
	size_t mark = eg_read_enter(rd, "peers.%s.sas[%zu].%s",
				    eg_conf_peer_name(rd->config, ref->peer), ref->index, key);

	eg_read_error(rd, &node->pos, "%s is already used by peers.%s.sas[%zu] (line %u)%s",
		      node->text, eg_conf_peer_name(rd->config, first->peer), first->index,
		      first->sa->pos.line, why);
	eg_read_leave(rd, mark);
}

static void check_spis(struct eg_read *rd, const struct refs *refs)
{
	const struct ref *first = NULL;

	eg_vec_foreach (ref, &refs->all) {
		bool out = ref->sa->dir == EG_SA_OUT;

		if (!ref->sa->spi || ref->sa->dir == EG_CONF_NO_DIR ||
		    (out && !ref->remote->family))
			continue;
		if (!first || compare_spis(first, ref))
			first = ref;
		else
			report(rd, ref, first, "spi",
			       out ? " for the same remote" : ": inbound SPIs must be unique");
	}
}

/* Compares names only. Equal keys in different files are detected when the files are read. */
static void check_files(struct eg_read *rd, const struct refs *refs)
{
	const struct ref *first = NULL;

	eg_vec_foreach (ref, &refs->all) {
		if (!ref->sa->key_file)
			continue;
		if (!first || compare_files(first, ref))
			first = ref;
		else
			report(rd, ref, first, "key_file",
			       ": two SAs with the same key repeat nonces (RFC 4106 s3.1)");
	}
}

/* Why an outbound SA of this suite needs a durable sequence number; NULL if it does not. CBC uses
 * random IVs: after a restart it loses packets, not secrecy. */
static const char *nonce_reason(const struct eg_suite *suite)
{
	return suite->iv == EG_IV_CLOCK
		       ? "if the clock steps back, a restart repeats its IVs, and two packets with "
			 "the same IV reveal plaintext and key (RFC 4106 s3.1, RFC 3686 s2.1)"
	       : suite->iv == EG_IV_SEQ ? "its IV is the sequence number, which must not repeat "
					  "after a restart (RFC 8750 s4, RFC 4303 s3.3.3)"
					: NULL;
}

/* Every key here is static and outlives the daemon: without a durable sequence number, a restart
 * could reuse nonces. Inbound SAs generate no nonces. */
static void check_nonces(struct eg_read *rd, const struct refs *refs)
{
	if (rd->config->state_dir)
		return;
	eg_vec_foreach (ref, &refs->all) {
		const struct eg_node *node = eg_node_get(ref->node, "suite");
		const char *reason = ref->sa->dir == EG_SA_OUT && ref->sa->suite
					     ? nonce_reason(ref->sa->suite)
					     : NULL;
		size_t mark;

		if (!reason)
			continue;
		mark = eg_read_enter(rd, "peers.%s.sas[%zu].suite",
				     eg_conf_peer_name(rd->config, ref->peer), ref->index);
		eg_read_error(rd, &node->pos, "%s requires state_dir: %s", node->text, reason);
		eg_read_leave(rd, mark);
	}
}

void eg_conf_check_sas(struct eg_read *rd)
{
	struct refs refs = {0};

	collect(rd, &refs);
	if (refs.all.n && !rd->failed) {
		check_nonces(rd, &refs);
		qsort(refs.all.v, refs.all.n, sizeof(*refs.all.v), sort_spis);
		check_spis(rd, &refs);
		qsort(refs.all.v, refs.all.n, sizeof(*refs.all.v), sort_files);
		check_files(rd, &refs);
	}
	eg_vec_free(&refs.all);
}
