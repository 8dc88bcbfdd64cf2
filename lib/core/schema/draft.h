/*
 * For the files of this folder only: the drafts, their vocabularies, and their metaschemas.
 *
 * Threads: constant tables.
 */
#ifndef HL_CORE_SCHEMA_DRAFT_H
#define HL_CORE_SCHEMA_DRAFT_H

#include "core/value/value.h"

enum vocabulary {
    VOCABULARY_CORE = 1,
    VOCABULARY_APPLICATOR = 2,
    VOCABULARY_UNEVALUATED = 4,
    VOCABULARY_VALIDATION = 8,
    VOCABULARY_META_DATA = 16,
    VOCABULARY_FORMAT = 32, /* of 2019-09 */
    VOCABULARY_FORMAT_ANNOTATION = 64,
    VOCABULARY_FORMAT_ASSERTION = 128,
    VOCABULARY_CONTENT = 256,
};

struct draft {
    int version;
    const char *url;             /* of the metaschema */
    const char *id;              /* the keyword that names a resource */
    const char *vocabularies;    /* the URLs of vocabularies begin so; NULL: it has none */
    const char *metaschemas;     /* the URLs of their metaschemas begin so */
    unsigned known_vocabularies; /* of enum vocabulary */
    unsigned usual_vocabularies; /* where a metaschema names none */
};

extern const struct draft *const draft_latest;

/* The draft of a "$schema"; NULL if it is none of ours. */
const struct draft *draft_find(struct str url);

/* Where subschemas lie in a schema. */
enum position_kind { POSITION_SELF, POSITION_MEMBERS, POSITION_ITEMS };

struct position {
    const char *keyword;
    enum position_kind kind;
    int since; /* the first version that has it */
};

/* Ends with a NULL keyword. */
extern const struct position draft_positions[];

/* The vocabulary of that URL; 0 if the draft does not know it. */
unsigned draft_vocabulary(const struct draft *draft, struct str url);
/* The last part of its URL. */
const char *draft_vocabulary_name(unsigned vocabulary);

/* The text of a document below json-schema.org, in `a`; false if there is none at that URL. */
bool draft_document(struct arena *a, struct str url, struct str *out_text);

/* For draft.c: what there is (metaschemas.c). Ends with a NULL path. */
struct metaschema {
    const char *path;
    const char *text; /* JSON with ' for " */
};
extern const struct metaschema schema_metaschemas[];

#endif
