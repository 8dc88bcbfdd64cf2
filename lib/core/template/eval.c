/*
 * The evaluator, after text/template/exec.go: walks the statements of a body, evaluates pipelines,
 * finds fields, converts arguments and calls functions. Where Go's `state.at` marks the node that
 * an error will name, x->at does.
 *
 * Depth: every list of statements, parenthesis and call of a template within one another counts
 * against limits.depth, since each takes some 500 bytes of the thread's stack.
 */
#include "core/template/template.h"

#include <string.h>

#include "core/template/format.h"
#include "core/gostd/literal.h"
#include "core/template/run.h"

enum { ARGS_ON_STACK = 8, CHAIN_TEXT_MAX = 100000 };
enum jump { JUMP_BREAK = 1, JUMP_CONTINUE = 2 };

const struct template_limits template_limits_default = {
    .steps = 3000000,
    .output_bytes = 32 << 20,
    .memory_bytes = 48 << 20,
    .depth = 4000,
};

/* One body being executed. */
struct exec {
    struct template_run *run;
    const struct template_set *set;
    const struct body *body;
    size_t base; /* of its variables */
    const struct node *at;
    struct template_fault *fault;
};

static int walk_list(struct exec *x, struct datum dot, const struct node_list *list);
static int eval_pipe(struct exec *x, struct datum dot, const struct node_pipe *pipe,
                     struct datum *out);
static int eval_call(struct exec *x, struct datum dot, const struct function *f,
                     const struct node *whole, struct datum receiver, struct node *const *arg,
                     size_t arg_count, const struct datum *final, struct datum *out);

/* ---- faults ---- */

/* Go's "template: FILE:LINE:COL: executing NAME at <NODE>: WHAT". */
static int fail_text(struct exec *x, int code, struct str what)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};
    const struct template_tree *tree = x->body->tree;
    uint32_t line = 0;
    uint32_t byte = 0;

    if (x->at) {
        tree_place(tree, x->at->pos, &line, &byte);
        buf_printf(&text, "template: " STR_FMT ":%u:%u: executing ", STR_ARG(tree->name), line,
                   byte);
        literal_quote(&text, x->body->name, false);
        buf_add_cstr(&text, " at <");
        node_print(&text, x->at);
        buf_add_cstr(&text, ">: ");
    } else {
        buf_printf(&text, "template: " STR_FMT ": ", STR_ARG(x->body->name));
    }
    if (what.len < CHAIN_TEXT_MAX) {
        buf_add(&text, what);
        x->fault->text = arena_dup(x->run->a, buf_str(&text));
    } else {
        x->fault->text = what; /* a chain without end: its innermost part says enough */
    }
    x->fault->code = code;
    x->fault->file = tree->name;
    x->fault->line = line;
    x->fault->column = byte + 1;
    return code;
}

static int fail(struct exec *x, const char *fmt, ...) HL_PRINTF(2, 3);

static int fail(struct exec *x, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str what = arena_vprintf(x->run->a, fmt, args);
    va_end(args);
    return fail_text(x, HL_EINVAL, what);
}

static struct str node_text(struct exec *x, const struct node *n)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    node_print(&text, n);
    return arena_dup(x->run->a, buf_str(&text));
}

static struct str value_text(struct exec *x, struct datum d)
{
    HL_CLEANUP(buf_deinit) struct buf text = {0};

    format_value(&text, d);
    return arena_dup(x->run->a, str_sub(buf_str(&text), 0, CHAIN_TEXT_MAX));
}

static struct str type_text(struct exec *x, struct datum d)
{
    if (d.is_interface || d.type == DATUM_NIL)
        return STR("interface {}");
    return datum_type_name(x->run->a, d);
}

/* ---- limits ---- */

static int check_run(struct template_run *run, uint64_t steps, struct str *out_what)
{
    run->steps += steps;
    if (run->steps > run->limits.steps)
        *out_what =
            arena_printf(run->a, "more than %llu steps", (unsigned long long)run->limits.steps);
    else if (arena_used_bytes(run->a) - run->memory_start > run->limits.memory_bytes)
        *out_what = arena_printf(run->a, "more than %zu bytes of memory", run->limits.memory_bytes);
    else if (run->out && run->out->len - run->out_start > run->limits.output_bytes)
        *out_what = arena_printf(run->a, "more than %zu bytes of output", run->limits.output_bytes);
    else
        return 0;
    return HL_ELIMIT;
}

