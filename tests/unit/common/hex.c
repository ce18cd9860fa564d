#include "common/hex.h"

#include "common/test.h"

static unsigned digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c);

	if (c == '_')
		return 0;
	assert_true(c && at);
	return (unsigned)(at - digits);
}

size_t hex_bytes(const char *text, uint8_t *out, size_t max)
{
	size_t half = 0;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		assert_true(half / 2 < max);
		if (half % 2)
			out[half / 2] |= (uint8_t)digit(*text);
		else
			out[half / 2] = (uint8_t)(digit(*text) << 4);
		half++;
	}
	assert_int_equal(half % 2, 0);
	return half / 2;
}
