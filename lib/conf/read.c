#include "conf/read.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

size_t eg_read_enter(struct eg_read *rd, const char *fmt, ...)
{
	size_t mark = rd->path.n;
	va_list ap;

	if (mark && fmt[0] != '[')
		eg_buf_add(&rd->path, ".");
	va_start(ap, fmt);
	eg_buf_vadd(&rd->path, fmt, ap);
	va_end(ap);
	return mark;
}

void eg_read_leave(struct eg_read *rd, size_t mark)
{
	eg_buf_cut(&rd->path, mark);
}

void eg_read_no_memory(struct eg_read *rd)
{
	if (!rd->failed)
		eg_error(rd->errs, NULL, NULL, "out of memory");
	rd->failed = true;
}

void eg_read_end(struct eg_read *rd)
{
	eg_buf_free(&rd->path);
}

const struct eg_pos *eg_node_error_pos(const struct eg_node *node)
{
	return node->key ? &node->key_pos : &node->pos;
}

static const char *nearest(const struct eg_read *rd, const char *word,
			   const char *const *candidates, size_t n)
{
	/* A hostile file can contain a million mistakes; past the cap the hint is never printed. */
	return rd->errs->n_errors < EG_ERRS_MAX ? eg_text_nearest(word, candidates, n) : NULL;
}

const char *eg_read_hint(const struct eg_read *rd, const char *word, const char *const *candidates,
			 size_t n, char out[EG_HINT_MAX])
{
	const char *near = nearest(rd, word, candidates, n);

	out[0] = '\0';
	if (near)
		snprintf(out, EG_HINT_MAX, " (did you mean \"%s\"?)", near);
	return out;
}

static const char *kind_name(const struct eg_node *node)
{
	if (eg_node_is_null(node))
		return "nothing";
	switch (node->kind) {
	case EG_NODE_MAP:
		return "a map";
	case EG_NODE_SEQ:
		return "a list";
	default:
		return "a value";
	}
}

static bool expect(struct eg_read *rd, const struct eg_node *node, enum eg_node_kind kind,
		   const char *what)
{
	if (node->kind == kind && !eg_node_is_null(node))
		return true;
	eg_read_error(rd, &node->pos, "expected %s, found %s", what, kind_name(node));
	return false;
}

static void check_known(struct eg_read *rd, const struct eg_node *map,
			const struct eg_field *fields, size_t n)
{
	const char *keys[EG_READ_FIELDS_MAX];
	char hint[EG_HINT_MAX];

	for (size_t i = 0; i < n; i++)
		keys[i] = fields[i].key;
	for (const struct eg_node *node = map->child; node; node = node->next) {
		size_t i = 0;

		while (i < n && strcmp(keys[i], node->key))
			i++;
		if (i == n)
			eg_read_error(rd, &node->key_pos, "unknown key \"%s\"%s", node->key,
				      eg_read_hint(rd, node->key, keys, n, hint));
	}
}

void eg_read_map(struct eg_read *rd, const struct eg_node *node, const struct eg_field *fields,
		 size_t n, void *into)
{
	if (!expect(rd, node, EG_NODE_MAP, "a map"))
		return;
	check_known(rd, node, fields, n);
	for (size_t i = 0; i < n; i++) {
		const struct eg_node *value = eg_node_get(node, fields[i].key);

		if (value) {
			size_t mark = eg_read_enter(rd, "%s", fields[i].key);

			fields[i].read(rd, value, into);
			eg_read_leave(rd, mark);
		} else if (fields[i].required) {
			eg_read_error(rd, eg_node_error_pos(node), "missing key \"%s\"",
				      fields[i].key);
		}
	}
}

void eg_read_seq(struct eg_read *rd, const struct eg_node *node, eg_read_fn *item, void *into)
{
	size_t i = 0;

	if (!expect(rd, node, EG_NODE_SEQ, "a list"))
		return;
	for (const struct eg_node *child = node->child; child; child = child->next) {
		size_t mark = eg_read_enter(rd, "[%zu]", i++);

		item(rd, child, into);
		eg_read_leave(rd, mark);
	}
}