static int step(struct exec *x)
{
    struct str what;
    int rc = check_run(x->run, 1, &what);

    return rc < 0 ? fail_text(x, rc, what) : 0;
}

static int enter(struct exec *x)
{
    if (x->run->depth >= x->run->limits.depth)
        return fail_text(
            x, HL_ELIMIT,
            arena_printf(x->run->a, "exceeded maximum template depth (%u)", x->run->limits.depth));
    x->run->depth++;
    return 0;
}

static void leave(struct exec *x)
{
    x->run->depth--;
}

/* ---- variables ---- */

static void push(struct exec *x, uint32_t number, struct datum value)
{
    struct template_run *run = x->run;
    struct variable v = {number, value};

    ARENA_PUSH(run->a, run->variable, run->variable_count, run->variable_cap, v);
}

static struct variable *find_variable(struct exec *x, uint32_t number)
{
    for (size_t i = x->run->variable_count; i-- > x->base;) {
        if (x->run->variable[i].number == number)
            return &x->run->variable[i];
    }
    return NULL;
}

static int set_variable(struct exec *x, uint32_t number, struct str name, struct datum value)
{
    struct variable *v = find_variable(x, number);

    if (!v)
        return fail(x, "undefined variable: " STR_FMT, STR_ARG(name));
    v->value = value;
    return 0;
}

/* ---- fields ---- */

static const struct datum_class *class_of(struct datum d)
{
    if (d.type == DATUM_OBJECT)
        return d.object->class;
    if (d.type == DATUM_VALUES)
        return &datum_values_class;
    if (datum_is_map(d))
        return d.map ? d.map->class : NULL;
    return datum_is_slice(d) && d.list ? d.list->class : NULL;
}

static const struct function *find_method(struct datum d, struct str name)
{
    const struct datum_class *class = class_of(d);
    const struct datum_method *m = class ? class->method : NULL;

    for (; m && m->function.name; m++) {
        if (name.ptr[0] == m->function.name[0] && str_eq(name, str_from(m->function.name)))
            return &m->function;
    }
    return NULL;
}

static int map_field(struct exec *x, struct datum receiver, struct str name, struct datum *out)
{
    struct datum_entry *e = datum_map_find(receiver.map, name);

    if (e) {
        e->is_read = true;
        *out = e->value;
        out->is_interface = receiver.type != DATUM_STRING_MAP && e->value.type != DATUM_OBJECT;
        return 0;
    }
    if (receiver.type == DATUM_STRING_MAP) {
        *out = receiver.map && receiver.map->class ? (struct datum){.type = DATUM_BYTES}
                                                   : datum_string(STR(""));
        return 0;
    }
    switch (x->run->missing) {
    case TEMPLATE_MISSING_INVALID:
        *out = (struct datum){0};
        return 0;
    case TEMPLATE_MISSING_ZERO:
        *out = datum_nil();
        return 0;
    default:
        return fail(x, "map has no entry for key \"" STR_FMT "\"", STR_ARG(name));
    }
}

/* .name of receiver; `args` (the first being the whole) and final only where a method may take
 * them. */
static int eval_field(struct exec *x, struct datum dot, struct str name, const struct node *node,
                      struct node *const *arg, size_t arg_count, const struct datum *final,
                      struct datum receiver, struct datum *out)
{
    bool has_args = arg_count > 1 || final;

    if (receiver.type == DATUM_INVALID) {
        if (x->run->missing == TEMPLATE_MISSING_ERROR)
            return fail(x, "nil data; no entry for key \"" STR_FMT "\"", STR_ARG(name));
        *out = (struct datum){0};
        return 0;
    }
    if (receiver.type == DATUM_NIL)
        return fail(x, "nil pointer evaluating interface {}." STR_FMT, STR_ARG(name));
    const struct function *method = find_method(receiver, name);
    if (method)
        return eval_call(x, dot, method, node, receiver, arg, arg_count, final, out);
    if (datum_is_map(receiver)) {
        if (has_args)
            return fail(x, STR_FMT " is not a method but has arguments", STR_ARG(name));
        return map_field(x, receiver, name, out);
    }
    if (receiver.type == DATUM_OBJECT && receiver.object->class->field &&
        receiver.object->class->field(receiver.object, name, x->run->a, out)) {
        if (has_args)
            return fail(x, STR_FMT " has arguments but cannot be invoked as function",
                        STR_ARG(name));
        return 0;
    }
    return fail(x, "can't evaluate field " STR_FMT " in type " STR_FMT, STR_ARG(name),
                STR_ARG(type_text(x, receiver)));
}

