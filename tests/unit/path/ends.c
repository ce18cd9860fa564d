#include "path/ends.h"

#define ETH 14

struct ends ends_open(struct gw_spec spec)
{
	struct ends ends = {.seq = spec.esn ? (1ull << 32) - 30 : 0};

	spec.site = 1;
	ends.one = gw_open(spec);
	ends.tunnel = tunnel_from(ends.one);
	spec.site = 2;
	ends.two = gw_open(spec);
	gw_ready(ends.one);
	gw_ready(ends.two);
	atomic_store(&gw_sa_out(ends.one)->seq, ends.seq);
	gw_sa_in(ends.two)->replay.top = ends.seq;
	return ends;
}

void ends_close(struct ends *ends)
{
	assert_int_equal(gw_drops_all(ends->one) + gw_drops_all(ends->two), 0);
	gw_close(ends->one);
	gw_close(ends->two);
}

void ends_cross(struct ends *ends, struct frame in[EG_BATCH_MAX], struct frame wire[EG_BATCH_MAX])
{
	static struct frame out[EG_BATCH_MAX];

	gw_send(ends->one, CLEAR, in, EG_BATCH_MAX);
	assert_int_equal(gw_forward(ends->one, ends->two, wire), EG_BATCH_MAX);
	assert_int_equal(gw_sent(ends->two, CLEAR, out, EG_BATCH_MAX), EG_BATCH_MAX);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		struct frame opened = open_frame(&ends->tunnel, &wire[i], ++ends->seq);

		age(in[i].bytes + ETH, 1);
		assert_int_equal(opened.n, in[i].n - ETH);
		assert_memory_equal(opened.bytes, in[i].bytes + ETH, opened.n);
		age(in[i].bytes + ETH, 1);
		assert_int_equal(out[i].n, in[i].n);
		assert_memory_equal(out[i].bytes + ETH, in[i].bytes + ETH, in[i].n - ETH);
	}
}
