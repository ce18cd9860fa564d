/* What no two SAs of a gateway may share: all SAs are sorted by it, so that those which do stand
 * side by side. */
#include <stdlib.h>
#include <string.h>

#include "conf/sections.h"

/* An SA, and where it is written. */
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

static int by_number(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

static int by_place(const struct ref *a, const struct ref *b)
{
	int order = by_number(a->peer, b->peer);

	return order ? order : by_number(a->index, b->index);
}

/* An inbound SA is found by its SPI alone (RFC 4301 s4.1, unicast); an outbound SPI was chosen
 * by the remote and says something there only. */
static int compare_spis(const struct ref *a, const struct ref *b)
{
	int order = by_number(a->sa->dir, b->sa->dir);

	if (!order)
		order = by_number(a->sa->spi, b->sa->spi);
	if (!order && a->sa->dir == EG_SA_OUT)
		order = by_number(a->remote->family, b->remote->family);
	if (!order && a->sa->dir == EG_SA_OUT)
		order = memcmp(a->remote->bytes, b->remote->bytes, sizeof(a->remote->bytes));
	return order;
}

static int compare_files(const struct ref *a, const struct ref *b)
{
	const char *x = a->sa->key_file, *y = b->sa->key_file;

	return x && y ? strcmp(x, y) : by_number(!x, !y);
}

static int sort_spis(const void *a, const void *b)
{
	int order = compare_spis(a, b);

	return order ? order : by_place(a, b);
}

static int sort_files(const void *a, const void *b)
{
	int order = compare_files(a, b);

	return order ? order : by_place(a, b);
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
			       out ? " for the same remote" : ": inbound SPIs are unique");
	}
}

/* By name only: that different files hold different keys is checked where they are read. */
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
			       ": two SAs with one key repeat nonces (RFC 4106 s3.1)");
	}
}

/* Why an outbound SA of this suite needs a durable mark; NULL where it does not. CBC's IVs are
 * random: there a restart costs packets, not secrecy. */
static const char *nonce_reason(const struct eg_suite *suite)
{
	return suite->iv == EG_IV_CLOCK
		       ? "where the clock steps back a restart repeats its IVs, and two packets "
			 "under one IV give away text and key (RFC 4106 s3.1, RFC 3686 s2.1)"
	       : suite->iv == EG_IV_SEQ
		       ? "its IV is the sequence number, which no restart may repeat (RFC 8750 "
			 "s4, RFC 4303 s3.3.3)"
		       : NULL;
}

/* Every key here is static and outlives the daemon: without a durable mark a restart could send
 * under the same nonces again. An SA that only receives makes no nonces. */
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
		eg_read_error(rd, &node->pos, "%s is refused without a state_dir: %s", node->text,
			      reason);
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