void eg_read_named(struct eg_read *rd, const struct eg_node *node, eg_read_fn *value, void *into)
{
	if (!expect(rd, node, EG_NODE_MAP, "a map"))
		return;
	for (const struct eg_node *child = node->child; child; child = child->next) {
		/* Names have their own length limit; do not copy a huge one for each child. */
		size_t mark = eg_read_enter(rd, "%.100s", child->key);

		value(rd, child, into);
		eg_read_leave(rd, mark);
	}
}

const char *eg_read_text(struct eg_read *rd, const struct eg_node *node)
{
	return expect(rd, node, EG_NODE_SCALAR, "a value") ? node->text : NULL;
}

bool eg_read_string(struct eg_read *rd, const struct eg_node *node, char **out)
{
	const char *text = eg_read_text(rd, node);
	char *copy;

	if (!text)
		return false;
	if (!*text) {
		eg_read_error(rd, &node->pos, "must not be empty");
		return false;
	}
	copy = strdup(text);
	if (!copy) {
		eg_read_no_memory(rd);
		return false;
	}
	free(*out);
	*out = copy;
	return true;
}

bool eg_read_bool(struct eg_read *rd, const struct eg_node *node, bool *out)
{
	const char *text = eg_read_text(rd, node);

	if (!text)
		return false;
	if (strcmp(text, "true") && strcmp(text, "false")) {
		eg_read_error(rd, &node->pos, "expected true or false, found \"%s\"", text);
		return false;
	}
	*out = text[0] == 't';
	return true;
}

bool eg_read_u64(struct eg_read *rd, const struct eg_node *node, uint64_t min, uint64_t max,
		 uint64_t *out)
{
	const char *text = eg_read_text(rd, node);
	uint64_t value;
	int err;

	if (!text)
		return false;
	err = eg_text_u64(text, &value);
	/* Octal in YAML 1.1, decimal in 1.2: allow only one spelling. */
	if (err == -EINVAL || (text[0] == '0' && isdigit((unsigned char)text[1]))) {
		eg_read_error(rd, &node->pos, "expected a number, found \"%s\"", text);
		return false;
	}
	if (err || value < min || value > max) {
		eg_read_error(rd, &node->pos, "%s is out of range (%ju-%ju)", text, (uintmax_t)min,
			      (uintmax_t)max);
		return false;
	}
	*out = value;
	return true;
}

/* A number with a unit. */
static bool read_unit(struct eg_read *rd, const struct eg_node *node,
		      int (*parse)(const char *, uint64_t *), const char *what, uint64_t *out)
{
	const char *text = eg_read_text(rd, node);
	uint64_t value;
	int err;

	if (!text)
		return false;
	err = parse(text, &value);
	if (err == -ERANGE)
		eg_read_error(rd, &node->pos, "%s is out of range", text);
	else if (err)
		eg_read_error(rd, &node->pos, "expected %s, found \"%s\"", what, text);
	else
		*out = value;
	return !err;
}

bool eg_read_duration_ns(struct eg_read *rd, const struct eg_node *node, uint64_t *out_ns)
{
	return read_unit(rd, node, eg_text_duration_ns, "a duration like 30s or 500ms", out_ns);
}

bool eg_read_bytes(struct eg_read *rd, const struct eg_node *node, uint64_t *out_bytes)
{
	return read_unit(rd, node, eg_text_bytes, "a size like 4096 or 1GiB", out_bytes);
}

bool eg_read_ip(struct eg_read *rd, const struct eg_node *node, struct eg_ip *out)
{
	const char *text = eg_read_text(rd, node);

	if (!text)
		return false;
	if (eg_ip_parse(text, out)) {
		eg_read_error(rd, &node->pos, "expected an IP address, found \"%s\"", text);
		return false;
	}
	return true;
}