static int eval_chain(struct exec *x, struct datum dot, struct datum receiver,
                      const struct node_chain *n, struct node *const *arg, size_t arg_count,
                      const struct datum *final, struct datum *out)
{
    for (size_t i = 0; i + 1 < n->count; i++) {
        int rc = eval_field(x, dot, n->field[i], &n->head, NULL, 0, NULL, receiver, &receiver);
        if (rc < 0)
            return rc;
    }
    return eval_field(x, dot, n->field[n->count - 1], &n->head, arg, arg_count, final, receiver,
                      out);
}

/* ---- operands ---- */

static int not_a_function(struct exec *x, struct node *const *arg, size_t arg_count,
                          const struct datum *final)
{
    if (arg_count <= 1 && !final)
        return 0;
    return fail(x, "can't give argument to non-function " STR_FMT, STR_ARG(node_text(x, arg[0])));
}

static int eval_variable(struct exec *x, struct datum dot, const struct node_chain *n,
                         struct node *const *arg, size_t arg_count, const struct datum *final,
                         struct datum *out)
{
    x->at = &n->head;
    struct variable *v = find_variable(x, n->variable.number);
    if (!v)
        return fail(x, "undefined variable: " STR_FMT, STR_ARG(n->variable.name));
    if (n->count > 0)
        return eval_chain(x, dot, v->value, n, arg, arg_count, final, out);
    *out = v->value;
    return not_a_function(x, arg, arg_count, final);
}

static int eval_parenthesis(struct exec *x, struct datum dot, const struct node *n,
                            struct datum *out)
{
    int rc = enter(x);

    if (rc < 0)
        return rc;
    rc = eval_pipe(x, dot, (const struct node_pipe *)n, out);
    leave(x);
    return rc;
}

static int ideal_constant(struct exec *x, const struct node_number *n, struct datum *out)
{
    bool has_mark = false;
    bool is_hex = n->text.len > 2 && n->text.ptr[0] == '0' && (n->text.ptr[1] | 0x20) == 'x' &&
                  !str_has_byte(n->text, 'p') && !str_has_byte(n->text, 'P');

    for (size_t i = 0; i < n->text.len; i++)
        has_mark |= strchr(".eEpP", n->text.ptr[i]) != NULL;
    x->at = &n->head;
    if (n->is_complex) {
        *out = (struct datum){.type = DATUM_COMPLEX, .complex = n->complex};
        return 0;
    }
    if (n->is_float && !is_hex && n->text.ptr[0] != '\'' && has_mark) {
        *out = datum_float(n->number);
        return 0;
    }
    if (!n->is_int)
        return fail(x, STR_FMT " overflows int", STR_ARG(n->text));
    *out = datum_int(n->integer);
    return 0;
}

/* A chain's inner value: evaluated as an argument of no particular type. */
static int eval_inner(struct exec *x, struct datum dot, const struct node *n, struct datum *out)
{
    x->at = n;
    switch (n->kind) {
    case NODE_PIPE:
        return eval_parenthesis(x, dot, n, out);
    case NODE_FUNCTION:
        return eval_call(x, dot, ((const struct node_function *)n)->function, n, (struct datum){0},
                         NULL, 0, NULL, out);
    case NODE_NIL:
        return fail(x, "nil is not a command");
    default:
        return fail(x, "can't evaluate command " STR_FMT, STR_ARG(node_text(x, n)));
    }
}

