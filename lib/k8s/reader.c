#include "k8s/reader.h"

#include <ctype.h>
#include <strings.h>

#include "base/text.h"

size_t eg_k8s_enter(struct eg_k8s *k8s, const char *field)
{
	size_t before = k8s->path.n;
	const char *joint = before > k8s->name_len ? "." : before ? ": " : "";

	eg_buf_add(&k8s->path, "%s%s", joint, field);
	return before;
}

size_t eg_k8s_enter_item(struct eg_k8s *k8s, size_t index)
{
	size_t before = k8s->path.n;

	eg_buf_add(&k8s->path, "[%zu]", index);
	return before;
}

void eg_k8s_leave(struct eg_k8s *k8s, size_t before)
{
	eg_buf_cut(&k8s->path, before);
}

/* The first error becomes the reason for quarantine; the others are only counted. */
static void object_error(struct eg_k8s *k8s, const struct eg_pos *at, const char *text)
{
	struct eg_buf reason = {0};
	const char *fields = "";

	if (k8s->object.n_errors++)
		return;
	if (k8s->path.v && k8s->path.n > k8s->name_len)
		fields = k8s->path.v + k8s->name_len + strspn(k8s->path.v + k8s->name_len, ": ");
	eg_buf_add(&reason, "%s%s%s", fields, *fields ? ": " : "", text);
	k8s->object.reason = reason.v;
	k8s->object.pos = at ? *at : (struct eg_pos){0};
	if (!reason.v)
		eg_k8s_no_memory(k8s);
}

static void report(struct eg_k8s *k8s, const struct eg_pos *at, const char *fmt, va_list ap)
{
	struct eg_buf text = {0};

	eg_buf_vadd(&text, fmt, ap);
	if (!text.v) {
		eg_k8s_no_memory(k8s);
		return;
	}
	if (k8s->object.open && k8s->options.quarantine) {
		object_error(k8s, at, text.v);
	} else {
		k8s->object.n_errors++;
		eg_error(k8s->errs, at, k8s->path.v, "%s", text.v);
		k8s->failed = true;
	}
	eg_buf_free(&text);
}

void eg_k8s_error(struct eg_k8s *k8s, const struct eg_node *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(k8s, at ? &at->pos : NULL, fmt, ap);
	va_end(ap);
}

void eg_k8s_error_at(struct eg_k8s *k8s, const struct eg_pos *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(k8s, at, fmt, ap);
	va_end(ap);
}

void eg_k8s_no_memory(struct eg_k8s *k8s)
{
	if (!k8s->out_of_memory)
		eg_error(k8s->errs, NULL, NULL, "out of memory while reading Kubernetes objects");
	k8s->failed = k8s->out_of_memory = true;
}

static const struct eg_node *field_of_kind(struct eg_k8s *k8s, const struct eg_node *in,
					   const char *field, enum eg_node_kind kind,
					   const char *what)
{
	const struct eg_node *node = eg_node_get(in, field);
	size_t before;

	if (!node || eg_node_is_null(node))
		return NULL;
	if (node->kind == kind)
		return node;
	before = eg_k8s_enter(k8s, field);
	eg_k8s_error(k8s, node, "must be %s", what);
	eg_k8s_leave(k8s, before);
	return NULL;
}

const struct eg_node *eg_k8s_map(struct eg_k8s *k8s, const struct eg_node *in, const char *field)
{
	return field_of_kind(k8s, in, field, EG_NODE_MAP, "a map");
}

const struct eg_node *eg_k8s_seq(struct eg_k8s *k8s, const struct eg_node *in, const char *field)
{
	return field_of_kind(k8s, in, field, EG_NODE_SEQ, "a list");
}

static bool has_upper(const char *text)
{
	for (; *text; text++)
		if (isupper((unsigned char)*text))
			return true;
	return false;
}

static bool has_lower(const char *text)
{
	for (; *text; text++)
		if (islower((unsigned char)*text))
			return true;
	return false;
}

/* Words that kubectl's YAML parser (go-yaml 2, YAML 1.1) reads as a bool: yes, Yes, YES. It quotes
 * exactly these strings, so an equally exact test keeps dumps readable. */
static bool is_bool_word(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "y", "n"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(text, words[i]))
			return !has_upper(text + 1) || !has_lower(text);
	return false;
}

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789_");
}

/* The same for numbers: integers, hex and the like, and floats, whose exponent needs a sign
 * (12e4567 may be a commit hash). 1.2.3 is not a number. */
static bool is_number(const char *text)
{
	const char *digits, *end;

	text += *text == '-' || *text == '+';
	if (!strcasecmp(text, ".inf") || !strcasecmp(text, ".nan"))
		return true;
	if (text[0] == '0' && text[1] && strchr("xXoObB", text[1]) &&
	    isxdigit((unsigned char)text[2]))
		return !text[2 + strspn(text + 2, "0123456789abcdefABCDEF_")];
	digits = text;
	end = skip_digits(digits);
	if (*end == '.') {
		digits = end + 1;
		end = skip_digits(digits);
	}
	if (end == digits || *text == '_')
		return false;
	if ((*end == 'e' || *end == 'E') && (end[1] == '-' || end[1] == '+')) {
		digits = end + 2;
		end = skip_digits(digits);
		return end > digits && !*end;
	}
	return !*end;
}

