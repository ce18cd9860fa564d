#include "espgate/drop.h"

const char *eg_drop_name(enum eg_verdict reason)
{
	static const char *const names[] = {[EG_PASS] = "keep",
#define X(symbol, name, text) [EG_DROP_##symbol] = #name,
					    EG_DROPS(X)
#undef X
	};

	return names[reason];
}

const char *eg_drop_text(enum eg_verdict reason)
{
	static const char *const texts[] = {[EG_PASS] = "forwarded",
#define X(symbol, name, text) [EG_DROP_##symbol] = text,
					    EG_DROPS(X)
#undef X
	};

	return texts[reason];
}
