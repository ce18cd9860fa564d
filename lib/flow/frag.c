#include "flow/frag.h"

#include "base/hash.h"

static struct eg_frag_entry make(const struct eg_flow_tuple *tuple, uint32_t id,
				 uint32_t generation, uint32_t now_s)
{
	struct eg_frag_entry frag = {.id = id,
				     .generation = generation,
				     .seen_s = now_s,
				     .version = tuple->version,
				     .proto = tuple->proto};
	unsigned bytes = tuple->version == 4 ? 4 : 16;

	memcpy(frag.src, tuple->src, bytes);
	memcpy(frag.dst, tuple->dst, bytes);
	return frag;
}

static unsigned place(const struct eg_frag_entry *frag)
{
	return (unsigned)(eg_hash_u64(frag->src[0] ^ eg_hash_u64(frag->src[1] ^ frag->dst[0]) ^
				      eg_hash_u64(frag->dst[1] ^ frag->id)) %
			  EG_FRAG_SLOTS);
}

void eg_frag_allow(struct eg_frags *frags, const struct eg_flow_tuple *tuple, uint32_t id,
		   uint32_t generation, uint32_t now_s)
{
	struct eg_frag_entry frag = make(tuple, id, generation, now_s);

	frags->slot[place(&frag)] = frag;
}

bool eg_frag_allowed(const struct eg_frags *frags, const struct eg_flow_tuple *tuple, uint32_t id,
		     uint32_t generation, uint32_t now_s)
{
	struct eg_frag_entry want = make(tuple, id, generation, now_s);
	const struct eg_frag_entry *have = &frags->slot[place(&want)];

	return have->version == want.version && have->proto == want.proto && have->id == id &&
	       have->generation == generation && !memcmp(have->src, want.src, sizeof(want.src)) &&
	       !memcmp(have->dst, want.dst, sizeof(want.dst)) &&
	       now_s - have->seen_s <= EG_FRAG_TIMEOUT_S;
}