static int eval_command(struct exec *x, struct datum dot, const struct command *c,
                        const struct datum *final, struct datum *out)
{
    const struct node *first = c->arg[0];
    int rc;

    switch (first->kind) {
    case NODE_FIELD:
        x->at = first;
        return eval_chain(x, dot, dot, (const struct node_chain *)first, c->arg, c->count, final,
                          out);
    case NODE_CHAIN: {
        struct datum inner;
        x->at = first;
        rc = eval_inner(x, dot, ((const struct node_chain *)first)->inner, &inner);
        if (rc < 0)
            return rc;
        return eval_chain(x, dot, inner, (const struct node_chain *)first, c->arg, c->count, final,
                          out);
    }
    case NODE_FUNCTION:
        x->at = first;
        return eval_call(x, dot, ((const struct node_function *)first)->function, &c->head,
                         (struct datum){0}, c->arg, c->count, final, out);
    case NODE_PIPE:
        rc = not_a_function(x, c->arg, c->count, final);
        return rc < 0 ? rc : eval_parenthesis(x, dot, first, out);
    case NODE_VARIABLE:
        return eval_variable(x, dot, (const struct node_chain *)first, c->arg, c->count, final,
                             out);
    default:
        break;
    }
    x->at = first;
    rc = not_a_function(x, c->arg, c->count, final);
    if (rc < 0)
        return rc;
    switch (first->kind) {
    case NODE_BOOL:
        *out = datum_bool(first->is_true);
        return 0;
    case NODE_DOT:
        *out = dot;
        return 0;
    case NODE_NUMBER:
        return ideal_constant(x, (const struct node_number *)first, out);
    case NODE_STRING:
        *out = datum_string(((const struct node_string *)first)->text);
        return 0;
    case NODE_NIL:
        return fail(x, "nil is not a command");
    default:
        return fail(x, "can't evaluate command " STR_FMT, STR_ARG(node_text(x, first)));
    }
}

static int eval_pipe(struct exec *x, struct datum dot, const struct node_pipe *pipe,
                     struct datum *out)
{
    struct datum value = {0};

    x->at = &pipe->head;
    for (size_t i = 0; i < pipe->count; i++) {
        struct datum before = value;
        int rc = eval_command(x, dot, pipe->command[i], i > 0 ? &before : NULL, &value);
        if (rc < 0)
            return rc;
        value.is_interface = false;
        if (value.type == DATUM_NIL)
            value.type = DATUM_INVALID;
    }
    for (size_t i = 0; i < pipe->decl_count; i++) {
        if (!pipe->head.is_true) {
            push(x, pipe->decl[i].number, value);
            continue;
        }
        int rc = set_variable(x, pipe->decl[i].number, pipe->decl[i].name, value);
        if (rc < 0)
            return rc;
    }
    *out = value;
    return 0;
}

/* ---- arguments ---- */

static const char *param_type(char letter)
{
    switch (letter) {
    case 's':
        return "string";
    case 'i':
        return "int";
    case 'l':
        return "int64";
    case 'u':
        return "uint32";
    case 'f':
        return "float64";
    case 'b':
        return "bool";
    case 'm':
        return "map[string]interface {}";
    case 'L':
        return "[]interface {}";
    case 't':
        return "time.Time";
    case 'd':
        return "time.Duration";
    case 'v':
        return "reflect.Value";
    default:
        return "interface {}";
    }
}

static bool is_assignable(struct datum d, char letter)
{
    switch (letter) {
    case 's':
        return d.type == DATUM_STRING;
    case 'i':
        return d.type == DATUM_INT;
    case 'l':
        return d.type == DATUM_INT64;
    case 'u':
        return false; /* no value of a template is one */
    case 'f':
        return d.type == DATUM_FLOAT64;
    case 'b':
        return d.type == DATUM_BOOL;
    case 'm':
        return d.type == DATUM_MAP || d.type == DATUM_VALUES;
    case 'L':
        return d.type == DATUM_LIST;
    case 'd':
        return d.type == DATUM_DURATION;
    case 'o':
    case 't':
        return d.type == DATUM_OBJECT;
    default:
        return true;
    }
}

/* validateType: *d becomes what the parameter takes. */
static int validate(struct exec *x, struct datum *d, char letter)
{
    if (letter == 'v')
        return 0;
    if (letter == 'a') {
        if (d->type == DATUM_INVALID)
            *d = datum_nil();
        d->is_interface = false;
        return 0;
    }
    if (d->type == DATUM_INVALID) {
        if (letter == 'm') {
            *d = datum_of_map(NULL);
            return 0;
        }
        if (letter == 'L') {
            *d = datum_of_list(DATUM_LIST, NULL);
            return 0;
        }
        return fail(x, "invalid value; expected %s", param_type(letter));
    }
    if (!is_assignable(*d, letter)) {
        struct str got =
            d->type == DATUM_NIL ? STR("interface {}") : datum_type_name(x->run->a, *d);
        return fail(x, "wrong type for value; expected %s; got " STR_FMT, param_type(letter),
                    STR_ARG(got));
    }
    d->is_interface = false;
    return 0;
}

