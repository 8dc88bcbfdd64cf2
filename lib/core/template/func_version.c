/* sprig's semver and semverCompare, and the methods of a *semver.Version. */
#include "core/semver/semver.h"
#include "core/template/func.h"

struct version {
    struct datum_object head;
    struct semver semver;
};

static const struct datum_class version_class;

static struct datum version_datum(struct arena *a, const struct semver *v)
{
    struct version *o = arena_one(a, struct version);

    o->head.class = &version_class;
    o->semver = *v;
    return datum_of_object(&o->head);
}

static const struct semver *version_of(struct datum d)
{
    return &((const struct version *)d.object)->semver;
}

static const struct semver *receiver(const struct call *c)
{
    return version_of(c->receiver);
}

static int call_semver(struct call *c)
{
    struct semver v;
    struct err err;

    if (semver_parse(c->a, call_str(c, 0), &v, &err) < 0)
        return call_fail(c, "%s", err.text);
    return call_return(c, version_datum(c->a, &v));
}

static int call_semver_compare(struct call *c)
{
    const struct semver_range *range;
    struct semver v;
    struct err err;

    if (semver_range_parse(c->a, call_str(c, 0), &range, &err) < 0 ||
        semver_parse(c->a, call_str(c, 1), &v, &err) < 0)
        return call_fail(c, "%s", err.text);
    return call_return(c, datum_bool(semver_range_has(range, &v)));
}

/* ---- methods ---- */

static int return_number(struct call *c, uint64_t number)
{
    return call_return(c, (struct datum){.type = DATUM_UINT64, .unsigned_integer = number});
}

static int version_major(struct call *c)
{
    return return_number(c, receiver(c)->major);
}

static int version_minor(struct call *c)
{
    return return_number(c, receiver(c)->minor);
}

static int version_patch(struct call *c)
{
    return return_number(c, receiver(c)->patch);
}

static int version_prerelease(struct call *c)
{
    return call_return_str(c, receiver(c)->pre);
}

static int version_metadata(struct call *c)
{
    return call_return_str(c, receiver(c)->meta);
}

static int version_original(struct call *c)
{
    return call_return_str(c, receiver(c)->original);
}

static int version_string(struct call *c)
{
    return call_return_str(c, semver_text(c->a, receiver(c)));
}

/* The argument, if it is a version, too. */
static int other_version(struct call *c, const struct semver **out)
{
    if (c->arg[0].object->class != &version_class)
        return call_fail(c, "wrong type for value; expected *semver.Version");
    *out = version_of(c->arg[0]);
    return 0;
}

static int compared(struct call *c, int *out)
{
    const struct semver *other;
    int rc = other_version(c, &other);

    if (rc == 0)
        *out = semver_cmp(receiver(c), other);
    return rc;
}

static int version_compare(struct call *c)
{
    int order;
    int rc = compared(c, &order);

    return rc < 0 ? rc : call_return(c, datum_int(order));
}

static int version_less(struct call *c)
{
    int order;
    int rc = compared(c, &order);

    return rc < 0 ? rc : call_return(c, datum_bool(order < 0));
}

static int version_greater(struct call *c)
{
    int order;
    int rc = compared(c, &order);

    return rc < 0 ? rc : call_return(c, datum_bool(order > 0));
}

static int version_equal(struct call *c)
{
    int order;
    int rc = compared(c, &order);

    return rc < 0 ? rc : call_return(c, datum_bool(order == 0));
}

/* The new version is a value in Go; its original is its text, "v" in front where there was one. */
static int return_next(struct call *c, struct semver v)
{
    bool has_v = str_starts(receiver(c)->original, STR("v"));

    v.original = arena_printf(c->a, "%s" STR_FMT, has_v ? "v" : "", STR_ARG(semver_text(c->a, &v)));
    return call_return(c, version_datum(c->a, &v));
}

static int version_inc_major(struct call *c)
{
    return return_next(c, (struct semver){.major = receiver(c)->major + 1});
}

static int version_inc_minor(struct call *c)
{
    return return_next(
        c, (struct semver){.major = receiver(c)->major, .minor = receiver(c)->minor + 1});
}

/* A prerelease's next patch is its release. */
static int version_inc_patch(struct call *c)
{
    struct semver v = *receiver(c);

    v.patch += v.pre.len == 0;
    v.pre = v.meta = STR("");
    return return_next(c, v);
}

static int changed(struct call *c, bool is_meta)
{
    struct semver v = *receiver(c);
    struct semver checked;
    struct err err;

    *(is_meta ? &v.meta : &v.pre) = call_str(c, 0);
    if (semver_parse(c->a, semver_text(c->a, &v), &checked, &err) < 0)
        return call_fail(c, "%s", err.text);
    return return_next(c, v);
}

static int version_set_prerelease(struct call *c)
{
    return changed(c, false);
}

static int version_set_metadata(struct call *c)
{
    return changed(c, true);
}

static const struct datum_method version_methods[] = {
    {{"Major", "", version_major}},
    {{"Minor", "", version_minor}},
    {{"Patch", "", version_patch}},
    {{"Prerelease", "", version_prerelease}},
    {{"Metadata", "", version_metadata}},
    {{"Original", "", version_original}},
    {{"String", "", version_string}},
    {{"Compare", "o", version_compare}},
    {{"LessThan", "o", version_less}},
    {{"GreaterThan", "o", version_greater}},
    {{"Equal", "o", version_equal}},
    {{"IncMajor", "", version_inc_major}},
    {{"IncMinor", "", version_inc_minor}},
    {{"IncPatch", "", version_inc_patch}},
    {{"SetPrerelease", "s", version_set_prerelease}},
    {{"SetMetadata", "s", version_set_metadata}},
    {{NULL, NULL, NULL}},
};

static void version_print(const struct datum_object *o, bool is_direct, struct buf *out)
{
    HL_CLEANUP(arena_freep) struct arena *a = arena_new();

    (void)is_direct;
    buf_add(out, semver_text(a, &((const struct version *)o)->semver));
}

static struct datum version_plain(const struct datum_object *o, struct arena *a)
{
    return datum_string(semver_text(a, &((const struct version *)o)->semver));
}

static const struct datum_class version_class = {.type_name = "*semver.Version",
                                                 .kind_name = "ptr",
                                                 .method = version_methods,
                                                 .print = version_print,
                                                 .plain = version_plain,
                                                 .has_text = true};

const struct function functions_version[] = {
    {"semver", "s", call_semver},
    {"semverCompare", "ss", call_semver_compare},
    {NULL, NULL, NULL},
};
