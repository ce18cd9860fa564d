#include "sa/marks.h"

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Half of what was reserved from `was` to `mark` is behind `now`. */
static bool half_used(uint64_t mark, uint64_t was, uint64_t now)
{
	return now > was && now - was >= (mark - was) / 2;
}

bool eg_marks_due(const struct eg_marks *marks, const struct eg_usage *now, uint64_t end)
{
	if (marks->seq < end && half_used(marks->seq, marks->was.seq, now->seq))
		return true;
	if (marks->iv == UINT64_MAX)
		return false;
	return half_used(marks->iv, marks->was.iv, now->iv) ||
	       add_capped(now->wall_ns, EG_IV_AHEAD_NS / 2) > marks->iv;
}

/* What the rate since the last write needs. */
static uint64_t block(const struct eg_marks *marks, const struct eg_usage *now, bool esn)
{
	uint64_t least = esn ? EG_SEQ_BLOCK_ESN : EG_SEQ_BLOCK;
	uint64_t elapsed_ns = now->mono_ns - marks->was.mono_ns;
	unsigned __int128 wanted;

	if (!marks->seq || now->seq <= marks->was.seq)
		return least;
	wanted = (unsigned __int128)(now->seq - marks->was.seq) * EG_SEQ_AHEAD_NS /
		 (elapsed_ns ? elapsed_ns : 1);
	return wanted < least              ? least
	       : wanted > EG_SEQ_BLOCK_MAX ? EG_SEQ_BLOCK_MAX
					   : (uint64_t)wanted;
}

struct eg_marks eg_marks_next(const struct eg_marks *marks, const struct eg_usage *now,
			      uint64_t end, bool esn, unsigned spread)
{
	uint64_t least = block(marks, now, esn);
	uint64_t ahead = least + least / 4 / EG_SPREAD * spread;
	uint64_t iv_count = add_capped(now->iv, 2 * ahead);
	uint64_t iv_clock =
		add_capped(now->wall_ns, EG_IV_AHEAD_NS - EG_IV_AHEAD_NS / 3 / EG_SPREAD * spread);
	struct eg_marks next = {
		.seq = add_capped(now->seq, ahead),
		.iv = iv_count > iv_clock ? iv_count : iv_clock,
		.was = *now,
	};

	/* A mark never comes down: what it covered may be in use since `now` was read. */
	if (next.seq > end)
		next.seq = end;
	if (next.seq < marks->seq)
		next.seq = marks->seq;
	if (next.iv < marks->iv)
		next.iv = marks->iv;
	return next;
}

bool eg_received_due(const struct eg_marks *marks, const struct eg_usage *now)
{
	return now->seq > marks->seq &&
	       (!marks->seq || now->mono_ns - marks->was.mono_ns >= EG_RECEIVED_NS);
}

struct eg_marks eg_received_next(const struct eg_usage *now)
{
	return (struct eg_marks){.seq = now->seq, .was = *now};
}

double eg_marks_left(const struct eg_marks *marks, const struct eg_usage *now, double pps)
{
	double left = marks->seq > now->seq ? (double)(marks->seq - now->seq) : 0;
	double used = now->seq > marks->was.seq ? (double)(now->seq - marks->was.seq) : 0;
	double seconds = (double)(now->mono_ns - marks->was.mono_ns) / (double)EG_NS_PER_S;
	double rate = seconds > 0 ? used / seconds : 0;

	rate = rate > pps ? rate : pps;
	return left / (rate > 1 ? rate : 1);
}