static bool is_host(const struct eg_ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t zero[15];
	const uint8_t *b = ip->bytes;

	/* RFC 1122 s3.2.1.3: 0/8, 127/8 and everything from 224/4 up are not host addresses. */
	if (ip->family == 4)
		return b[0] && b[0] != 127 && b[0] < 224;
	/* RFC 4291 s2.4: ::, ::1 and ff00::/8; s2.5.5.2: mapped addresses never appear on the
	 * wire. */
	return b[0] != 0xff && memcmp(b, mapped, sizeof(mapped)) &&
	       (memcmp(b, zero, sizeof(zero)) || b[15] > 1);
}

bool eg_read_host_ip(struct eg_read *rd, const struct eg_node *node, struct eg_ip *out)
{
	struct eg_ip ip;

	if (!eg_read_ip(rd, node, &ip))
		return false;
	if (!is_host(&ip)) {
		eg_read_error(rd, &node->pos, "%s is not a host's unicast address", node->text);
		return false;
	}
	*out = ip;
	return true;
}

/* Host bits all 0 are the network's address, all 1 its broadcast address (RFC 1122 s3.2.1.3); a
 * network of two addresses has neither (RFC 3021). In IPv6 all 0 is the subnet-router anycast
 * address (RFC 4291 s2.6.1). */
static bool is_reserved(const struct eg_prefix *address)
{
	struct eg_prefix network = *address;
	uint32_t host = ~0u >> address->len % 32; /* meaningful for IPv4 with host bits */
	const uint8_t *b = address->ip.bytes;

	if (address->len + 1u >= eg_ip_bits(&address->ip))
		return false;
	if (!eg_prefix_mask(&network))
		return true;
	return address->ip.family == 4 &&
	       ((((uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) & host) == host);
}

bool eg_read_host_prefix(struct eg_read *rd, const struct eg_node *node, struct eg_prefix *out)
{
	const char *text = eg_read_text(rd, node);
	struct eg_prefix prefix;

	if (!text)
		return false;
	if (eg_prefix_parse(text, &prefix) || !prefix.len)
		eg_read_error(
			rd, &node->pos,
			"expected an address with a prefix length like 192.0.2.1/24, found \"%s\"",
			text);
	else if (!is_host(&prefix.ip) || is_reserved(&prefix))
		eg_read_error(rd, &node->pos, "%s is not a host's unicast address", text);
	else
		*out = prefix;
	return out->ip.family;
}

bool eg_read_prefix(struct eg_read *rd, const struct eg_node *node, struct eg_prefix *out)
{
	const char *text = eg_read_text(rd, node);
	char network[EG_PREFIX_TEXT];
	struct eg_prefix prefix;

	if (!text)
		return false;
	if (eg_prefix_parse(text, &prefix)) {
		eg_read_error(rd, &node->pos, "expected a prefix like 10.0.0.0/8, found \"%s\"",
			      text);
		return false;
	}
	if (eg_prefix_mask(&prefix)) {
		eg_read_error(rd, &node->pos, "%s has host bits set (did you mean %s?)", text,
			      eg_prefix_print(&prefix, network));
		return false;
	}
	*out = prefix;
	return true;
}

void eg_read_unknown(struct eg_read *rd, const struct eg_node *node, const char *near,
		     const char *const *names, size_t n)
{
	struct eg_buf all = {0};

	for (size_t i = 0; i < n; i++)
		eg_buf_add(&all, "%s%s", i ? ", " : "", names[i]);
	if (near)
		eg_read_error(rd, &node->pos, "unknown \"%s\" (did you mean \"%s\"?)", node->text,
			      near);
	else
		eg_read_error(rd, &node->pos, "unknown \"%s\" (one of: %s)", node->text,
			      all.v ? all.v : "");
	eg_buf_free(&all);
}

bool eg_read_enum(struct eg_read *rd, const struct eg_node *node, const char *const *names,
		  size_t n, unsigned *out)
{
	const char *text = eg_read_text(rd, node);

	if (!text)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(names[i], text))
			continue;
		*out = i;
		return true;
	}
	eg_read_unknown(rd, node, nearest(rd, text, names, n), names, n);
	return false;
}
