/*
 * Standing: has this coordinator still got the disk that the others know it by?
 *
 * Raft rests on members that remember what they promised. One that comes back under its old id with
 * an empty folder has forgotten votes and acknowledged entries, and could help to elect a leader
 * that lacks what was committed. So a folder gets a random number when it is made, the others
 * remember the first that they heard from each member, and a coordinator whose store is empty takes
 * no part in anything until enough of them have said that they know no other number for it:
 *
 *   need(n) = min(n - 1, n / 2 + 1) others of a roster of n
 *
 * Any two such sets have a member in common, who would know the older number. Each message carries
 * all that its sender remembers, so that whoever comes later knows it before it counts. One that is
 * refused ends, with the way out (docs/operations.md). A store that is not empty proves itself and
 * waits for nobody; but it asks as well, at each start, until every coordinator of its roster has
 * answered.
 *
 * The file `standing.json` in the coordinator's folder holds its own number and those it remembers;
 * it is written durably before an answer leaves.
 *
 * Threads: the mesh actor's.
 */
#ifndef HL_COORDINATOR_STANDING_H
#define HL_COORDINATOR_STANDING_H

#include "edge/wire/hub.h"

struct standing;

/* HL_EINVAL or HL_EIO naming the file. */
HL_MUST int standing_open(struct str dir, const struct roster *roster, uint64_t member,
                          bool is_store_empty, struct standing **out, struct err *err);
void standing_free(struct standing *s);
HL_DEFINE_FREEP(standing_free, struct standing)

bool standing_is_clear(const struct standing *s);
/* Asks those who have not answered yet, now and then; to be called every turn. */
void standing_ask(struct standing *s, struct wire_hub *hub, int64_t now_ms);
/* When to call again. */
int64_t standing_due(const struct standing *s);
/* A question or an answer from `member`. False: we are refused, and must not take part. */
bool standing_take(struct standing *s, struct wire_hub *hub, uint64_t member,
                   const struct wire_standing *m);

#endif
