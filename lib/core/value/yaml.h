/*
 * YAML in and out, as Go's sigs.k8s.io/yaml (v1.4, on yaml.v2 semantics) does it.
 *
 * Reading: libyaml's event API only. Plain scalars resolve by YAML 1.1 as yaml.v2 does (yes/no/on/
 * off, 0x 0o 0b and leading-zero octal, underscores, .inf, .nan, ~; timestamps stay strings; quoted
 * and block scalars are strings); explicit core tags (!!str, !!int, ...) are honoured, !!binary is
 * decoded (what is no UTF-8 in it becomes U+FFFD); other tags (!Env) keep the node without the tag,
 * scalars then as strings. Map keys become strings as sigs.k8s.io/yaml converts them for JSON
 * (1 -> "1", true -> "true"; null and uint64 cannot be keys). Anchors, aliases and merge keys (<<)
 * work: members are set in document order, merged ones where the "<<" stands, and the last one
 * wins; within "<<: [*a, *b]" the earlier map wins. A key written twice in one mapping is an error
 * that names both lines (but see yaml_read_first). The input is UTF-8, with or without a byte order
 * mark.
 *
 * Writing: byte-identical to sigs.k8s.io/yaml Marshal (keys in its order, two-space indent,
 * sequences not indented below their key, its quoting rules and its line folding, floats as it
 * prints them). NaN and infinities are written as .nan, .inf and -.inf.
 *
 * Threads: pure functions.
 * Limits at the door, each HL_ELIMIT:
 *   bytes      YAML_BYTES_MAX a stream;
 *   nodes      YAML_NODES_MAX scalars and collections a stream, some 80 bytes each;
 *   depth      VALUE_DEPTH_MAX nested collections, counted at libyaml's events; its scanner looks
 *              ahead 1024 characters at most, so 160 kB of '[' is refused in 2 ms;
 *   directives 64 lines that start with '%': libyaml compares every %TAG with all before it;
 *   anchors    YAML_ANCHORS_MAX a document;
 *   aliases    what they repeat, a node and every 32 bytes of a string counting one: at most ten
 *              times the bytes of the stream and at most YAML_ALIAS_WEIGHT_MAX;
 *   merges     YAML_MERGED_MAX members brought in by "<<" a stream;
 *   documents  YAML_DOCUMENTS_MAX a stream.
 */
#ifndef HL_CORE_VALUE_YAML_H
#define HL_CORE_VALUE_YAML_H

#include "core/value/value.h"

enum {
    YAML_BYTES_MAX = 4 << 20,
    YAML_DOCUMENTS_MAX = 10000,
    YAML_NODES_MAX = 1000000,
    YAML_ANCHORS_MAX = 4096,
    YAML_ALIAS_WEIGHT_MAX = 400000,
    YAML_MERGED_MAX = 100000,
    YAML_TWINS_MAX = 16,
};

/*
 * Reads every document of `text`; `file` names it in positions and errors and is copied. Empty
 * documents (nothing, or only comments) come out as null. Returns 0, or HL_EINVAL (syntax,
 * duplicate key, unknown alias: with line and column) or HL_ELIMIT; outputs are then untouched.
 */
HL_MUST int yaml_read_all(struct arena *a, struct str text, struct str file,
                          struct value ***out_documents, size_t *out_count, struct err *err);

/*
 * The same, as tolerant as the tools that apply manifests: a key that is written twice in a mapping
 * with equal values is taken once. *out_twin is the place of the first such repetition (line 0:
 * none). Different values, and more than YAML_TWINS_MAX repetitions, remain HL_EINVAL.
 */
HL_MUST int yaml_read_manifests(struct arena *a, struct str text, struct str file,
                                struct value ***out_documents, size_t *out_count,
                                struct value_pos *out_twin, struct err *err);

/* yaml_read_all for a stream of one document; more than one is HL_EINVAL; none gives null. */
HL_MUST int yaml_read(struct arena *a, struct str text, struct str file, struct value **out,
                      struct err *err);

/*
 * The first document alone, as sigs.k8s.io/yaml's Unmarshal (Helm's fromYaml, values files) has it:
 * what follows it may even be no YAML. Of a key written several times the last value counts,
 * without a word; NaN and infinities are refused. Messages are Go's ("error converting YAML to
 * JSON: yaml: line 2: did not find expected key"), whose lines are often one less than those of the
 * position, which is ours; limits speak for themselves. For everything else yaml_read is the better
 * door.
 */
HL_MUST int yaml_read_first(struct arena *a, struct str text, struct str file, struct value **out,
                            struct err *err);

/*
 * As yaml_read_first, but of a map the other members may be missing. What is left out costs a
 * fraction of what is kept, and is refused all the same if it is no YAML or no JSON.
 */
HL_MUST int yaml_read_members(struct arena *a, struct str text, struct str file,
                              const struct str *key, size_t key_count, struct value **out,
                              struct err *err);

/* Appends v as one document, with the final newline, without "---". Writes every tree. */
void yaml_write(struct buf *out, const struct value *v);

/* The order of two keys in what is written: below, equal or above 0. */
int yaml_key_order(struct str a, struct str b);

/*
 * Whether Marshal would write v: 0, or HL_EINVAL where it fails (Helm's toYaml then gives ""): NaN
 * and infinities, DEL, C1 controls, U+FFFE and U+FFFF in strings and keys, NEL in keys, keys of
 * more than some 1000 characters. yaml_write writes these too, escaped where YAML wants it.
 */
HL_MUST int yaml_check(const struct value *v, struct err *err);

#endif
