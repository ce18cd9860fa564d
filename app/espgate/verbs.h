/* The verbs. Each gets the arguments from its name on and returns the exit status. */
#ifndef ESPGATE_VERBS_H
#define ESPGATE_VERBS_H

#define EG_EXIT_OK    0
#define EG_EXIT_ERROR 1 /* failed, or did not finish cleanly */
#define EG_EXIT_USAGE 2 /* invalid arguments */
#define EG_EXIT_NO    3 /* the answer is no: denied, or different */
#define EG_EXIT_AUDIT 4 /* denied, but policy is only audited: it passes */

int eg_verb_check(int argc, char **argv);
int eg_verb_keygen(int argc, char **argv);
int eg_verb_explain(int argc, char **argv);
int eg_verb_replay(int argc, char **argv);
int eg_verb_reload(int argc, char **argv);
int eg_verb_run(int argc, char **argv);
int eg_verb_show(int argc, char **argv);

#endif
