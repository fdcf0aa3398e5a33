//! A lead's interest: who looks at prices, asks for a demo or buys gets points,
//! which halve every 14 days. A company of 50 or more gets points that stay.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[allow(dead_code)] // it has more than this module needs
mod ripen;
#[cfg(test)]
mod tests;

use ripen::{fade, next_fall, Event, Lead, Say, DAY};

// In the order of manifest.json.
mod field {
    pub const PATH: usize = 1;
    pub const VALUE: usize = 2;
    pub const EMPLOYEES: usize = 3;
}
mod event {
    pub const PAGE_VIEW: u16 = 1;
    pub const DEMO_REQUEST: u16 = 2;
    pub const PURCHASE: u16 = 3;
}
mod dimension {
    pub const INTEREST: usize = 0;
    pub const COMPANY: usize = 1;
}
mod reason {
    pub const PRICING: u32 = 0;
    pub const DEMO: u32 = 1;
    pub const PURCHASE: u32 = 2;
    pub const COMPANY: u32 = 3;
}

const HALF_LIFE: i64 = 14 * DAY;

/// What we remember: 40 bytes, the state_max of manifest.json.
#[repr(C)]
#[derive(Default)]
struct Interest {
    at: i64,      // the moment to which the points have faded
    pricing: f64, // points that fade
    demo: f64,
    purchase: f64,
    company: f64, // points that stay
}

// SAFETY: numbers only; all zero is a new lead.
unsafe impl Lead for Interest {
    fn fold(&mut self, e: &Event) {
        if e.says(field::EMPLOYEES) {
            self.company = if e.number(field::EMPLOYEES) >= 50.0 { 20.0 } else { 0.0 };
        }
        if !e.by_person() || !e.whole() {
            return;
        }
        let left = fade(e.time() - self.at, HALF_LIFE);
        self.pricing *= left;
        self.demo *= left;
        self.purchase *= left;
        self.at = self.at.max(e.time());

        match e.kind() {
            event::PAGE_VIEW if e.text(field::PATH).starts_with(b"/pricing") => {
                self.pricing = at_most(30.0, self.pricing + 6.0);
            }
            event::DEMO_REQUEST => self.demo = at_most(30.0, self.demo + 30.0),
            event::PURCHASE if e.number(field::VALUE) > 0.0 => {
                self.purchase = at_most(20.0, self.purchase + e.number(field::VALUE) / 10.0);
            }
            _ => {}
        }
    }

    fn score(&self, now: i64, say: &mut Say) -> f64 {
        let left = fade(now - self.at, HALF_LIFE);
        let (pricing, demo, purchase) =
            (self.pricing * left, self.demo * left, self.purchase * left);
        let interest = pricing + demo + purchase;
        let score = interest + self.company;

        for (rule, points) in [
            (reason::PRICING, pricing),
            (reason::DEMO, demo),
            (reason::PURCHASE, purchase),
            (reason::COMPANY, self.company),
        ] {
            if points > 0.0 {
                say.reason(rule, points);
            }
        }
        say.dimension(dimension::INTEREST, interest);
        say.dimension(dimension::COMPANY, self.company);
        say.next(next_fall(now, score, interest, HALF_LIFE));
        score
    }
}

fn at_most(most: f64, points: f64) -> f64 {
    if points < most {
        points
    } else {
        most
    }
}

module!(Interest);
