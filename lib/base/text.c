#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define WORD_MAX 63

struct unit {
	const char *name;
	uint64_t factor;
};

/* Damerau-Levenshtein distance (adjacent swaps), computed row by row; words longer than WORD_MAX
 * never match. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *free_row = before;

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);
			size_t best = last[j - 1] + (ca != cb);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		before = last;
		last = row;
		row = free_row;
	}
	return last[nb];
}

const char *eg_text_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	size_t best = len / 3 + 1; /* a third of the letters may be wrong, but not all of them */
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, candidates[i]);

		if (d <= best && d < len && (!found || d < best)) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}

/* Parse the leading digits; *rest is the first character after them. */
static int leading_u64(const char *text, uint64_t *out, const char **rest)
{
	unsigned base = 10;
	uint64_t value = 0;
	const char *start;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	start = text;
	for (;; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned digit;

		if (isdigit(c))
			digit = c - '0';
		else if (base == 16 && isxdigit(c))
			digit = (unsigned)tolower(c) - 'a' + 10;
		else
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	if (text == start)
		return -EINVAL;
	*out = value;
	*rest = text;
	return 0;
}

int eg_text_u64(const char *text, uint64_t *out)
{
	uint64_t value;
	const char *rest;
	int err;

	if (text[0] == '2' && text[1] == '^') {
		err = leading_u64(text + 2, &value, &rest);
		if (err || *rest)
			return err ? err : -EINVAL;
		if (value > 63)
			return -ERANGE;
		*out = 1ull << value;
		return 0;
	}
	err = leading_u64(text, &value, &rest);
	if (err || *rest)
		return err ? err : -EINVAL;
	*out = value;
	return 0;
}

static int with_unit(const char *text, const struct unit *units, size_t n, uint64_t *out)
{
	const char *rest;
	uint64_t value;
	int err = leading_u64(text, &value, &rest);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rest, units[i].name))
			continue;
		return __builtin_mul_overflow(value, units[i].factor, out) ? -ERANGE : 0;
	}
	if (*rest || value)
		return -EINVAL;
	*out = 0;
	return 0;
}

int eg_text_duration_ns(const char *text, uint64_t *out_ns)
{
	static const struct unit units[] = {
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60 * 1000000000ull},
		{"h", 3600 * 1000000000ull},
		{"d", 86400 * 1000000000ull},
	};

	return with_unit(text, units, sizeof(units) / sizeof(*units), out_ns);
}

int eg_text_bytes(const char *text, uint64_t *out_bytes)
{
	static const struct unit units[] = {
		{"", 1},
		{"B", 1},
		{"kB", 1000},
		{"MB", 1000000},
		{"GB", 1000000000},
		{"TB", 1000000000000},
		{"KiB", 1ull << 10},
		{"MiB", 1ull << 20},
		{"GiB", 1ull << 30},
		{"TiB", 1ull << 40},
	};

	return with_unit(text, units, sizeof(units) / sizeof(*units), out_bytes);
}