static int literal_argument(struct exec *x, const struct node *n, char letter, struct datum *out)
{
    const struct node_number *number =
        n->kind == NODE_NUMBER ? (const struct node_number *)n : NULL;

    switch (letter) {
    case 'a':
    case 'v':
        if (number)
            return ideal_constant(x, number, out);
        *out = n->kind == NODE_BOOL ? datum_bool(n->is_true)
                                    : datum_string(((const struct node_string *)n)->text);
        return 0;
    case 's':
        if (n->kind != NODE_STRING)
            return fail(x, "expected string; found " STR_FMT, STR_ARG(node_text(x, n)));
        *out = datum_string(((const struct node_string *)n)->text);
        return 0;
    case 'i':
    case 'l':
    case 'd':
        if (!number || !number->is_int)
            return fail(x, "expected integer; found " STR_FMT, STR_ARG(node_text(x, n)));
        *out = (struct datum){.type = letter == 'i'   ? DATUM_INT
                                      : letter == 'l' ? DATUM_INT64
                                                      : DATUM_DURATION,
                              .integer = number->integer};
        return 0;
    case 'u':
        if (!number || !number->is_uint)
            return fail(x, "expected unsigned integer; found " STR_FMT, STR_ARG(node_text(x, n)));
        *out = (struct datum){.type = DATUM_UINT64, .unsigned_integer = number->unsigned_integer};
        return 0;
    case 'f':
        if (!number || !number->is_float)
            return fail(x, "expected float; found " STR_FMT, STR_ARG(node_text(x, n)));
        *out = datum_float(number->number);
        return 0;
    case 'b':
        if (n->kind != NODE_BOOL)
            return fail(x, "expected bool; found " STR_FMT, STR_ARG(node_text(x, n)));
        *out = datum_bool(n->is_true);
        return 0;
    default:
        return fail(x, "can't handle " STR_FMT " for arg of type %s", STR_ARG(node_text(x, n)),
                    param_type(letter));
    }
}

static int nil_argument(struct exec *x, char letter, struct datum *out)
{
    switch (letter) {
    case 'a':
        *out = datum_nil();
        return 0;
    case 'v':
        *out = (struct datum){0};
        return 0;
    case 'm':
        *out = datum_of_map(NULL);
        return 0;
    case 'L':
        *out = datum_of_list(DATUM_LIST, NULL);
        return 0;
    default:
        return fail(x, "cannot assign nil to %s", param_type(letter));
    }
}

static int eval_argument(struct exec *x, struct datum dot, const struct node *n, char letter,
                         struct datum *out)
{
    int rc;

    x->at = n;
    switch (n->kind) {
    case NODE_DOT:
        *out = dot;
        return validate(x, out, letter);
    case NODE_NIL:
        return nil_argument(x, letter, out);
    case NODE_FIELD:
        rc = eval_chain(x, dot, dot, (const struct node_chain *)n, NULL, 0, NULL, out);
        break;
    case NODE_VARIABLE:
        rc = eval_variable(x, dot, (const struct node_chain *)n, NULL, 0, NULL, out);
        break;
    case NODE_PIPE:
        rc = eval_parenthesis(x, dot, n, out);
        break;
    case NODE_FUNCTION:
        rc = eval_call(x, dot, ((const struct node_function *)n)->function, n, (struct datum){0},
                       NULL, 0, NULL, out);
        break;
    case NODE_CHAIN: {
        struct datum inner;
        rc = eval_inner(x, dot, ((const struct node_chain *)n)->inner, &inner);
        if (rc == 0)
            rc = eval_chain(x, dot, inner, (const struct node_chain *)n, NULL, 0, NULL, out);
        break;
    }
    default:
        return literal_argument(x, n, letter, out);
    }
    return rc < 0 ? rc : validate(x, out, letter);
}

/* and, or: arguments are evaluated only until one decides. */
static int eval_logic(struct exec *x, struct datum dot, bool is_or, struct node *const *arg,
                      size_t arg_count, const struct datum *final, struct datum *out)
{
    for (size_t i = 0; i < arg_count; i++) {
        int rc = eval_argument(x, dot, arg[i], 'v', out);
        if (rc < 0 || datum_truth(*out) == is_or)
            return rc;
    }
    if (final)
        *out = *final;
    return 0;
}

/* How many parameters are fixed, and whether more may follow. */
static size_t fixed_params(const char *params, bool *is_variadic)
{
    size_t len = strlen(params);

    *is_variadic = len > 0 && params[len - 1] == '*';
    return *is_variadic ? len - 2 : len;
}

