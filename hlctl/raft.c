/* The coordinators as members of the consensus. */
#include "hlctl/app.h"
#include "hlctl/output.h"
#include "hlctl/run.h"

static const struct column columns[] = {
    {"ID", "id", CELL_TEXT, false},
    {"NAME", "name", CELL_TEXT, false},
    {"ADDRESS", "address", CELL_TEXT, false},
    {"STATE", "state", CELL_STATE, false},
    {"TERM", "term", CELL_TEXT, false},
    {"MATCH", "match_index", CELL_TEXT, false},
    {"APPLIED", "applied_index", CELL_TEXT, false},
    {"LAG", "lag", CELL_TEXT, false},
    {"AGE", "age_ms", CELL_AGE, false},
};

int raft_members_run(struct hlctl *h, struct trouble *t)
{
    struct answer answer;
    int rc = client_call(h, CALL_READ, "raft.members", NULL, &answer, t);

    if (rc == 0)
        output_list(h, &answer, "RaftMemberList", "coordinator", items_of(h, &answer, "items"),
                    columns, HL_COUNT(columns));
    return rc;
}
