/* Keys, values and items are told apart by what the open collections await. */
#include "core/value/yaml_members.h"

#include <math.h>

#include "core/value/yaml.h"
#include "core/value/yaml_scalar.h"

enum { READ_ALL = HL_EUNSUPPORTED };

enum place { AT_ITEM, AT_KEY, AT_VALUE };

static enum place place_of(const struct yaml_members *m)
{
    return m->depth > 0 ? m->place[m->depth - 1] : AT_ITEM;
}

static bool is_among(const struct yaml_members *m, struct str key)
{
    for (size_t i = 0; i < m->key_count; i++) {
        if (str_eq(m->key[i], key))
            return true;
    }
    return false;
}

/* A node is complete: what comes next in its collection. */
static void move_on(struct yaml_members *m)
{
    enum place place = place_of(m);

    if (place == AT_ITEM)
        return;
    m->place[m->depth - 1] = place == AT_KEY ? AT_VALUE : AT_KEY;
    if (m->depth == 1 && place == AT_VALUE)
        m->is_wanted = false;
}

static bool is_harmless(struct str text, bool is_key)
{
    struct scalar s = scalar_resolve(text);

    if (s.kind == VALUE_FLOAT)
        return isfinite(s.number);
    return !is_key || (s.kind != VALUE_NULL && s.kind != VALUE_UINT);
}

static int take_scalar(struct yaml_members *m, const yaml_event_t *event)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool is_key = place_of(m) == AT_KEY;

    if (m->depth == 0)
        return READ_ALL;
    if (m->depth == 1 && is_key)
        m->is_wanted = is_among(m, text);
    bool is_wanted = m->is_wanted;
    move_on(m);
    if (is_wanted)
        return m->sink(m->context, event);
    return !event->data.scalar.plain_implicit || is_harmless(text, is_key) ? 0 : READ_ALL;
}

static int open_collection(struct yaml_members *m, const yaml_event_t *event)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;

    if (m->depth == VALUE_DEPTH_MAX || place_of(m) == AT_KEY || (m->depth == 0 && !is_map))
        return READ_ALL;
    m->place[m->depth++] = is_map ? AT_KEY : AT_ITEM;
    return m->depth == 1 || m->is_wanted ? m->sink(m->context, event) : 0;
}

static int close_collection(struct yaml_members *m, const yaml_event_t *event)
{
    bool is_wanted = --m->depth == 0 || m->is_wanted;

    move_on(m);
    return is_wanted ? m->sink(m->context, event) : 0;
}

int yaml_members_take(void *context, const yaml_event_t *event)
{
    struct yaml_members *m = context;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return ++m->node_count > YAML_NODES_MAX ? READ_ALL : take_scalar(m, event);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return ++m->node_count > YAML_NODES_MAX ? READ_ALL : open_collection(m, event);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return close_collection(m, event);
    default:
        return m->sink(m->context, event);
    }
}
