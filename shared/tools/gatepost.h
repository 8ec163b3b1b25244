#ifndef GP_TOOLS_GATEPOST_H
#define GP_TOOLS_GATEPOST_H

/* The subcommands of gatepost. Each is called with its own name as argv[0] and
   returns the exit code. */

int gatepost_back(int argc, char *argv[]);
int gatepost_check(int argc, char *argv[]);
int gatepost_diff(int argc, char *argv[]);
int gatepost_edit(int argc, char *argv[]);
int gatepost_explain(int argc, char *argv[]);
int gatepost_history(int argc, char *argv[]);
int gatepost_impact(int argc, char *argv[]);
int gatepost_kick(int argc, char *argv[]);
int gatepost_list(int argc, char *argv[]);
int gatepost_metrics(int argc, char *argv[]);
int gatepost_refused(int argc, char *argv[]);
int gatepost_set(int argc, char *argv[]);
int gatepost_undo(int argc, char *argv[]);
int gatepost_unset(int argc, char *argv[]);

#endif
