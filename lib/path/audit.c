#include "path/audit.h"

#include "path/drop.h"

void eg_audit(struct eg_path *path, unsigned i, enum eg_verdict reason)
{
	eg_count(&path->stats->would_drop[reason], 1);
	if (eg_tokens_take(&path->audit_lines, path->now.cycles,
			   path->cycles_per_s / EG_AUDIT_PER_S, EG_AUDIT_BURST))
		eg_drop_note_audit(path, i, reason);
}
