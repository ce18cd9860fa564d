/* A growing text buffer, NUL-terminated once something has been added. Owned by its holder. Zeroed
 * memory is an empty buffer. Not thread-safe. Not for secrets. */
#ifndef EG_BASE_BUF_H
#define EG_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct eg_buf {
	char *v;
	size_t n, cap;
};

/* Append formatted text. If memory is short, the buffer is left unchanged. */
void eg_buf_add(struct eg_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void eg_buf_vadd(struct eg_buf *buf, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Truncate to n bytes. */
void eg_buf_cut(struct eg_buf *buf, size_t n);

void eg_buf_free(struct eg_buf *buf);

#endif
