/* Reads files into trees. */
#include "conf/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct text {
	char *v;
	size_t n, cap;
};

static int grow(struct text *text, size_t max)
{
	size_t cap = text->cap ? text->cap * 2 : (size_t)64 << 10;
	char *v;

	if (cap > max)
		cap = max;
	v = realloc(text->v, cap);
	if (!v)
		return -1;
	text->v = v;
	text->cap = cap;
	return 0;
}

/* Read to the end, or one byte past `limit`. Works for pipes and devices, too, whose size is
 * unknown. */
static int read_all(int fd, size_t limit, struct text *text)
{
	while (text->n <= limit) {
		ssize_t got;

		if (text->n == text->cap && grow(text, limit + 1))
			return -1;
		got = read(fd, text->v + text->n, text->cap - text->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			return 0;
		text->n += (size_t)got;
	}
	return 0;
}

static const char *file_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	case S_IFDIR:
		return "a directory";
	default:
		return "something else";
	}
}

int eg_tree_read_file(const char *path, const struct eg_tree_limits *limits, struct eg_tree *tree,
		      struct eg_errs *errs)
{
	struct eg_pos pos = {.file = path};
	struct text text = {0};
	struct stat st;
	int fd, ret = -1;

	*tree = (struct eg_tree){0};
	/* O_NONBLOCK: opening a FIFO would wait for a writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | (limits->files_only ? O_NONBLOCK : 0));
	if (fd < 0 || fstat(fd, &st)) {
		eg_error(errs, &pos, NULL, "cannot open: %s", strerror(errno));
		goto out;
	}
	if (limits->files_only && !S_ISREG(st.st_mode)) {
		eg_error(errs, &pos, NULL, "is %s, not a file", file_type(st.st_mode));
		goto out;
	}
	/* Do not read a file that is known to be too large. */
	if (S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size > limits->bytes) {
		eg_error(errs, &pos, NULL, "larger than %zu bytes", limits->bytes);
		goto out;
	}
	if (read_all(fd, limits->bytes, &text)) {
		eg_error(errs, &pos, NULL, "cannot read: %s", strerror(errno));
		goto out;
	}
	ret = eg_tree_read_text(text.v, text.n, path, limits, tree, errs);
out:
	free(text.v);
	if (fd >= 0)
		close(fd);
	return ret;
}
