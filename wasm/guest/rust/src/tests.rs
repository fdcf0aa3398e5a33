//! Run by `cargo test`, on this machine. cases.json, which `ripen module eval`
//! walks, has more of what the score must be.

use crate::ripen::testing::{Case, Slot};
use crate::ripen::{Event, Lead, Say, Value};
use crate::{event, Interest, DAY};

const START: i64 = 20_454 * DAY; // 2026-01-01
const BY_PERSON: u64 = 1;
const BY_BOT: u64 = 1 << 8;
const EXTRA: u64 = 1 | 4;

fn visit(case: &mut Case<Interest>, time: i64, flags: u64) {
    case.fold(
        event::PAGE_VIEW,
        time,
        &[Slot::Int(flags), Slot::Text("/pricing/pro"), Slot::Missing, Slot::Missing],
    );
}

fn employees(case: &mut Case<Interest>, slot: Slot) {
    case.fold(0, START, &[Slot::Int(BY_PERSON), Slot::Missing, Slot::Missing, slot]);
}

#[test]
fn a_new_lead_has_no_points_and_waits_for_nothing() {
    let said = Case::<Interest>::new().score(START);
    assert_eq!((said.score, said.next, said.reasons.len()), (0.0, 0, 0));
}

#[test]
fn visits_count_up_to_a_cap() {
    let mut case = Case::new();
    visit(&mut case, START, BY_PERSON);
    assert_eq!(case.score(START).reasons, [(0, 6.0)]);
    (0..9).for_each(|_| visit(&mut case, START, BY_PERSON));
    assert_eq!(case.score(START).score, 30.0);
}

#[test]
fn machines_and_further_products_count_nothing() {
    let mut case = Case::new();
    visit(&mut case, START, BY_BOT);
    visit(&mut case, START, EXTRA);
    assert_eq!(case.score(START).score, 0.0);
}

#[test]
fn points_halve_in_fourteen_days() {
    let mut case = Case::new();
    visit(&mut case, START, BY_PERSON);
    assert_eq!(case.score(START + 14 * DAY).score, 3.0);
    visit(&mut case, START + 14 * DAY, BY_PERSON);
    assert_eq!(case.score(START + 28 * DAY).score, 4.5);
}

#[test]
fn a_purchase_counts_by_its_value() {
    let mut case = Case::<Interest>::new();
    for value in [70.0, -70.0, 0.0] {
        case.fold(
            event::PURCHASE,
            START,
            &[Slot::Int(BY_PERSON), Slot::Missing, Slot::Number(value), Slot::Missing],
        );
    }
    assert_eq!(case.score(START).reasons, [(2, 7.0)]);
}

#[test]
fn a_company_stays_until_it_is_cleared() {
    let mut case = Case::new();
    employees(&mut case, Slot::Number(50.0));
    employees(&mut case, Slot::Missing);
    assert_eq!(case.score(START + 365 * DAY).dimensions, [0.0, 20.0]);
    employees(&mut case, Slot::Null);
    assert_eq!(case.score(START).score, 0.0);
}

#[test]
fn the_shown_score_falls_at_the_next_moment_and_not_before() {
    let mut case = Case::new();
    visit(&mut case, START, BY_PERSON);
    let mut now = START;
    for _ in 0..100 {
        let said = case.score(now);
        if said.next == 0 {
            assert!(said.score < 0.5);
            return;
        }
        assert_eq!(case.score(said.next - 1000).score.round(), said.score.round());
        now = said.next;
    }
    panic!("it never comes to rest");
}

#[test]
fn both_at_once_are_what_two_calls_are() {
    let slots = [Slot::Int(BY_PERSON), Slot::Text("/pricing/pro"), Slot::Missing, Slot::Missing];
    let (mut apart, mut once) = (Case::<Interest>::new(), Case::<Interest>::new());
    apart.fold(event::PAGE_VIEW, START, &slots);
    let want = apart.score(START + DAY);
    let said = once.fold_score(event::PAGE_VIEW, START, &slots, START + DAY);
    assert_eq!((said.score, said.next, said.reasons), (want.score, want.next, want.reasons));
    assert_eq!(once.score(START + 14 * DAY).score, 3.0);
}

/// A lead that asks the library what the example does not.
#[repr(C)]
struct Curious {
    events: i64,
}

unsafe impl Lead for Curious {
    fn fold(&mut self, e: &Event) {
        self.events += 1;
        assert_eq!(e.value(0), Value::Int(1));
        assert_eq!(e.value(1), Value::Text("/señor".as_bytes()));
        assert_eq!(e.value(2), Value::Number(-0.5));
        assert_eq!(e.value(3), Value::Null);
        assert_eq!(e.value(4), Value::Missing);
        assert_eq!(e.value(5), Value::Missing); // there is no such field
        assert!(e.says(3) && !e.says(4) && !e.of_product(1));
        assert_eq!((e.number(1), e.number(4)), (0.0, 0.0));
        assert_eq!((e.text(2), e.text(4)), (&b""[..], &b""[..]));
    }

    fn score(&self, _now: i64, say: &mut Say) -> f64 {
        (0..600).for_each(|rule| say.reason(rule, 1.0));
        say.dimension(16, 1.0);
        say.dimension(15, 1.0);
        say.not_scored();
        self.events as f64
    }
}

#[test]
fn the_library_reads_every_value_and_stays_in_its_bounds() {
    let mut case = Case::<Curious>::new();
    let slots = [Slot::Int(1), Slot::Text("/señor"), Slot::Number(-0.5), Slot::Null, Slot::Missing];
    case.fold(9, START, &slots);
    let said = case.score(START);
    assert_eq!((said.score, said.reasons.len(), said.dimensions.len()), (1.0, 512, 16));
    assert!(said.not_scored);
}
