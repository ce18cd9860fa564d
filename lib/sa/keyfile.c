#include "sa/keyfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

#define FILE_MAX 4096 /* leaves space for comments */

/* Read the whole file into buf, NUL-terminated. Unbuffered, so that stdio keeps no copy of a key.
 */
static int read_file(const char *path, const struct eg_err_place *place, char buf[FILE_MAX + 1],
		     struct eg_errs *errs)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret = -1;
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0) {
		eg_error(errs, &place->pos, place->path, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st)) {
		eg_error(errs, &place->pos, place->path, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		eg_error(errs, &place->pos, place->path, "%s: not a regular file", path);
	} else if (st.st_mode & 077) {
		eg_error(errs, &place->pos, place->path,
			 "%s: mode %04o grants access to group or others (chmod 600 it, and make a "
			 "new key "
			 "if anyone could read this one)",
			 path, (unsigned)st.st_mode & 07777);
	} else if (st.st_uid && st.st_uid != geteuid()) {
		eg_error(
			errs, &place->pos, place->path,
			"%s: belongs to user %u, who can read and replace it (chown it to the user "
			"that runs espgate, or to root)",
			path, (unsigned)st.st_uid);
	} else if (st.st_size > FILE_MAX) {
		eg_error(errs, &place->pos, place->path, "%s: longer than %d bytes: not a key file",
			 path, FILE_MAX);
	} else {
		while (n < FILE_MAX && (got = read(fd, buf + n, FILE_MAX - n)) > 0)
			n += (size_t)got;
		buf[n] = '\0';
		if (got < 0)
			eg_error(errs, &place->pos, place->path, "%s: %s", path, strerror(errno));
		else if (strlen(buf) < n) /* text after it would be ignored */
			eg_error(errs, &place->pos, place->path,
				 "%s: contains a NUL byte: not a key file", path);
		else
			ret = 0;
	}
	close(fd);
	return ret;
}

static int hex_digit(int c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* One line of a key file. */
struct key_line {
	const char *what; /* for messages */
	size_t key_bytes; /* length of the part checked by is_placeholder() */
	size_t bytes;
};

/* The lines of a suite's key file in order: one or two. Returns their number. */
static unsigned lines_of(const struct eg_suite *suite, struct key_line lines[2])
{
	unsigned n = 0;

	if (suite->key_bytes)
		lines[n++] = (struct key_line){suite->salt_bytes ? "key and salt" : "key",
					       suite->key_bytes,
					       (size_t)suite->key_bytes + suite->salt_bytes};
	if (suite->auth_key_bytes)
		lines[n++] = (struct key_line){"authentication key", suite->auth_key_bytes,
					       suite->auth_key_bytes};
	return n;
}

/* Parse the hex digits of one line. Errors give the length of the key, never its contents. */
static int read_hex(const char *text, const struct eg_pos *at, const struct key_line *line,
		    uint8_t *out, struct eg_errs *errs)
{
	size_t n;

	if (text[0] == '0' && text[1] == 'x' && text[2]) /* as ip xfrm prints it */
		text += 2;
	n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		if (hex_digit((unsigned char)text[i]) < 0) {
			eg_error(errs, at, "", "not a hex digit at character %zu of the key",
				 i + 1);
			return -1;
		}
	}
	if (n != 2 * line->bytes) {
		eg_error(errs, at, "", "%zu hex digits, but the suite needs %zu (%s)", n,
			 2 * line->bytes, line->what);
		return -1;
	}
	for (size_t i = 0; i < line->bytes; i++)
		out[i] = (uint8_t)(hex_digit((unsigned char)text[2 * i]) << 4 |
				   hex_digit((unsigned char)text[2 * i + 1]));
	return 0;
}

/* All bytes equal: a forgotten placeholder, never the output of getrandom(2). */
static bool is_placeholder(const uint8_t *key, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (key[i] != key[0])
			return false;
	}
	return true;
}