static char param_letter(const char *params, size_t fixed, size_t i)
{
    return params[i < fixed ? i : fixed];
}

/* Steps for what a function may look through. */
static uint64_t cost_of(const struct datum *arg, size_t count)
{
    uint64_t cost = 0;

    for (size_t i = 0; i < count; i++) {
        if (arg[i].type == DATUM_STRING)
            cost += arg[i].len >> 8;
        else if (datum_is_slice(arg[i]))
            cost += datum_count(arg[i]) >> 4;
    }
    return cost;
}

static int call_function(struct exec *x, const struct function *f, const struct node *whole,
                         struct datum receiver, const struct datum *arg, size_t count,
                         struct datum *out)
{
    struct call c = {.run = x->run,
                     .set = x->set,
                     .function = f,
                     .a = x->run->a,
                     .receiver = receiver,
                     .arg = arg,
                     .count = count};
    int rc = call_steps(&c, cost_of(arg, count));

    if (rc == 0)
        rc = f->call(&c);
    if (rc < 0) {
        x->at = whole;
        rc = fail_text(
            x, rc,
            arena_printf(x->run->a, "error calling %s: " STR_FMT, f->name, STR_ARG(c.error)));
        x->fault->has_message = c.has_message;
        x->fault->message = c.message;
        return rc;
    }
    *out = c.result;
    return 0;
}

/* arg[0] is the name itself, if there are any. */
static int eval_call(struct exec *x, struct datum dot, const struct function *f,
                     const struct node *whole, struct datum receiver, struct node *const *arg,
                     size_t arg_count, const struct datum *final, struct datum *out)
{
    struct datum few[ARGS_ON_STACK];
    bool is_variadic;
    size_t fixed = fixed_params(f->params, &is_variadic);
    size_t given = arg_count > 0 ? arg_count - 1 : 0;
    size_t count = given + (final ? 1 : 0);
    int rc = step(x);

    if (rc < 0)
        return rc;
    arg += arg_count > 0;
    if (is_variadic && count < fixed)
        return fail(x, "wrong number of args for %s: want at least %zu got %zu", f->name, fixed,
                    given);
    if (!is_variadic && count != fixed)
        return fail(x, "wrong number of args for %s: want %zu got %zu", f->name, fixed, count);
    if (!f->call)
        return eval_logic(x, dot, f->name[0] == 'o', arg, given, final, out);
    struct datum *value =
        count <= ARGS_ON_STACK ? few : arena_array(x->run->a, struct datum, count);
    for (size_t i = 0; i < given; i++) {
        rc = eval_argument(x, dot, arg[i], param_letter(f->params, fixed, i), &value[i]);
        if (rc < 0)
            return rc;
    }
    if (final) {
        value[given] = *final;
        rc = validate(x, &value[given], param_letter(f->params, fixed, given));
        if (rc < 0)
            return rc;
    }
    return call_function(x, f, whole, receiver, value, count, out);
}

/* ---- statements ---- */

static int walk_action(struct exec *x, struct datum dot, const struct node_action *n)
{
    struct datum value;
    int rc = eval_pipe(x, dot, n->pipe, &value);

    if (rc < 0 || n->pipe->decl_count > 0)
        return rc;
    x->at = &n->head;
    if (datum_is_slice(value) || datum_is_map(value))
        datum_mark_read(value);
    size_t before = x->run->out->len;
    format_action(x->run->out, value);
    if (x->run->out->len - before > FORMAT_BYTES_MAX)
        return fail_text(
            x, HL_ELIMIT,
            arena_printf(x->run->a, "more than %d bytes in a string", FORMAT_BYTES_MAX));
    return 0;
}

static int walk_if_or_with(struct exec *x, struct datum dot, const struct node_branch *n)
{
    size_t mark = x->run->variable_count;
    struct datum value;
    int rc = eval_pipe(x, dot, n->pipe, &value);

    if (rc < 0)
        return rc;
    if (datum_truth(value))
        rc = walk_list(x, n->head.kind == NODE_WITH ? value : dot, &n->list);
    else if (n->otherwise)
        rc = walk_list(x, dot, n->otherwise);
    x->run->variable_count = mark;
    return rc;
}

/* One round of a range; `mark` is the stack below what its body declares. */
static int walk_round(struct exec *x, const struct node_branch *n, size_t mark, struct datum index,
                      struct datum item)
{
    const struct node_pipe *pipe = n->pipe;
    int rc = step(x);

