/* Labels and label selectors, by the rules of the API server. */
#include <ctype.h>

#include "k8s/reader.h"

#define NAME_MAX_BYTES   63
#define PREFIX_MAX_BYTES 253

static const char *const operators[] = {
	[EG_OP_IN] = "In",
	[EG_OP_NOT_IN] = "NotIn",
	[EG_OP_EXISTS] = "Exists",
	[EG_OP_NOT_EXISTS] = "DoesNotExist",
};

#define N_OPERATORS (sizeof(operators) / sizeof(*operators))

/* Letters, digits, - _ and ., beginning and ending with a letter or digit. */
static bool is_name(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return false;
	return n && n <= NAME_MAX_BYTES && isalnum((unsigned char)text[0]) &&
	       isalnum((unsigned char)text[n - 1]);
}

/* DNS-1123 subdomain: lower-case labels joined by dots. */
static bool is_subdomain(const char *text, size_t n)
{
	bool edge = true; /* at the start of a label or after a hyphen */
	char before = '.';

	if (!n || n > PREFIX_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; before = text[i++]) {
		bool plain = islower((unsigned char)text[i]) || isdigit((unsigned char)text[i]);

		edge = before == '.';
		if (!plain && (edge || (text[i] != '-' && text[i] != '.') ||
			       (text[i] == '.' && before == '-')))
			return false;
	}
	return before != '.' && before != '-';
}

/* A qualified name: "name", or "example.com/name". */
static bool is_label_key(const char *key)
{
	const char *slash = strchr(key, '/');

	if (slash && !is_subdomain(key, (size_t)(slash - key)))
		return false;
	return slash ? is_name(slash + 1, strlen(slash + 1)) : is_name(key, strlen(key));
}

bool eg_k8s_is_name(const char *text)
{
	return is_subdomain(text, strlen(text));
}

static bool is_label_value(const char *value)
{
	return !*value || is_name(value, strlen(value));
}

static void check_key(struct eg_k8s *k8s, const struct eg_pos *pos, const char *key)
{
	if (!is_label_key(key))
		eg_k8s_error_at(k8s, pos, "\"%s\" is not a valid label key", key);
}

/* A label value; EG_SYM_NONE after an error. text NULL: an error was already reported. */
static eg_sym check_value(struct eg_k8s *k8s, const struct eg_node *node, const char *text)
{
	if (!text)
		return EG_SYM_NONE;
	if (!is_label_value(text)) {
		eg_k8s_error(k8s, node, "\"%s\" is not a valid label value", text);
		return EG_SYM_NONE;
	}
	return eg_k8s_sym(k8s, text);
}

static void add_value(struct eg_k8s *k8s, struct eg_requirement *req, eg_sym value)
{
	eg_sym *entry = value ? eg_vec_add(&req->values) : NULL;

	if (entry)
		*entry = value;
	else if (value)
		eg_k8s_no_memory(k8s);
}

static struct eg_requirement *add_requirement(struct eg_k8s *k8s, struct eg_selector *selector,
					      const char *key, enum eg_op op)
{
	eg_sym sym = eg_k8s_sym(k8s, key);
	struct eg_requirement *req = sym ? eg_vec_add(&selector->reqs) : NULL;

	if (!req) {
		eg_k8s_no_memory(k8s);
		return NULL;
	}
	req->key = sym;
	req->op = op;
	return req;
}

static void read_match_labels(struct eg_k8s *k8s, const struct eg_node *labels,
			      struct eg_selector *selector)
{
	for (const struct eg_node *it = labels->child; it; it = it->next) {
		struct eg_requirement *req;
		size_t before;

		check_key(k8s, &it->key_pos, it->key);
		before = eg_k8s_enter(k8s, it->key);
		req = add_requirement(k8s, selector, it->key, EG_OP_IN);
		if (req)
			add_value(k8s, req, check_value(k8s, it, eg_k8s_text(k8s, it)));
		eg_k8s_leave(k8s, before);
	}
}

