#include "conf/tree_sanitize.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct out {
	char *v; /* NULL: only count bytes */
	size_t n;
};

static void put(struct out *out, const char *bytes, size_t n)
{
	if (out->v)
		memcpy(out->v + out->n, bytes, n);
	out->n += n;
}

/* Length of the character at `at` if JSON allows it and libyaml's reader does not; otherwise 0. */
static size_t unreadable_bytes(const unsigned char *at, size_t left)
{
	if (at[0] == 0x7f) /* DEL */
		return 1;
	if (left >= 2 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0 && at[1] != 0x85) /* C1 */
		return 2;
	if (left >= 3 && at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) /* U+FEFF */
		return 3;
	if (left >= 3 && at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe) /* U+FFFE, U+FFFF */
		return 3;
	return 0;
}

/* \uD800 to \uDFFF: half of a surrogate pair, which YAML does not support. */
static bool is_surrogate(const char *at, size_t left)
{
	return left >= 6 && at[1] == 'u' && (at[2] == 'd' || at[2] == 'D') &&
	       strchr("89abcdefABCDEF", at[3]) && at[3] && isxdigit((unsigned char)at[4]) &&
	       isxdigit((unsigned char)at[5]);
}

/* Process one character or escape; returns the number of bytes consumed. */
static size_t sanitize_one(const char *text, size_t len, size_t i, struct out *out)
{
	size_t n = unreadable_bytes((const unsigned char *)text + i, len - i);
	bool line_start = !i || text[i - 1] == '\n';

	if (n == 3 && text[i + 1] == '\xbb' && line_start)
		return n; /* a byte order mark; files joined by cat have one each */
	if (n) {
		put(out, EG_TREE_REPLACEMENT, strlen(EG_TREE_REPLACEMENT));
		return n;
	}
	if (text[i] == '\\' && is_surrogate(text + i, len - i)) {
		put(out, "\\ufffd", 6);
		return 6;
	}
	/* An escaped backslash does not escape what follows it. */
	n = text[i] == '\\' && i + 1 < len && text[i + 1] == '\\' ? 2 : 1;
	put(out, text + i, n);
	return n;
}

static void sanitize(const char *text, size_t len, struct out *out)
{
	for (size_t i = 0; i < len;)
		i += sanitize_one(text, len, i, out);
}

static bool is_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' ? is_surrogate(text + i, len - i)
				    : unreadable_bytes((const unsigned char *)text + i, len - i))
			return false;
	}
	return true;
}

int eg_tree_sanitize(const char *text, size_t len, char **copy, size_t *copy_len)
{
	struct out out = {0};

	*copy = NULL;
	if (is_clean(text, len))
		return 0;
	sanitize(text, len, &out);
	out.v = malloc(out.n + 1);
	if (!out.v)
		return -ENOMEM;
	*copy_len = out.n;
	out.n = 0;
	sanitize(text, len, &out);
	*copy = out.v;
	return 0;
}
