// Run by `make test`, on this machine. cases.json, which `ripen module eval`
// walks, has more of what the score must be.

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "score.c"

#define START (20454 * RIPEN_DAY) // 2026-01-01

enum { BY_PERSON = RIPEN_ACTIVITY, BY_BOT = 1 << 8, MORE = RIPEN_ACTIVITY | RIPEN_EXTRA };

static int failed;

#define CHECK(what)                                              \
    do {                                                         \
        if (!(what)) {                                           \
            printf("test.c:%d: not so: %s\n", __LINE__, #what);  \
            failed++;                                            \
        }                                                        \
    } while (0)

static void begin(void) { memset(&ripen, 0, sizeof ripen); }

// Folds an event, as Ripen writes it: its fields, then the bytes of its text.
static void take(int type, int64_t time, int flags, const char *path, ripen_value value, ripen_value employees) {
    struct { ripen_event head; ripen_value field[4]; char text[64]; } e = {
        .head = {.size = sizeof e, .type = type, .fields = 4, .time = time},
        .field = {{.tag = RIPEN_INT, .integer = flags}, {0}, value, employees},
    };
    if (path) {
        e.field[PATH] = (ripen_value){.tag = RIPEN_STRING, .length = strlen(path), .offset = offsetof(__typeof__(e), text)};
        memcpy(e.text, path, strlen(path));
    }
    memcpy(ripen.event, &e, sizeof e);
    CHECK(ripen_fold(1) == 40);
}

static const ripen_value missing = {.tag = RIPEN_MISSING}, null = {.tag = RIPEN_NULL};

static ripen_value number(double n) { return (ripen_value){.tag = RIPEN_FLOAT, .number = n}; }

static void visit(int64_t time, int flags) { take(PAGE_VIEW, time, flags, "/pricing/pro", missing, missing); }

static double said(int64_t now) {
    ripen.next = ripen.reasons = ripen.dimensions = ripen.not_scored = 0;
    return ripen_score(now);
}

static void a_new_lead_has_no_points_and_waits_for_nothing(void) {
    CHECK(said(START) == 0 && ripen.next == 0 && ripen.reasons == 0);
}

static void visits_count_up_to_a_cap(void) {
    visit(START, BY_PERSON);
    CHECK(said(START) == 6 && ripen.reasons == 1 && ripen.reason[0].rule == OF_PRICING && ripen.reason[0].points == 6);
    for (int i = 0; i < 9; i++) visit(START, BY_PERSON);
    CHECK(said(START) == 30);
    take(PAGE_VIEW, START, BY_PERSON, "/prices", missing, missing);
    take(PAGE_VIEW, START, BY_PERSON, NULL, missing, missing);
    CHECK(said(START) == 30);
}

static void machines_and_further_products_count_nothing(void) {
    visit(START, BY_BOT);
    visit(START, MORE);
    CHECK(said(START) == 0);
}

static void points_halve_in_fourteen_days(void) {
    visit(START, BY_PERSON);
    CHECK(said(START + 14 * RIPEN_DAY) == 3);
    visit(START + 14 * RIPEN_DAY, BY_PERSON);
    CHECK(said(START + 28 * RIPEN_DAY) == 4.5);
}

static void a_purchase_counts_by_its_value(void) {
    take(PURCHASE, START, BY_PERSON, NULL, number(70), missing);
    take(PURCHASE, START, BY_PERSON, NULL, number(-70), missing);
    take(PURCHASE, START, BY_PERSON, NULL, missing, missing);
    CHECK(said(START) == 7 && ripen.reasons == 1 && ripen.reason[0].rule == OF_PURCHASE);
}

static void a_company_stays_until_it_is_cleared(void) {
    take(OTHER, START, BY_PERSON, NULL, missing, number(50));
    take(OTHER, START, BY_PERSON, NULL, missing, missing);
    CHECK(said(START + 365 * RIPEN_DAY) == 20 && ripen.dimension[COMPANY] == 20);
    take(OTHER, START, BY_PERSON, NULL, missing, null);
    CHECK(said(START) == 0);
}

static void the_shown_score_falls_at_the_next_moment_and_not_before(void) {
    visit(START, BY_PERSON);
    int moments = 0;
    for (int64_t now = START; moments < 100; moments++) {
        double shown = round(said(now));
        int64_t next = ripen.next;
        if (!next) break;
        CHECK(next > now && round(said(next - 1000)) == shown);
        now = next;
    }
    CHECK(moments > 5 && moments < 100);
}

static void texts_are_compared_to_their_end(void) {
    visit(START, BY_PERSON);
    const ripen_event *e = (const ripen_event *)ripen.event;
    CHECK(ripen_is(e, PATH, "/pricing/pro"));
    CHECK(!ripen_is(e, PATH, "/pricing") && !ripen_is(e, PATH, "/pricing/pro2") && !ripen_is(e, PATH, "/pricing/prO"));
    CHECK(ripen_begins(e, PATH, "") && ripen_begins(e, PATH, "/pricing/pro") && !ripen_begins(e, PATH, "/pricing/pro2"));
    CHECK(!ripen_is(e, VALUE, "") && !ripen_begins(e, VALUE, ""));
}

static void both_at_once_is_what_two_calls_are(void) {
    visit(START, BY_PERSON);
    double apart = said(START + RIPEN_DAY);
    int64_t next = ripen.next;
    begin();
    visit(START, BY_PERSON); // leaves the event where it stands
    memset(ripen.state, 0, sizeof ripen.state);
    CHECK(ripen_fold_score(1, START + RIPEN_DAY) == apart && ripen.state_length == 40);
    CHECK(ripen.next == next && ripen.reasons == 1);
}

static void a_lead_may_get_no_score(void) {
    ripen_not_scored();
    CHECK(ripen.not_scored == 1);
}

static void what_is_said_has_room(void) {
    for (int i = 0; i < 600; i++) ripen_reason(i, 1);
    CHECK(ripen.reasons == 512 && ripen.reason[511].rule == 511 && ripen.event[0] == 0);
    ripen_dimension(16, 1);
    CHECK(ripen.dimensions == 0);
    ripen_dimension(15, 1);
    CHECK(ripen.dimensions == 16);
}

int main(void) {
    void (*tests[])(void) = {
        a_new_lead_has_no_points_and_waits_for_nothing,
        visits_count_up_to_a_cap,
        machines_and_further_products_count_nothing,
        points_halve_in_fourteen_days,
        a_purchase_counts_by_its_value,
        a_company_stays_until_it_is_cleared,
        the_shown_score_falls_at_the_next_moment_and_not_before,
        texts_are_compared_to_their_end,
        both_at_once_is_what_two_calls_are,
        a_lead_may_get_no_score,
        what_is_said_has_room,
    };
    int n = sizeof tests / sizeof *tests;
    for (int i = 0; i < n; i++) {
        begin();
        tests[i]();
    }
    printf("%d tests, %d checks failed\n", n, failed);
    return failed > 0;
}