static void read_values(struct eg_k8s *k8s, const struct eg_node *expression,
			struct eg_requirement *req)
{
	const struct eg_node *values = eg_k8s_seq(k8s, expression, "values");
	bool wanted = req->op == EG_OP_IN || req->op == EG_OP_NOT_IN;
	size_t before = eg_k8s_enter(k8s, "values"), i = 0;

	if (wanted && (!values || !values->n_children))
		eg_k8s_error(k8s, values ? values : expression, "%s requires at least one value",
			     operators[req->op]);
	else if (!wanted && values && values->n_children)
		eg_k8s_error(k8s, values, "%s takes no values", operators[req->op]);
	for (const struct eg_node *it = wanted && values ? values->child : NULL; it;
	     it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);

		add_value(k8s, req, check_value(k8s, it, eg_k8s_text(k8s, it)));
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
}

/* A requirement without key or operator would select more than intended. */
static void check_present(struct eg_k8s *k8s, const struct eg_node *node, const char *field)
{
	const struct eg_node *value = eg_node_get(node, field);

	if (!value)
		eg_k8s_error(k8s, node, "%s: missing", field);
	else if (eg_node_is_null(value))
		eg_k8s_error(k8s, value, "%s: must not be null", field);
}

static void read_expression(struct eg_k8s *k8s, const struct eg_node *node,
			    struct eg_selector *selector)
{
	static const char *const fields[] = {"key", "operator", "values"};
	struct eg_requirement *req;
	const char *key;
	int op;

	if (node->kind != EG_NODE_MAP) {
		eg_k8s_error(k8s, node, "must be a map with key, operator and values");
		return;
	}
	eg_k8s_check_fields(k8s, node, fields, 3);
	key = eg_k8s_string(k8s, node, "key");
	if (key)
		check_key(k8s, &eg_node_get(node, "key")->pos, key);
	else
		check_present(k8s, node, "key");
	op = eg_k8s_enum(k8s, node, "operator", operators, N_OPERATORS);
	if (op < 0)
		check_present(k8s, node, "operator");
	req = key && op >= 0 ? add_requirement(k8s, selector, key, (enum eg_op)op) : NULL;
	if (req)
		read_values(k8s, node, req);
}

void eg_k8s_selector(struct eg_k8s *k8s, const struct eg_node *node, struct eg_selector *selector)
{
	static const char *const fields[] = {"matchLabels", "matchExpressions"};
	const struct eg_node *labels, *expressions;
	size_t before, i = 0;

	eg_k8s_check_fields(k8s, node, fields, 2);
	labels = eg_k8s_map(k8s, node, "matchLabels");
	expressions = eg_k8s_seq(k8s, node, "matchExpressions");
	before = eg_k8s_enter(k8s, "matchLabels");
	if (labels)
		read_match_labels(k8s, labels, selector);
	eg_k8s_leave(k8s, before);
	before = eg_k8s_enter(k8s, "matchExpressions");
	for (const struct eg_node *it = expressions ? expressions->child : NULL; it;
	     it = it->next) {
		size_t item = eg_k8s_enter_item(k8s, i++);

		read_expression(k8s, it, selector);
		eg_k8s_leave(k8s, item);
	}
	eg_k8s_leave(k8s, before);
}

void eg_k8s_labels(struct eg_k8s *k8s, const struct eg_node *node, struct eg_labels *labels)
{
	for (const struct eg_node *it = node ? node->child : NULL; it; it = it->next) {
		struct eg_label *label;
		size_t before;
		eg_sym value;

		check_key(k8s, &it->key_pos, it->key);
		before = eg_k8s_enter(k8s, it->key);
		value = check_value(k8s, it, eg_k8s_scalar(k8s, it));
		eg_k8s_leave(k8s, before);
		label = value ? eg_vec_add(labels) : NULL;
		if (label)
			*label = (struct eg_label){eg_k8s_sym(k8s, it->key), value};
		else if (value)
			eg_k8s_no_memory(k8s);
	}
	eg_labels_sort(labels);
}
