/* Files that look like a dump that failed. What is missing from such a file opens something: an
 * unknown pod is isolated by no policy, a lost policy isolates no pod. */
#include "k8s/reader.h"

int eg_k8s_check_file(struct eg_k8s *k8s, const struct eg_tree *tree, const char *path)
{
	const struct eg_pos pos = {.file = path};

	if (tree->blank)
		eg_error(k8s->errs, &pos, NULL,
			 "is empty: a dump that failed looks like this (delete the file if nothing "
			 "belongs in it)");
	else if (tree->open_end)
		eg_error(k8s->errs, &pos, NULL,
			 "is cut off: its last line has no end (if it is complete, end it with a "
			 "newline)");
	else if (!tree->n_docs)
		eg_warning(k8s->errs, &pos, NULL, "no object in it");
	if (!tree->blank && !tree->open_end)
		return 0;
	k8s->failed = true;
	return -1;
}

void eg_k8s_refuse_status(struct eg_k8s *k8s, const struct eg_node *object)
{
	const struct eg_node *message = eg_node_get(object, "message");

	eg_k8s_error(k8s, object, "kind Status is an error of the API server, not its answer: %s",
		     message && message->kind == EG_NODE_SCALAR ? message->text : "no message");
}
