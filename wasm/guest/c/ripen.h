// ripen.h: write a scoring module for Ripen in C.
//
// Ripen calls two functions of yours. One folds an event into what you remember
// of a lead, the other scores that at a moment:
//
//     typedef struct { int64_t at; double points; } lead;    // all zero: a new lead
//
//     static void fold(lead *l, const ripen_event *e);
//     static double score(const lead *l, int64_t now);       // 0 to 100
//
//     RIPEN_MODULE(lead, fold, score)
//
// They are pure: the same lead and event, or lead and moment, always come to the
// same. So there is no clock, no random number, no file, and no global variable
// that lives from one call to the next. The lead is a struct of numbers without
// pointers, of at most 16 KiB; Ripen keeps it.
//
// What an event carries is named in manifest.json: `fields` and `event_types`,
// each counted from 0. Enums in the same order make them names in C.
//
// The header is all there is: nothing to link, nothing imported.

#ifndef RIPEN_H
#define RIPEN_H

#include <stdbool.h>
#include <stdint.h>

#define RIPEN_DAY INT64_C(86400000) // times are milliseconds since 1970, UTC

// ---- Events ----------------------------------------------------------------

// An event. `type` counts in the manifest's event_types; 0 is every other type.
// Events of a lead come in the order of their time.
typedef struct {
    uint32_t size;
    uint16_t type;
    uint16_t fields;
    int64_t time;
} ripen_event;

// A value of an event. What its tag is follows from its type in the manifest:
//
//     text    RIPEN_STRING        at most 1 KiB of UTF-8
//     number  RIPEN_FLOAT         never NaN
//     exists  RIPEN_BOOL
//     hash, day, session, flags   RIPEN_INT
//
// or RIPEN_MISSING: the event does not say; or RIPEN_NULL: it says there is none.
typedef struct {
    uint8_t tag;
    bool product; // of one product of a list, not of the whole event
    uint16_t zero;
    uint32_t length; // of a text, in bytes
    union {
        int64_t integer;
        double number;
        uint64_t offset; // of a text, from the start of its event
    };
} ripen_value;

enum { RIPEN_MISSING, RIPEN_BOOL, RIPEN_INT, RIPEN_FLOAT, RIPEN_STRING, RIPEN_TIME, RIPEN_NULL };

// Bits of the first field, the flags. Bits 8 to 10 are bot, prefetch and proxy.
enum { RIPEN_ACTIVITY = 1, RIPEN_CARRIES = 2, RIPEN_EXTRA = 4 };

static inline const ripen_value *ripen_field(const ripen_event *e, int field) {
    return (const ripen_value *)(e + 1) + field;
}

// Whether a person did this: not a machine, and not a message of ours leaving.
static inline bool ripen_by_person(const ripen_event *e) {
    return ripen_field(e, 0)->integer & RIPEN_ACTIVITY;
}

// Whether this is an event of its own, not one more product of the one before:
// an order of three products comes as three events, the last two extra.
static inline bool ripen_whole(const ripen_event *e) {
    return !(ripen_field(e, 0)->integer & RIPEN_EXTRA);
}

// Whether the event says anything of a field, even that there is none. An event
// that does not say an attribute leaves it as it was.
static inline bool ripen_says(const ripen_event *e, int field) {
    return ripen_field(e, field)->tag != RIPEN_MISSING;
}

// A field of type number; 0 if there is none.
static inline double ripen_number(const ripen_event *e, int field) {
    const ripen_value *v = ripen_field(e, field);
    return v->tag == RIPEN_FLOAT ? v->number : 0;
}

// Whether a field of type text begins with these letters.
static inline bool ripen_begins(const ripen_event *e, int field, const char *with) {
    const ripen_value *v = ripen_field(e, field);
    if (v->tag != RIPEN_STRING) return false;
    const char *text = (const char *)e + v->offset;
    uint32_t n = 0;
    while (with[n] && n < v->length && text[n] == with[n]) n++;
    return !with[n];
}

// Whether a field of type text is just this.
static inline bool ripen_is(const ripen_event *e, int field, const char *text) {
    uint32_t length = 0;
    while (text[length]) length++;
    return ripen_field(e, field)->length == length && ripen_begins(e, field, text);
}

// ---- Points that fade ------------------------------------------------------

// 2 to the power of x, for x ≤ 0: the same bits on every machine and in every
// language that Ripen has a starter for.
static __attribute__((noinline, unused)) double ripen_exp2(double x) {
    if (x < -1022) return 0;
    double n = __builtin_rint(x), f = x - n, f2 = f * f, f4 = f2 * f2;
    double a = (1.0 + 0.6931471805599453 * f) + (0.24022650695910072 + 0.05550410866482158 * f) * f2;
    double b = (0.009618129107628477 + 0.0013333558146428443 * f) + (0.0001540353039338161 + 1.5252733804059841e-05 * f) * f2;
    double c = (1.321548679014431e-06 + 1.01780860092397e-07 * f) + (7.054911620801123e-09 + 4.4455382718708116e-10 * f) * f2;
    double d = 2.5678435993488206e-11 + 1.3691488853904128e-12 * f;
    union { uint64_t bits; double value; } power = {.bits = (uint64_t)((int64_t)n + 1023) << 52};
    return ((a + b * f4) + (c + d * f4) * (f4 * f4)) * power.value;
}

