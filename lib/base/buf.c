#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

static int reserve(struct eg_buf *buf, size_t more)
{
	size_t want = buf->cap ? buf->cap : 64;
	char *v;

	while (want < buf->n + more + 1)
		want *= 2;
	if (want == buf->cap)
		return 0;
	v = realloc(buf->v, want);
	if (!v)
		return -1;
	buf->v = v;
	buf->cap = want;
	return 0;
}

void eg_buf_vadd(struct eg_buf *buf, const char *fmt, va_list ap)
{
	va_list measure;
	int len;

	va_copy(measure, ap);
	len = vsnprintf(NULL, 0, fmt, measure);
	va_end(measure);
	if (len < 0 || reserve(buf, (size_t)len))
		return;
	vsnprintf(buf->v + buf->n, (size_t)len + 1, fmt, ap);
	buf->n += (size_t)len;
}

void eg_buf_add(struct eg_buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	eg_buf_vadd(buf, fmt, ap);
	va_end(ap);
}

void eg_buf_cut(struct eg_buf *buf, size_t n)
{
	if (n < buf->n) {
		buf->n = n;
		buf->v[n] = '\0';
	}
}

void eg_buf_free(struct eg_buf *buf)
{
	free(buf->v);
	*buf = (struct eg_buf){0};
}