const char *eg_k8s_scalar(struct eg_k8s *k8s, const struct eg_node *node)
{
	if (node->kind == EG_NODE_SCALAR && !eg_node_is_null(node))
		return node->text;
	eg_k8s_error(k8s, node, "must be a string");
	return NULL;
}

const char *eg_k8s_text(struct eg_k8s *k8s, const struct eg_node *node)
{
	if (!eg_k8s_scalar(k8s, node))
		return NULL;
	if (node->plain && (is_bool_word(node->text) || is_number(node->text))) {
		eg_k8s_error(k8s, node, "must be a string: put \"%s\" in quotes", node->text);
		return NULL;
	}
	return node->text;
}

const char *eg_k8s_string(struct eg_k8s *k8s, const struct eg_node *in, const char *field)
{
	const struct eg_node *node = eg_node_get(in, field);
	const char *text;
	size_t before;

	if (!node || eg_node_is_null(node))
		return NULL;
	before = eg_k8s_enter(k8s, field);
	text = eg_k8s_text(k8s, node);
	eg_k8s_leave(k8s, before);
	return text;
}

const char *eg_k8s_peek_text(const struct eg_node *in, const char *field)
{
	const struct eg_node *node = eg_node_get(in, field);

	return node && node->kind == EG_NODE_SCALAR && !eg_node_is_null(node) && *node->text
		       ? node->text
		       : NULL;
}

static void unknown_word(struct eg_k8s *k8s, const struct eg_node *at, const char *text,
			 const char *const *words, size_t n)
{
	struct eg_buf all = {0};

	for (size_t i = 0; i < n; i++)
		eg_buf_add(&all, "%s%s", i ? ", " : "", words[i]);
	eg_k8s_error(k8s, at, "unknown \"%s\" (one of: %s)", text, all.v ? all.v : "");
	eg_buf_free(&all);
}

int eg_k8s_enum(struct eg_k8s *k8s, const struct eg_node *in, const char *field,
		const char *const *words, size_t n)
{
	const char *text = eg_k8s_string(k8s, in, field);
	size_t before;

	if (!text)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return (int)i;
	before = eg_k8s_enter(k8s, field);
	unknown_word(k8s, eg_node_get(in, field), text, words, n);
	eg_k8s_leave(k8s, before);
	return -1;
}

void eg_k8s_check_fields(struct eg_k8s *k8s, const struct eg_node *map, const char *const *fields,
			 size_t n)
{
	for (const struct eg_node *it = map->child; it; it = it->next) {
		const char *near;
		size_t i = 0;

		while (i < n && strcmp(it->key, fields[i]))
			i++;
		if (i < n)
			continue;
		near = eg_text_nearest(it->key, fields, n);
		if (near)
			eg_k8s_error_at(k8s, &it->key_pos,
					"unknown field \"%s\" (did you mean \"%s\"?)", it->key,
					near);
		else
			eg_k8s_error_at(k8s, &it->key_pos, "unknown field \"%s\"", it->key);
	}
}

bool eg_k8s_ip(struct eg_k8s *k8s, const struct eg_node *node, struct eg_ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (node->kind != EG_NODE_SCALAR || eg_ip_parse(node->text, ip)) {
		eg_k8s_error(k8s, node, "must be an IP address");
		return false;
	}
	if (ip->family == 6 && !memcmp(ip->bytes, mapped, sizeof(mapped))) {
		eg_k8s_error(k8s, node, "write IPv4-mapped addresses as IPv4");
		return false;
	}
	return true;
}

eg_sym eg_k8s_sym(struct eg_k8s *k8s, const char *text)
{
	eg_sym sym = eg_sym_intern(&k8s->cluster->syms, text);

	if (sym == EG_SYM_NONE)
		eg_k8s_no_memory(k8s);
	return sym;
}

/* The entry of a symbol; the table grows as needed. */
static uint32_t *entry_of(struct eg_k8s *k8s, struct eg_words *table, eg_sym sym)
{
	while (table->n <= sym)
		if (eg_words_add(table, 0)) {
			eg_k8s_no_memory(k8s);
			return NULL;
		}
	return &table->v[sym];
}

uint32_t eg_k8s_namespace(struct eg_k8s *k8s, eg_sym name, const struct eg_pos *pos)
{
	uint32_t *entry = entry_of(k8s, &k8s->ns_of_sym, name);
	struct eg_namespace *ns;

	if (!entry)
		return EG_NONE;
	if (*entry)
		return *entry - 1;
	ns = eg_vec_add(&k8s->cluster->namespaces);
	if (!ns) {
		eg_k8s_no_memory(k8s);
		return EG_NONE;
	}
	*ns = (struct eg_namespace){.name = name, .implied = true, .pos = *pos};
	*entry = (uint32_t)k8s->cluster->namespaces.n;
	return *entry - 1;
}

uint32_t eg_k8s_node(struct eg_k8s *k8s, eg_sym name)
{
	uint32_t *entry = entry_of(k8s, &k8s->node_of_sym, name);
	struct eg_cluster_node *node;

	if (!entry)
		return EG_NONE;
	if (*entry)
		return *entry - 1;
	node = eg_vec_add(&k8s->cluster->nodes);
	if (!node) {
		eg_k8s_no_memory(k8s);
		return EG_NONE;
	}
	node->name = name;
	*entry = (uint32_t)k8s->cluster->nodes.n;
	return *entry - 1;
}