// What is left of a point after some time: a half after half_life.
static inline double ripen_fade(int64_t passed, int64_t half_life) {
    return passed > 0 ? ripen_exp2(-(double)passed / (double)half_life) : 1;
}

// The next moment at which the shown score, a whole number, may fall by itself,
// if `fading` of its points halve every half_life and the others stay; 0 is
// never. It may be early, but is not late: Ripen asks again then.
static inline int64_t ripen_next_fall(int64_t now, double score, double fading, int64_t half_life) {
    const double near = 1e-7; // so close to a threshold has reached it
    double gap = score + near - (__builtin_floor(score + near + 0.5) - 0.5);
    double x = gap / fading;
    if (!(fading >= 1e-10 && x < 1)) return 0;
    // −ln(1−x), cut after six terms: a bit less, so a bit early.
    double e = x * (1 + x * (1.0 / 2 + x * (1.0 / 3 + x * (1.0 / 4 + x * (1.0 / 5 + x * (1.0 / 6))))));
    double wait = (double)half_life / 0.6931471805599453 * e;
    return now + (wait > 1000 ? (int64_t)wait : 1000);
}

// ---- What a score says -----------------------------------------------------

#define RIPEN_STATE 0x4000 // bytes: the most a lead may be

// The memory that Ripen and the module share.
typedef struct {
    uint32_t abi, state_length, events, flags;
    int64_t now, next;
    uint32_t reasons, dimensions, not_scored, zero[5];
    double dimension[16];
    uint8_t rest[0x40];
    uint8_t state[RIPEN_STATE];
    struct { uint32_t rule, detail; double points; } reason[512];
    uint8_t event[0x10000 - 0x6100];
} ripen_area;

_Static_assert(sizeof(ripen_area) == 0x10000, "the area is 64 KiB");

static _Alignas(16) ripen_area ripen;

// Give a reason: its number in the manifest's reasons, and its points. Points
// that sum to the score explain it whole.
static inline void ripen_reason(uint32_t rule, double points) {
    if (ripen.reasons == 512) return;
    ripen.reason[ripen.reasons].rule = rule;
    ripen.reason[ripen.reasons].points = points;
    ripen.reasons++;
}

// Say a dimension, by its number in the manifest's dimensions.
static inline void ripen_dimension(int dimension, double value) {
    if (dimension < 0 || dimension >= 16) return;
    ripen.dimension[dimension] = value;
    if (ripen.dimensions <= (uint32_t)dimension) ripen.dimensions = (uint32_t)dimension + 1;
}

// Say when the score may next change although nothing happens; 0 is never.
static inline void ripen_next(int64_t at) { ripen.next = at; }

// This lead gets no score at all: a competitor, say.
static inline void ripen_not_scored(void) { ripen.not_scored = 1; }

// ---- The module ------------------------------------------------------------

#ifdef __wasm__
#define RIPEN_EXPORT(name) __attribute__((export_name(#name)))
// The manifest travels in the module.
__asm__(".section .custom_section.ripen.manifest,\"\",@\n.incbin \"manifest.json\"\n");
#else
#define RIPEN_EXPORT(name) // as in tests
#endif

// The functions that Ripen calls. The last, which a module may leave out, is the two
// before it in one call: for most events Ripen asks for nothing else.
#define RIPEN_MODULE(lead, fold, score)                                                  \
    _Static_assert(sizeof(lead) <= RIPEN_STATE, "a lead is at most 16 KiB");             \
    RIPEN_EXPORT(ripen_io) ripen_area *ripen_io(void) { return &ripen; }                 \
    RIPEN_EXPORT(ripen_fold) int32_t ripen_fold(int32_t n) {                             \
        const uint8_t *at = ripen.event;                                                 \
        for (; n > 0; n--) {                                                             \
            const ripen_event *e = (const ripen_event *)at;                              \
            fold((lead *)ripen.state, e);                                                \
            at += e->size;                                                               \
        }                                                                                \
        return sizeof(lead);                                                             \
    }                                                                                    \
    RIPEN_EXPORT(ripen_score) double ripen_score(int64_t now) {                          \
        return score((const lead *)ripen.state, now);                                    \
    }                                                                                    \
    RIPEN_EXPORT(ripen_fold_score) double ripen_fold_score(int32_t n, int64_t now) {     \
        ripen.state_length = (uint32_t)ripen_fold(n);                                    \
        return ripen_score(now);                                                         \
    }

#endif
