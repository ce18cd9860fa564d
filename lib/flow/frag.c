#include "flow/frag.h"

#include "base/hash.h"

static struct eg_frag_entry make(const struct eg_flow_tuple *tuple, uint32_t id, uint32_t now_s)
{
	struct eg_frag_entry frag = {.id = id,
				     .seen_s = now_s,
				     .sport = tuple->sport,
				     .dport = tuple->dport,
				     .version = tuple->version,
				     .proto = tuple->proto};
	unsigned bytes = tuple->version == 4 ? 4 : 16;

	memcpy(frag.src, tuple->src, bytes);
	memcpy(frag.dst, tuple->dst, bytes);
	return frag;
}

static struct eg_frag_entry *set_of(struct eg_frags *frags, const struct eg_frag_entry *frag)
{
	return frags->set[eg_hash_u64(frags->seed ^ frag->src[0] ^
				      eg_hash_u64(frags->seed ^ frag->src[1] ^ frag->dst[0]) ^
				      eg_hash_u64(frags->seed ^ frag->dst[1] ^ frag->id)) %
			  EG_FRAG_SETS];
}

static bool is_same(const struct eg_frag_entry *a, const struct eg_frag_entry *b)
{
	return a->version == b->version && a->proto == b->proto && a->id == b->id &&
	       !memcmp(a->src, b->src, sizeof(a->src)) && !memcmp(a->dst, b->dst, sizeof(a->dst));
}

/* Free entries count as oldest. */
static uint32_t age_s(const struct eg_frag_entry *frag, uint32_t now_s)
{
	return frag->version ? now_s - frag->seen_s : UINT32_MAX;
}

struct eg_frag_entry *eg_frag_put(struct eg_frags *frags, const struct eg_flow_tuple *tuple,
				  uint32_t id, uint32_t now_s)
{
	struct eg_frag_entry frag = make(tuple, id, now_s), *set = set_of(frags, &frag);
	struct eg_frag_entry *place = set;

	for (struct eg_frag_entry *at = set; at < set + EG_FRAG_WAYS; at++) {
		if (is_same(at, &frag)) {
			place = at;
			break;
		}
		if (age_s(at, now_s) > age_s(place, now_s))
			place = at;
	}
	*place = frag;
	return place;
}

struct eg_frag_entry *eg_frag_get(struct eg_frags *frags, const struct eg_flow_tuple *tuple,
				  uint32_t id, uint32_t now_s)
{
	struct eg_frag_entry want = make(tuple, id, now_s), *set = set_of(frags, &want);

	for (struct eg_frag_entry *at = set; at < set + EG_FRAG_WAYS; at++) {
		if (is_same(at, &want) && age_s(at, now_s) <= EG_FRAG_TIMEOUT_S)
			return at;
	}
	return NULL;
}
