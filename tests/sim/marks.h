/* Rare paths: how often each was taken. A swarm that never takes one proves nothing about it. */
#ifndef HL_TESTS_SIM_MARKS_H
#define HL_TESTS_SIM_MARKS_H

#define MARKS(X)                                                                                   \
    X(ELECTION, "elections")                                                                       \
    X(SPLIT_VOTE, "a candidate gave way to another in its term")                                   \
    X(DEPOSED, "a leader learned of a newer term")                                                 \
    X(STEPPED_DOWN, "a leader stepped down by itself")                                             \
    X(TRUNCATED, "a conflicting suffix was cut")                                                   \
    X(OLD_TERM_TAIL, "a leader began with uncommitted entries of an older term")                   \
    X(OLD_READ, "old entries were read back from the disk")                                        \
    X(FORWARDED, "a follower handed a proposal on")                                                \
    X(FOLLOWER_READ, "a follower served a linearizable read")                                      \
    X(STALE_READ, "a read from whatever a member had")                                             \
    X(REFUSED, "a proposal, read or change was refused")                                           \
    X(LOST_TAIL, "a crash took unsynced entries")                                                  \
    X(TORN_WRITE, "a crash tore a write")                                                          \
    X(LOST_STATE, "the state was rebuilt from base and log")                                       \
    X(DOOMED, "a crash between an output and its execution")                                       \
    X(REPLAYED_TERM, "a message of an older term came back")                                       \
    X(COMPACTED, "the log was compacted")                                                          \
    X(PIECE, "pieces of a snapshot stored")                                                        \
    X(PIECE_RESUMED, "a transfer went on where an earlier life had stopped")                       \
    X(PIECE_REFUSED, "a piece did not fit")                                                        \
    X(BASE_GONE, "a base was replaced while it was being sent")                                    \
    X(INSTALLED, "a snapshot was installed")                                                       \
    X(INSTALL_CONFLICT, "a snapshot was installed over a conflicting suffix")                      \
    X(INSTALL_TAIL, "a snapshot was installed and the log's tail kept")                            \
    X(INSTALL_OVERTAKEN, "an install was overtaken by appends")                                    \
    X(INSTALL_CRASH, "a crash between an install and the log's reset")                             \
    X(LEARNER, "a learner was added")                                                              \
    X(PROMOTED, "a learner became a voter")                                                        \
    X(REMOVED, "a member was removed")                                                             \
    X(REMOVED_LEADER, "a leader removed itself")                                                   \
    X(CHANGE_ROLLED_BACK, "a change of members was cut off again")                                 \
    X(REPLACED, "a member with a refused store was replaced")                                      \
    X(TRANSFERRED, "leadership was handed over on request")                                        \
    X(DEDUPED, "a retried command was answered from the session")                                  \
    X(STALE_REPORT, "a report under an old lease was refused")                                     \
    X(GOOD_REPORT, "a report was accepted")                                                        \
    X(ASSIGNED, "a lease was given")                                                               \
    X(AGENT_LOST, "an agent was declared lost")                                                    \
    X(UNKNOWN_COMMAND, "a member stopped applying at a command it did not know")                   \
    X(UPGRADED, "a member that had stopped went on after its upgrade")                             \
    X(LEFT_OUT, "a schedule ended with a minority gone for good")                                  \
    X(SEARCHED, "histories searched by Wing and Gong")

enum mark {
#define X(name, text) MARK_##name,
    MARKS(X)
#undef X
        MARK_COUNT
};

#endif
