/* The run functions of the commands, one file per noun. Contract: struct verb's run. */
#ifndef HL_HLCTL_RUN_H
#define HL_HLCTL_RUN_H

struct hlctl;
struct trouble;

int status_run(struct hlctl *h, struct trouble *t);             /* status.c */
int app_list_run(struct hlctl *h, struct trouble *t);           /* app.c */
int app_get_run(struct hlctl *h, struct trouble *t);            /* app.c */
int app_sync_run(struct hlctl *h, struct trouble *t);           /* sync.c */
int events_run(struct hlctl *h, struct trouble *t);             /* events.c */
int node_list_run(struct hlctl *h, struct trouble *t);          /* agent.c */
int agent_list_run(struct hlctl *h, struct trouble *t);         /* agent.c */
int agent_revoke_run(struct hlctl *h, struct trouble *t);       /* agent.c */
int raft_members_run(struct hlctl *h, struct trouble *t);       /* raft.c */
int raft_status_run(struct hlctl *h, struct trouble *t);        /* raft.c */
int raft_add_run(struct hlctl *h, struct trouble *t);           /* raft.c */
int raft_promote_run(struct hlctl *h, struct trouble *t);       /* raft.c */
int raft_remove_run(struct hlctl *h, struct trouble *t);        /* raft.c */
int raft_transfer_run(struct hlctl *h, struct trouble *t);      /* raft.c */
int raft_compact_run(struct hlctl *h, struct trouble *t);       /* raft.c */
int snapshot_save_run(struct hlctl *h, struct trouble *t);      /* snapshot.c */
int snapshot_inspect_run(struct hlctl *h, struct trouble *t);   /* snapshot.c */
int snapshot_restore_run(struct hlctl *h, struct trouble *t);   /* snapshot.c */
int kv_put_run(struct hlctl *h, struct trouble *t);             /* kv.c */
int kv_get_run(struct hlctl *h, struct trouble *t);             /* kv.c */
int kv_cas_run(struct hlctl *h, struct trouble *t);             /* kv.c */
int kv_delete_run(struct hlctl *h, struct trouble *t);          /* kv.c */
int kv_list_run(struct hlctl *h, struct trouble *t);            /* kv.c */
int kv_watch_run(struct hlctl *h, struct trouble *t);           /* kv.c */
int token_create_run(struct hlctl *h, struct trouble *t);       /* token.c */
int token_list_run(struct hlctl *h, struct trouble *t);         /* token.c */
int token_revoke_run(struct hlctl *h, struct trouble *t);       /* token.c */
int keygen_mesh_run(struct hlctl *h, struct trouble *t);        /* keygen.c */
int keygen_identity_run(struct hlctl *h, struct trouble *t);    /* keygen.c */
int keygen_coordinator_run(struct hlctl *h, struct trouble *t); /* keygen.c */
int context_list_run(struct hlctl *h, struct trouble *t);       /* context.c */
int context_use_run(struct hlctl *h, struct trouble *t);        /* context.c */
int context_add_run(struct hlctl *h, struct trouble *t);        /* context.c */
int context_rm_run(struct hlctl *h, struct trouble *t);         /* context.c */
int context_current_run(struct hlctl *h, struct trouble *t);    /* context.c */
int chart_template_run(struct hlctl *h, struct trouble *t);     /* template.c */
int chart_show_run(struct hlctl *h, struct trouble *t);         /* chart.c */
int chart_pull_run(struct hlctl *h, struct trouble *t);         /* pull.c */
int chart_deps_run(struct hlctl *h, struct trouble *t);         /* pull.c */
int chart_lint_run(struct hlctl *h, struct trouble *t);         /* chart.c */
int explain_run(struct hlctl *h, struct trouble *t);            /* explain.c */
int completion_run(struct hlctl *h, struct trouble *t);         /* complete.c */
int complete_run(struct hlctl *h, struct trouble *t);           /* complete.c */
int version_run(struct hlctl *h, struct trouble *t);            /* help.c */
int help_run(struct hlctl *h, struct trouble *t);               /* help.c */
int docs_run(struct hlctl *h, struct trouble *t);               /* docs.c */
int examples_run(struct hlctl *h, struct trouble *t);           /* docs.c */

#endif
