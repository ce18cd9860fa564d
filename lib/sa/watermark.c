#include "sa/watermark.h"

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Has `now` consumed half of what was reserved, from `was` to `mark`? */
static bool half_consumed(uint64_t mark, uint64_t was, uint64_t now)
{
	return now > was && now - was >= (mark - was) / 2;
}

bool eg_watermarks_due(const struct eg_watermarks *watermarks, const struct eg_usage *now,
		       uint64_t end)
{
	if (watermarks->seq < end && half_consumed(watermarks->seq, watermarks->was.seq, now->seq))
		return true;
	if (watermarks->iv == UINT64_MAX)
		return false;
	return half_consumed(watermarks->iv, watermarks->was.iv, now->iv) ||
	       add_capped(now->wall_ns, EG_IV_AHEAD_NS / 2) > watermarks->iv;
}

/* Block size for the rate since the last write. */
static uint64_t block_size(const struct eg_watermarks *watermarks, const struct eg_usage *now,
			   bool esn)
{
	uint64_t least = esn ? EG_SEQ_BLOCK_ESN : EG_SEQ_BLOCK;
	uint64_t elapsed_ns = now->mono_ns - watermarks->was.mono_ns;
	unsigned __int128 wanted;

	if (!watermarks->seq || now->seq <= watermarks->was.seq)
		return least;
	wanted = (unsigned __int128)(now->seq - watermarks->was.seq) * EG_SEQ_AHEAD_NS /
		 (elapsed_ns ? elapsed_ns : 1);
	return wanted < least              ? least
	       : wanted > EG_SEQ_BLOCK_MAX ? EG_SEQ_BLOCK_MAX
					   : (uint64_t)wanted;
}

struct eg_watermarks eg_watermarks_next(const struct eg_watermarks *watermarks,
					const struct eg_usage *now, uint64_t end, bool esn,
					unsigned spread)
{
	uint64_t least = block_size(watermarks, now, esn);
	uint64_t ahead = least + least / 4 / EG_SPREAD * spread;
	uint64_t iv_count = add_capped(now->iv, 2 * ahead);
	uint64_t iv_clock =
		add_capped(now->wall_ns, EG_IV_AHEAD_NS - EG_IV_AHEAD_NS / 3 / EG_SPREAD * spread);
	struct eg_watermarks next = {
		.seq = add_capped(now->seq, ahead),
		.iv = iv_count > iv_clock ? iv_count : iv_clock,
		.was = *now,
	};

	/* Watermarks never go backwards: numbers below may be in use since `now` was read. */
	if (next.seq > end)
		next.seq = end;
	if (next.seq < watermarks->seq)
		next.seq = watermarks->seq;
	if (next.iv < watermarks->iv)
		next.iv = watermarks->iv;
	return next;
}

bool eg_received_due(const struct eg_watermarks *watermarks, const struct eg_usage *now)
{
	return now->seq > watermarks->seq &&
	       (!watermarks->seq || now->mono_ns - watermarks->was.mono_ns >= EG_RECEIVED_NS);
}

struct eg_watermarks eg_received_next(const struct eg_usage *now)
{
	return (struct eg_watermarks){.seq = now->seq, .was = *now};
}

double eg_watermarks_seconds_left(const struct eg_watermarks *watermarks,
				  const struct eg_usage *now, double pps)
{
	double left = watermarks->seq > now->seq ? (double)(watermarks->seq - now->seq) : 0;
	double used = now->seq > watermarks->was.seq ? (double)(now->seq - watermarks->was.seq) : 0;
	double seconds = (double)(now->mono_ns - watermarks->was.mono_ns) / (double)EG_NS_PER_S;
	double rate = seconds > 0 ? used / seconds : 0;

	rate = rate > pps ? rate : pps;
	return left / (rate > 1 ? rate : 1);
}
