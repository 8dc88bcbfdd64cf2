/* Values are all different, so that two fields that change places show as well. */
#include "support/wire_samples.h"

#define DIGEST(byte)                                                                               \
    {                                                                                              \
        {                                                                                          \
            (byte), 2, 3, [31] = (byte)                                                            \
        }                                                                                          \
    }

static struct raft_entry entries[] = {
    {.index = 8, .term = 6, .kind = RAFT_ENTRY_NOOP},
    {.index = 9, .term = 7, .kind = RAFT_ENTRY_COMMAND, .data = {"\0\xff raw", 6}},
};
static struct str roles[2];
static struct wire_lease leases[2];
static struct wire_object objects[2];

static const struct wire_message samples[WIRE_KIND_COUNT] = {
    [WIRE_RAFT] = {.kind = WIRE_RAFT,
                   .raft = {.kind = RAFT_MSG_APPEND,
                            .from = 1,
                            .to = 2,
                            .term = 7,
                            .index = 300,
                            .log_term = 5,
                            .commit = UINT64_MAX,
                            .round = 11,
                            .is_rejected = true,
                            .entry = entries,
                            .entry_count = 2}},
    [WIRE_REFRESH] = {.kind = WIRE_REFRESH},
    [WIRE_STANDING] = {.kind = WIRE_STANDING,
                       .standing = {.store = 0xfeedfacecafebeef, .is_answer = true}},
    [WIRE_HELLO] = {.kind = WIRE_HELLO,
                    .hello = {.node = {"node1", 5},
                              .version = {"0.1.0", 5},
                              .boot_id = {"b00t", 4},
                              .role = roles,
                              .role_count = 2}},
    [WIRE_HEARTBEAT] = {.kind = WIRE_HEARTBEAT,
                        .heartbeat = {.sequence = 21,
                                      .free_slots = 4,
                                      .rss_bytes = 14 << 20,
                                      .lease = leases,
                                      .lease_count = 2}},
    [WIRE_REPORT] = {.kind = WIRE_REPORT,
                     .report = {.key = {"grafana-host", 12},
                                .epoch = 31,
                                .input = DIGEST(32),
                                .outcome = WIRE_PERMANENT,
                                .message = {"no such field", 13},
                                .file = {"addons/grafana/values.yaml", 26},
                                .line = 33,
                                .column = 34,
                                .commit = {"0123abcd", 8},
                                .health = {"Degraded", 8},
                                .object = objects,
                                .object_count = 2,
                                .took_ms = 35,
                                .changed_count = 36,
                                .pruned_count = 37}},
    [WIRE_BLOB_GET] = {.kind = WIRE_BLOB_GET, .blob_get = {.digest = DIGEST(41), .offset = 42}},
    [WIRE_WELCOME] = {.kind = WIRE_WELCOME,
                      .welcome = {.member = 51,
                                  .is_leader = true,
                                  .leader = 52,
                                  .term = 53,
                                  .heartbeat_ms = 1000,
                                  .lost_after_ms = 3000,
                                  .sequence = 54}},
    [WIRE_WORK] = {.kind = WIRE_WORK,
                   .work = {.key = {"loki-host", 9},
                            .epoch = 61,
                            .term = 62,
                            .input = DIGEST(63),
                            .bundle = DIGEST(64),
                            .bundle_bytes = 65,
                            .cluster = {"host", 4},
                            .commit = {"feedbeef", 8},
                            .ledger = objects,
                            .ledger_count = 2,
                            .is_takeover = true,
                            .is_deletion = true,
                            .is_forced = true}},
    [WIRE_CANCEL] = {.kind = WIRE_CANCEL,
                     .cancel = {.key = {"a", 1}, .epoch = 71, .reason = {"newer input", 11}}},
    [WIRE_REPORT_ACK] =
        {.kind = WIRE_REPORT_ACK,
         .report_ack = {.key = {"b", 1}, .epoch = 81, .is_accepted = true, .reason = {"late", 4}}},
    [WIRE_BLOB_CHUNK] = {.kind = WIRE_BLOB_CHUNK,
                         .blob_chunk = {.digest = DIGEST(91),
                                        .offset = 92,
                                        .total = 93,
                                        .bytes = {"\0\x01\xfe", 3},
                                        .is_absent = true}},
    [WIRE_REQUEST] = {.kind = WIRE_REQUEST,
                      .request = {.id = 101,
                                  .client_id = {"c11ent", 6},
                                  .sequence = 102,
                                  .method = {"app.get", 7},
                                  .body = {"{\"name\":\"loki-host\"}", 20},
                                  .is_stale_ok = true}},
    [WIRE_REPLY] = {.kind = WIRE_REPLY,
                    .reply = {.id = 111,
                              .code = HL_EABSENT,
                              .error_id = {"HL-APP-01", 9},
                              .error = {"no app \"x\"", 10},
                              .next = {"hlctl apps", 10},
                              .file = {"clusters.yaml", 13},
                              .line = 112,
                              .column = 113,
                              .body = {"{}", 2},
                              .revision = 114,
                              .age_ms = 115,
                              .leader = 3,
                              .is_leader = true}},
    [WIRE_ENROL] = {.kind = WIRE_ENROL,
                    .enrol = {.token_id = {"0123456k", 8},
                              .agent_key = {{121, 1, 2, [31] = 9}},
                              .node = {"node3", 5},
                              .proof = DIGEST(122)}},
    [WIRE_ENROL_REPLY] = {.kind = WIRE_ENROL_REPLY,
                          .enrol_reply = {.status = WIRE_ENROL_RETRY, .text = {"no leader", 9}}},
};

const struct wire_message *wire_sample(enum wire_kind kind)
{
    roles[0] = STR("kubernetes");
    roles[1] = STR("pxe");
    leases[0] = (struct wire_lease){STR("grafana-host"), 22};
    leases[1] = (struct wire_lease){STR("loki-host"), UINT64_MAX};
    objects[0] = (struct wire_object){STR("/Namespace//loki"), STR("aa"), STR("uid-1")};
    objects[1] = (struct wire_object){STR("apps/Deployment/loki/loki"), STR("bb"), STR("uid-2")};
    return kind > WIRE_NONE && kind < WIRE_KIND_COUNT ? &samples[kind] : NULL;
}
