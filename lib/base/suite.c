#include "base/suite.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define GCM(bits)                                                                                  \
	[EG_SUITE_AES##bits##                                                                      \
		GCM16] = {EG_SUITE_AES##bits##GCM16, "aes" #bits "gcm16", bits / 8, 4, 8, 16, 4}

/* RFC 4106: salt of 4 bytes, IV of 8, ICV of 16, padding to 4. */
const struct eg_suite eg_suites[EG_SUITE_COUNT] = {
	GCM(128),
	GCM(192),
	GCM(256),
};

const struct eg_suite *eg_suite_find(const char *name)
{
	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		if (!strcmp(eg_suites[i].name, name))
			return &eg_suites[i];
	}
	return NULL;
}

/* The next run of letters or of digits at or behind *at; its length, 0 at the end. */
static size_t next_token(const char **at)
{
	const char *end;

	while (**at && !isalnum((unsigned char)**at))
		(*at)++;
	for (end = *at; isalnum((unsigned char)*end); end++) {
		if (!isdigit((unsigned char)*end) != !isdigit((unsigned char)**at))
			break;
	}
	return (size_t)(end - *at);
}

static bool has_token(const char *name, const char *token, size_t len)
{
	size_t n;

	for (; (n = next_token(&name)); name += n) {
		if (n == len && !strncasecmp(name, token, n))
			return true;
	}
	return false;
}

/* People know a suite's parts and get their order wrong ("aes-gcm-256"): count the parts that a
 * name shares with what was written, before letters are compared. */
const char *eg_suite_suggest(const char *name)
{
	const char *names[EG_SUITE_COUNT], *found = NULL;
	size_t best = 1; /* "aes" alone says nothing */

	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		const char *at = eg_suites[i].name;
		size_t hits = 0, n;

		names[i] = at;
		for (; (n = next_token(&at)); at += n)
			hits += has_token(name, at, n);
		if (hits > best) {
			best = hits;
			found = names[i];
		}
	}
	return found ? found : eg_text_nearest(name, names, EG_SUITE_COUNT);
}
