#include "control/service.h"

#include <stdlib.h>

#include "espgate/version.h"

static void add_change(struct json_object *changes, const char *key, const struct eg_change *change)
{
	struct json_object *to = eg_json_object(changes, key), *names;

	eg_json_u64(to, "n", change->n);
	names = eg_json_array(to, "names");
	eg_vec_foreach (name, &change->names)
		eg_json_add_text(names, *name);
}

static void add_changes(struct json_object *result, const struct eg_changes *changes)
{
	struct json_object *to = eg_json_object(result, "changes");

	add_change(to, "peers_added", &changes->peers_added);
	add_change(to, "peers_removed", &changes->peers_removed);
	eg_json_u64(to, "sas_new", changes->sas_new);
	eg_json_u64(to, "sas_retiring", changes->sas_retiring);
	eg_json_u64(to, "sas_removed", changes->sas_removed);
	add_change(to, "policies_added", &changes->policies_added);
	add_change(to, "policies_removed", &changes->policies_removed);
	add_change(to, "policies_changed", &changes->policies_changed);
	eg_json_u64(to, "rules_before", changes->rules_before);
	eg_json_u64(to, "rules", changes->rules);
	add_change(to, "pods_added", &changes->pods_added);
	add_change(to, "pods_removed", &changes->pods_removed);
	add_change(to, "pods_changed", &changes->pods_changed);
}

static void add_messages(struct json_object *result, const char *key, const struct eg_errs *errs,
			 enum eg_severity severity)
{
	struct json_object *to = eg_json_array(result, key);

	eg_vec_foreach (msg, &errs->msgs) {
		if (msg->severity == severity)
			eg_json_add_text(to, msg->text);
	}
}

static struct json_object *new_reload_result(const struct eg_reload_result *reload)
{
	struct json_object *result = json_object_new_object();

	if (!result)
		return NULL;
	eg_json_bool(result, "in_force", !reload->refused);
	eg_json_u64(result, "generation", reload->generation);
	eg_json_real(result, "took_ms", (double)reload->took_ns / 1e6);
	eg_json_u64(result, "n_errors", reload->errs->n_errors);
	add_messages(result, "errors", reload->errs, EG_ERROR);
	add_messages(result, "quarantined", reload->errs, EG_QUARANTINE);
	add_messages(result, "warnings", reload->errs, EG_WARNING);
	if (!reload->refused)
		add_changes(result, reload->changes);
	return result;
}

/* Calls remember their reload's number in `from`, which reload has no other use for. */
static void on_reloaded(void *arg, const struct eg_reload_result *result)
{
	struct eg_control_service *service = arg;
	struct eg_control_call **at = &service->reloads;

	while (*at) {
		struct eg_control_call *call = *at;

		if (call->request.from > result->number) {
			at = &call->next;
			continue;
		}
		*at = call->next;
		if (call->request.from == result->number)
			eg_control_call_result(call, new_reload_result(result));
		else
			eg_control_call_error(call, EG_CONTROL_SUPERSEDED,
					      "a newer reload has taken this one's place");
	}
}

static void reload(struct eg_control_service *service, struct eg_control_call *call)
{
	struct eg_ctl *ctl = service->ctl;

	eg_log(ctl->log, EG_LOG_CORE, EG_LOG_INFO, "reload requested by uid %u (pid %d)",
	       (unsigned)call->uid, (int)call->pid);
	call->request.from = eg_ctl_reload(ctl, service->applied, service->applied_arg);
	if (!call->request.from) {
		eg_control_call_error(call, EG_CONTROL_NO_MEMORY, "out of memory");
		return;
	}
	call->next = service->reloads;
	service->reloads = call;
}

static void handle(void *arg, struct eg_control_call *call)
{
	struct eg_control_service *service = arg;
	const struct eg_control_request *request = &call->request;

	switch (request->verb) {
	case EG_CONTROL_VERB_SHOW:
		eg_control_call_result(call, eg_show(&service->source, request->what, request->from,
						     request->limit));
		break;
	case EG_CONTROL_VERB_RELOAD:
		reload(service, call);
		break;
	case EG_CONTROL_VERBS: /* not a verb: eg_control_parse() */
		break;
	}
}

static void on_sample(void *arg)
{
	struct eg_control_service *service = arg;

	eg_show_sample(&service->source);
}

int eg_control_service_start(struct eg_control_service *service)
{
	struct eg_loop *loop = service->ctl->loop;

	service->source = (struct eg_show_source){.ctl = service->ctl, .workers = service->workers};
	service->sampler = eg_loop_add_timer(loop, "worker samples", on_sample, service);
	if (!service->sampler)
		return -1;
	eg_loop_set_timer(service->sampler, 1, EG_SHOW_SAMPLE_NS);
	service->server = eg_control_server_new(loop, service->fd, EG_VERSION, handle, service);
	if (!service->server)
		return -1;
	service->ctl->reload.reloaded = on_reloaded;
	service->ctl->reload.reloaded_arg = service;
	return 0;
}

void eg_control_service_stop(struct eg_control_service *service)
{
	struct eg_control_call *call = service->reloads, *next;

	service->ctl->reload.reloaded = NULL;
	eg_control_server_free(service->server);
	for (; call; call = next) {
		next = call->next;
		free(call);
	}
	eg_loop_remove(service->ctl->loop, service->sampler);
	service->reloads = NULL;
	service->server = NULL;
	service->sampler = NULL;
}