    if (rc < 0)
        return rc;
    if (pipe->decl_count > 0 && pipe->head.is_true) {
        bool has_index = pipe->decl_count > 1;
        rc = set_variable(x, pipe->decl[0].number, pipe->decl[0].name, has_index ? index : item);
        if (rc == 0 && has_index)
            rc = set_variable(x, pipe->decl[1].number, pipe->decl[1].name, item);
        if (rc < 0)
            return rc;
    } else if (pipe->decl_count > 0) {
        x->run->variable[mark - 1].value = item;
        if (pipe->decl_count > 1)
            x->run->variable[mark - 2].value = index;
    }
    rc = walk_list(x, item, &n->list);
    x->run->variable_count = mark;
    return rc == JUMP_CONTINUE ? 0 : rc;
}

static int range_integer(struct exec *x, const struct node_branch *n, struct datum value)
{
    size_t mark = x->run->variable_count;
    bool is_signed = datum_is_int(value);

    if (n->pipe->decl_count > 1)
        return fail(x, "can't use " STR_FMT " to iterate over more than one variable",
                    STR_ARG(value_text(x, value)));
    struct datum i = {.type = value.type};
    for (; is_signed ? i.integer < value.integer : i.unsigned_integer < value.unsigned_integer;
         i.integer++) {
        int rc = walk_round(x, n, mark, (struct datum){0}, i);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int range_items(struct exec *x, const struct node_branch *n, struct datum value)
{
    size_t mark = x->run->variable_count;
    bool is_map = datum_is_map(value);
    const struct datum_entry *sorted = NULL;
    size_t count = datum_count(value);

    if (is_map) { /* the body may change the map: range over what it holds now */
        struct datum_entry *now = arena_array(x->run->a, struct datum_entry, count);
        memcpy(now, value.map->entry, count * sizeof(*now));
        for (size_t i = 0; i < count; i++)
            value.map->entry[i].is_read = true;
        sorted = now;
    }
    for (size_t i = 0; i < count; i++) {
        struct datum index = is_map ? datum_string(sorted[i].key) : datum_int((int64_t)i);
        struct datum item = is_map ? sorted[i].value : datum_item(value, i);
        if (is_map)
            item.is_interface = value.type != DATUM_STRING_MAP;
        int rc = walk_round(x, n, mark, index, item);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int walk_range(struct exec *x, struct datum dot, const struct node_branch *n)
{
    size_t mark = x->run->variable_count;
    struct datum value;

    x->at = &n->head;
    int rc = eval_pipe(x, dot, n->pipe, &value);
    if (rc < 0)
        return rc;
    bool is_number = datum_is_int(value) || datum_is_uint(value);
    bool is_items = datum_is_slice(value) || datum_is_map(value) || value.type == DATUM_BYTES;
    bool is_empty = is_number ? value.integer <= 0 : datum_count(value) == 0;
    if (value.type == DATUM_UINT64 && value.unsigned_integer > 0)
        is_empty = false;
    if (!is_number && !is_items && value.type != DATUM_INVALID)
        return fail(x, "range can't iterate over " STR_FMT, STR_ARG(value_text(x, value)));
    if (is_number && (!is_empty || n->pipe->decl_count > 1))
        rc = range_integer(x, n, value);
    else if (!is_empty && value.type != DATUM_INVALID)
        rc = range_items(x, n, value);
    else if (n->otherwise)
        rc = walk_list(x, dot, n->otherwise);
    x->run->variable_count = mark;
    return rc == JUMP_BREAK ? 0 : rc; /* one in the else, too: so does Go */
}

static int run_in(struct template_run *run, const struct template_set *set, const struct body *body,
                  struct datum data, struct template_fault *fault)
{
    struct exec x = {
        .run = run, .set = set, .body = body, .base = run->variable_count, .fault = fault};
    int rc = enter(&x);

    if (rc < 0)
        return rc;
    push(&x, 0, data);
    rc = walk_list(&x, data, &body->list);
    run->variable_count = x.base;
    leave(&x);
    return rc;
}

static int walk_template(struct exec *x, struct datum dot, const struct node_template *n)
{
    struct datum data = {0};

    x->at = &n->head;
    const struct body *body = template_set_find(x->set, n->name);
    if (!body)
        return fail(x, "template \"" STR_FMT "\" not defined", STR_ARG(n->name));
    if (n->pipe) {
        int rc = eval_pipe(x, dot, n->pipe, &data);
        if (rc < 0)
            return rc;
    }
    if (x->run->depth >= x->run->limits.depth)
        return enter(x); /* fails, and names this call */
    return run_in(x->run, x->set, body, data, x->fault);
}

static int walk(struct exec *x, struct datum dot, const struct node *n)
{
    switch ((enum node_kind)n->kind) {
    case NODE_TEXT:
        buf_add(x->run->out, ((const struct node_text *)n)->text);
        return 0;
    case NODE_ACTION:
        return walk_action(x, dot, (const struct node_action *)n);
    case NODE_IF:
    case NODE_WITH:
        return walk_if_or_with(x, dot, (const struct node_branch *)n);
    case NODE_RANGE:
        return walk_range(x, dot, (const struct node_branch *)n);
    case NODE_TEMPLATE:
        return walk_template(x, dot, (const struct node_template *)n);
    case NODE_BREAK:
        return JUMP_BREAK;
    case NODE_CONTINUE:
        return JUMP_CONTINUE;
    default:
        return fail(x, "unknown node: " STR_FMT, STR_ARG(node_text(x, n)));
    }
}

static int walk_list(struct exec *x, struct datum dot, const struct node_list *list)
{
    int rc = enter(x);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        x->at = list->node[i];
        rc = step(x);
        if (rc == 0)
            rc = walk(x, dot, list->node[i]);
    }
    leave(x);
    return rc;
}

/* ---- runs ---- */

int run_body(struct template_run *run, const struct template_set *set, const struct body *body,
             struct datum data, struct template_fault *fault)
{
    uint32_t depth = run->depth;
    size_t variables = run->variable_count;
    int rc = run_in(run, set, body, data, fault);

    run->depth = depth;
    run->variable_count = variables;
    return rc;
}

struct template_run *template_run_new(struct arena *a, const struct template_limits *limits,
                                      enum template_missing missing,
                                      const struct template_world *world)
{
    struct template_run *run = arena_one(a, struct template_run);

    *run = (struct template_run){.a = a,
                                 .limits = *limits,
                                 .missing = missing,
                                 .world = *world,
                                 .memory_start = arena_used_bytes(a)};
    return run;
}

int template_execute(struct template_run *run, const struct template_set *set, struct str name,
                     struct datum data, struct buf *out, struct template_fault *fault)
{
    const struct body *body = template_set_find(set, name);

    *fault = (struct template_fault){0};
    if (!body) {
        fault->code = HL_EABSENT;
        fault->text = arena_printf(run->a, "template: no template \"" STR_FMT "\"", STR_ARG(name));
        return fault->code;
    }
    run->out = out;
    run->out_start = out->len;
    int rc = run_body(run, set, body, data, fault);
    run->out = NULL;
    return rc;
}

/* ---- calls ---- */

int call_fail(struct call *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    c->error = arena_vprintf(c->a, fmt, args);
    va_end(args);
    return HL_EINVAL;
}

int call_steps(struct call *c, uint64_t steps)
{
    return check_run(c->run, steps, &c->error);
}

int call_walk(struct call *c, struct datum d)
{
    uint64_t left = c->run->limits.steps > c->run->steps ? c->run->limits.steps - c->run->steps : 0;

    return call_steps(c, datum_nodes(d, left + 1));
}

int call_room(struct call *c, size_t bytes)
{
    struct template_run *run = c->run;
    size_t used = arena_used_bytes(run->a) - run->memory_start;

    if (used <= run->limits.memory_bytes && bytes <= run->limits.memory_bytes - used)
        return 0;
    c->error = arena_printf(run->a, "more than %zu bytes of memory", run->limits.memory_bytes);
    return HL_ELIMIT;
}

const struct template_world *call_world(const struct call *c)
{
    return &c->run->world;
}

const struct template_crypto *call_crypto(struct call *c)
{
    if (!c->run->world.crypto)
        c->error = STR("there is no cryptographic library here");
    return c->run->world.crypto;
}

int call_return_buf(struct call *c, const struct buf *b)
{
    int rc = call_room(c, b->len);

    if (rc < 0)
        return rc;
    if (b->len > FORMAT_BYTES_MAX) {
        c->error = arena_printf(c->a, "more than %d bytes in a string", FORMAT_BYTES_MAX);
        return HL_ELIMIT;
    }
    return call_return_str(c, arena_dup(c->a, buf_str(b)));
}