/* Strip comments and blanks from both ends of a line, in place. */
static char *trim(char *line)
{
	char *end;

	line[strcspn(line, "#\r")] = '\0';
	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return line;
}

/* Parse the text of a key file, modifying it, into material. Returns the number of keys, or -1. */
static int parse(char *text, const char *path, const struct eg_suite *suite, uint8_t *material,
		 struct eg_errs *errs)
{
	struct eg_pos at = {.file = path, .line = 0, .column = 1};
	struct key_line lines[2];
	unsigned n = lines_of(suite, lines), key = 0;

	while (text) {
		char *hex = trim(strsep(&text, "\n"));

		at.line++;
		if (!*hex)
			continue;
		if (key == n) {
			eg_error(errs, &at, "", "a %s key, but %s has %s",
				 n == 1 ? "second" : "third", suite->name, n == 1 ? "one" : "two");
			return -1;
		}
		if (read_hex(hex, &at, &lines[key], material, errs))
			return -1;
		if (is_placeholder(material, lines[key].key_bytes)) {
			eg_error(errs, &at, "",
				 "all bytes of the key are equal (make one with "
				 "espgate keygen %s)",
				 suite->name);
			return -1;
		}
		material += lines[key++].bytes;
	}
	return (int)key;
}

int eg_keyfile_read(const char *path, const struct eg_suite *suite,
		    const struct eg_err_place *place, uint8_t *material, struct eg_errs *errs)
{
	char text[FILE_MAX + 1];
	struct key_line lines[2];
	int n = (int)lines_of(suite, lines), found = -1;

	if (!read_file(path, place, text, errs))
		found = parse(text, path, suite, material, errs);
	eg_secret_wipe(text, sizeof(text));
	if (found == 0)
		eg_error(errs, &place->pos, place->path, "%s: contains no key", path);
	else if (found > 0 && found < n)
		eg_error(errs, &place->pos, place->path, "%s: contains no %s, which %s needs", path,
			 lines[found].what, suite->name);
	return found == n ? 0 : -1;
}

/* Render a new key as the text of its file, not terminated; returns its length. -1 with errno set.
 */
static int make_text(const struct eg_suite *suite, char text[2 * EG_SUITE_KEY_MAX + 2])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t material[EG_SUITE_KEY_MAX];
	const uint8_t *byte = material;
	struct key_line lines[2];
	unsigned n = lines_of(suite, lines);
	char *at = text;

	if (eg_secret_random(material, eg_suite_material_bytes(suite)))
		return -1;
	for (unsigned key = 0; key < n; key++) {
		for (size_t i = 0; i < lines[key].bytes; i++, byte++) {
			*at++ = digits[*byte >> 4];
			*at++ = digits[*byte & 15];
		}
		*at++ = '\n';
	}
	eg_secret_wipe(material, sizeof(material));
	return (int)(at - text);
}

int eg_keyfile_create(const char *path, const struct eg_suite *suite, struct eg_errs *errs)
{
	bool to_stdout = !strcmp(path, "-");
	char text[2 * EG_SUITE_KEY_MAX + 2];
	int fd = STDOUT_FILENO, ret = -1, n;

	n = make_text(suite, text);
	if (n < 0) {
		eg_error(errs, NULL, "keygen", "getrandom: %s", strerror(errno));
		return -1;
	}
	if (!to_stdout)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		eg_error(errs, NULL, path, "%s",
			 errno == EEXIST ? "already exists, and keys are never overwritten"
					 : strerror(errno));
	else if ((!to_stdout && fchmod(fd, 0600)) || /* the umask may have removed bits */
		 eg_write_all(fd, text, (size_t)n) || (!to_stdout && fsync(fd)))
		eg_error(errs, NULL, path, "%s", strerror(errno));
	else
		ret = 0;
	if (!to_stdout && fd >= 0) {
		close(fd);
		if (ret) /* half a key would only get in the way of the next attempt */
			unlink(path);
	}
	eg_secret_wipe(text, sizeof(text));
	return ret;
}
