#include "path/resync.h"

#include "net/bytes.h"
#include "path/stages.h"

/* Is the ICV right with this sequence number? Tried on a copy. */
static bool opens(struct eg_path *path, const struct eg_crypto_op *op, uint8_t aad[12],
		  uint64_t seq, uint8_t icv_bytes)
{
	struct eg_crypto_op trial = *op;

	memcpy(path->resync.text, op->text, op->text_len + icv_bytes);
	memcpy(aad, op->aad, 4);
	eg_put64(aad + 4, seq);
	trial.text = path->resync.text;
	trial.icv = trial.text + op->text_len;
	trial.aad = aad;
	trial.iv = op->iv == op->aad + 4 ? aad + 4 : op->iv;
	eg_crypto_open(path->crypto, &trial, 1);
	return trial.ok;
}

void eg_resync(struct eg_path *path, unsigned i)
{
	struct eg_meta *meta = &path->batch.meta[i];
	struct eg_crypto_op *op = &path->esp.op[i];
	struct eg_replay *replay = &meta->sa->replay;
	uint64_t last = UINT64_MAX - UINT32_MAX;
	uint8_t aad[12];

	if (op->text_len + meta->sa->icv_bytes > sizeof(path->resync.text) ||
	    !eg_tokens_take(&path->resync.tokens, path->now.cycles,
			    path->cycles_per_s / EG_RESYNC_PPS, EG_RESYNC_BURST))
		return;
	/* The inferred number first, every time: forged packets may have started the search. */
	for (unsigned k = 0; k < EG_RESYNC_TRIES; k++) {
		uint64_t ahead = k ? (uint64_t)replay->tried + k : 0;
		uint64_t seq;

		if (ahead > EG_RESYNC_SPAN || meta->seq > last - (ahead << 32))
			break;
		seq = meta->seq + (ahead << 32);
		if (opens(path, op, aad, seq, meta->sa->icv_bytes)) {
			meta->seq = seq;
			memcpy(path->esp.aad[i], aad, sizeof(aad));
			return;
		}
	}
	replay->tried += EG_RESYNC_TRIES - 1;
	if (replay->tried >= EG_RESYNC_SPAN)
		replay->tried = 0;
}
