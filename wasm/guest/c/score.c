// A lead's interest: who looks at prices, asks for a demo or buys gets points,
// which halve every 14 days. A company of 50 or more gets points that stay.

#include "ripen.h"

// In the order of manifest.json.
enum { FLAGS, PATH, VALUE, EMPLOYEES };               // fields
enum { OTHER, PAGE_VIEW, DEMO_REQUEST, PURCHASE };    // event_types
enum { INTEREST, COMPANY };                           // dimensions
enum { OF_PRICING, OF_DEMO, OF_PURCHASE, OF_COMPANY}; // reasons

#define HALF_LIFE (14 * RIPEN_DAY)

// What we remember: 40 bytes, the state_max of manifest.json.
typedef struct {
    int64_t at;                     // the moment to which the points have faded
    double pricing, demo, purchase; // points that fade
    double company;                 // points that stay
} lead;

static double at_most(double most, double points) { return points < most ? points : most; }

static void fold(lead *l, const ripen_event *e) {
    if (ripen_says(e, EMPLOYEES))
        l->company = ripen_number(e, EMPLOYEES) >= 50 ? 20 : 0;
    if (!ripen_by_person(e) || !ripen_whole(e)) return;

    double left = ripen_fade(e->time - l->at, HALF_LIFE);
    l->pricing *= left;
    l->demo *= left;
    l->purchase *= left;
    if (e->time > l->at) l->at = e->time;

    switch (e->type) {
    case PAGE_VIEW:
        if (ripen_begins(e, PATH, "/pricing")) l->pricing = at_most(30, l->pricing + 6);
        break;
    case DEMO_REQUEST:
        l->demo = at_most(30, l->demo + 30);
        break;
    case PURCHASE:
        if (ripen_number(e, VALUE) > 0) l->purchase = at_most(20, l->purchase + ripen_number(e, VALUE) / 10);
        break;
    }
}

static void reason(uint32_t rule, double points) {
    if (points > 0) ripen_reason(rule, points);
}

static double score(const lead *l, int64_t now) {
    double left = ripen_fade(now - l->at, HALF_LIFE);
    double pricing = l->pricing * left, demo = l->demo * left, purchase = l->purchase * left;
    double interest = pricing + demo + purchase, score = interest + l->company;

    reason(OF_PRICING, pricing);
    reason(OF_DEMO, demo);
    reason(OF_PURCHASE, purchase);
    reason(OF_COMPANY, l->company);
    ripen_dimension(INTEREST, interest);
    ripen_dimension(COMPANY, l->company);
    ripen_next(ripen_next_fall(now, score, interest, HALF_LIFE));
    return score;
}

RIPEN_MODULE(lead, fold, score)
