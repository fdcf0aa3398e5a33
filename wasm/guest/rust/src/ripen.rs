//! Write a scoring module for Ripen in Rust.
//!
//! A type of yours is what you remember of a lead. It folds events into itself,
//! and scores itself at a moment:
//!
//! ```ignore
//! impl Lead for Interest {
//!     fn fold(&mut self, event: &Event) { … }
//!     fn score(&self, now: i64, say: &mut Say) -> f64 { … } // 0 to 100
//! }
//! ripen::module!(Interest);
//! ```
//!
//! Both are pure: the same lead and event, or lead and moment, always come to the
//! same. So there is no clock, no random number, no file, and no static that
//! lives from one call to the next.
//!
//! What an event carries is named in `manifest.json`: `fields` and `event_types`,
//! each counted from 0. Constants in the same order make them names in Rust.
//!
//! This file is all there is: no dependency, no allocator, nothing imported.

use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ptr::{addr_of, addr_of_mut};
use core::slice::from_raw_parts;

/// Times are milliseconds since 1970, UTC.
pub const DAY: i64 = 86_400_000;

/// What you remember of a lead: a `#[repr(C)]` struct of numbers, without
/// pointers, of at most 16 KiB. Ripen keeps it as bytes.
///
/// # Safety
///
/// All zero must be a valid lead: it is a new one. Beside that, Ripen gives back
/// only what this module has left.
pub unsafe trait Lead {
    /// Takes an event. Those of a lead come in the order of their time.
    fn fold(&mut self, event: &Event);
    /// Scores the lead, 0 to 100, and says why.
    fn score(&self, now: i64, say: &mut Say) -> f64;
}

// ---- Events ----------------------------------------------------------------

#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    size: u32,
    kind: u16,
    fields: u16,
    time: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Slot {
    tag: u8,
    product: u8,
    zero: u16,
    length: u32,
    value: u64,
}

/// An event of a lead.
pub struct Event<'a> {
    head: *const Head, // its slots and the bytes of its texts stand behind it
    area: PhantomData<&'a Area>,
}

/// What an event says of a field. Its type in the manifest says which: `text` a
/// [`Value::Text`], `number` a [`Value::Number`], `exists` a [`Value::Bool`];
/// `hash`, `day`, `session` and `flags` a [`Value::Int`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing: it leaves an attribute as it was.
    Missing,
    /// That there is none.
    Null,
    Bool(bool),
    Int(i64),
    /// Never NaN.
    Number(f64),
    /// At most 1 KiB of UTF-8.
    Text(&'a [u8]),
}

impl<'a> Event<'a> {
    /// Counts in the manifest's `event_types`; 0 is every other type.
    pub fn kind(&self) -> u16 {
        self.head().kind
    }

    pub fn time(&self) -> i64 {
        self.head().time
    }

    pub fn value(&self, field: usize) -> Value<'a> {
        let slot = self.slot(field);
        match slot.tag {
            1 => Value::Bool(slot.value != 0),
            2 | 5 => Value::Int(slot.value as i64),
            3 => Value::Number(f64::from_bits(slot.value)),
            4 => Value::Text(self.text(field)),
            6 => Value::Null,
            _ => Value::Missing,
        }
    }

    /// A field of type `number`; 0 if there is none.
    pub fn number(&self, field: usize) -> f64 {
        let slot = self.slot(field);
        if slot.tag == 3 {
            f64::from_bits(slot.value)
        } else {
            0.0
        }
    }

    /// A field of type `text`; empty if there is none.
    pub fn text(&self, field: usize) -> &'a [u8] {
        let slot = self.slot(field);
        if slot.tag != 4 {
            return b"";
        }
        // SAFETY: a text's bytes stand in its event, at this offset.
        unsafe {
            from_raw_parts(self.head.cast::<u8>().add(slot.value as usize), slot.length as usize)
        }
    }

    /// Whether the event says anything of a field, even that there is none.
    pub fn says(&self, field: usize) -> bool {
        self.slot(field).tag != 0
    }

    /// Whether the value is of one product of a list, not of the whole event.
    pub fn of_product(&self, field: usize) -> bool {
        self.slot(field).product != 0
    }

    /// The first field of every module. Bits 8 to 10 are bot, prefetch and proxy.
    pub fn flags(&self) -> u64 {
        self.slot(0).value
    }

    /// Whether a person did this: not a machine, and not a message of ours leaving.
    pub fn by_person(&self) -> bool {
        self.flags() & 1 != 0
    }

    /// Whether this is an event of its own, not one more product of the one before:
    /// an order of three products comes as three events, the last two not whole.
    pub fn whole(&self) -> bool {
        self.flags() & 4 == 0
    }

    fn head(&self) -> Head {
        // SAFETY: an Event is made only where Ripen has written one.
        unsafe { *self.head }
    }

    fn slot(&self, field: usize) -> Slot {
        if field >= self.head().fields as usize {
            return Slot { tag: 0, product: 0, zero: 0, length: 0, value: 0 };
        }
        // SAFETY: there are as many slots behind the head as it says.
        unsafe { *self.head.add(1).cast::<Slot>().add(field) }
    }
}

// ---- Points that fade ------------------------------------------------------

/// What is left of a point after some time: a half after `half_life`.
pub fn fade(passed: i64, half_life: i64) -> f64 {
    if passed > 0 {
        exp2(-(passed as f64) / half_life as f64)
    } else {
        1.0
    }
}

/// 2 to the power of x, for x ≤ 0: the same bits on every machine and in every
/// language that Ripen has a starter for.
#[rustfmt::skip]
#[inline(never)]
pub fn exp2(x: f64) -> f64 {
    if x < -1022.0 {
        return 0.0;
    }
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 × 2^52: a sum with it is a whole number, in its lowest bits
    let round = x + ROUND;
    let f = x - (round - ROUND);
    let (f2, f4) = (f * f, f * f * (f * f));
    let a = (1.0 + 0.6931471805599453 * f) + (0.24022650695910072 + 0.05550410866482158 * f) * f2;
    let b = (0.009618129107628477 + 0.0013333558146428443 * f) + (0.0001540353039338161 + 1.5252733804059841e-05 * f) * f2;
    let c = (1.321548679014431e-06 + 1.01780860092397e-07 * f) + (7.054911620801123e-09 + 4.4455382718708116e-10 * f) * f2;
    let d = 2.5678435993488206e-11 + 1.3691488853904128e-12 * f;
    ((a + b * f4) + (c + d * f4) * (f4 * f4)) * f64::from_bits((round.to_bits() + 1023) << 52)
}

/// The next moment at which the shown score, a whole number, may fall by itself,
/// if `fading` of its points halve every `half_life` and the others stay; 0 is
/// never. It may be early, but is not late: Ripen asks again then.
pub fn next_fall(now: i64, score: f64, fading: f64, half_life: i64) -> i64 {
    let near = score + 1e-7; // so close to a threshold has reached it
    let shown = (near + 0.5) as i64 as f64;
    let x = (near - (shown - 0.5)) / fading;
    if !(fading >= 1e-10 && x < 1.0) {
        return 0;
    }
    // −ln(1−x), cut after six terms: a bit less, so a bit early.
    let e = x
        * (1.0
            + x * (1.0 / 2.0
                + x * (1.0 / 3.0 + x * (1.0 / 4.0 + x * (1.0 / 5.0 + x * (1.0 / 6.0))))));
    let wait = half_life as f64 / core::f64::consts::LN_2 * e;
    now + (if wait > 1000.0 { wait as i64 } else { 1000 })
}

// ---- What a score says -----------------------------------------------------

const STATE: usize = 0x4000;
const REASONS: usize = 512;
const EVENTS: usize = 0x10000 - 0x6100;

#[repr(C)]
#[derive(Clone, Copy)]
struct Reason {
    rule: u32,
    detail: u32,
    points: f64,
}

#[repr(C)]
struct Header {
    abi: u32,
    state_length: u32,
    events: u32,
    flags: u32,
    now: i64,
    next: i64,
    reasons: u32,
    dimensions: u32,
    not_scored: u32,
    zero: [u32; 5],
    dimension: [f64; 16],
    rest: [u8; 0x40],
}

/// The 64 KiB of memory that Ripen and the module share.
#[repr(C, align(16))]
pub struct Area {
    header: Header,
    state: [u8; STATE],
    reason: [Reason; REASONS],
    event: [u8; EVENTS],
}

const _: () = assert!(size_of::<Area>() == 0x10000);

/// What a score says beside its value.
pub struct Say {
    area: *mut Area, // valid while a score is under way, which is as long as a Say lives
}

impl Say {
    /// Gives a reason: its number in the manifest's `reasons`, and its points.
    /// Points that sum to the score explain it whole.
    pub fn reason(&mut self, rule: u32, points: f64) {
        let n = self.header().reasons as usize;
        if n < REASONS {
            // SAFETY: as of header; n is below the end.
            unsafe {
                addr_of_mut!((*self.area).reason).cast::<Reason>().add(n).write(Reason {
                    rule,
                    detail: 0,
                    points,
                })
            };
            self.header().reasons += 1;
        }
    }

    /// Says a dimension, by its number in the manifest's `dimensions`.
    pub fn dimension(&mut self, number: usize, value: f64) {
        let header = self.header();
        if number < header.dimension.len() {
            header.dimension[number] = value;
            header.dimensions = header.dimensions.max(number as u32 + 1);
        }
    }

    /// Says when the score may next change although nothing happens; 0 is never.
    pub fn next(&mut self, at: i64) {
        self.header().next = at;
    }

    /// This lead gets no score at all: a competitor, say.
    pub fn not_scored(&mut self) {
        self.header().not_scored = 1;
    }

    fn header(&mut self) -> &mut Header {
        // SAFETY: nobody else holds the header while a score is under way.
        unsafe { &mut *addr_of_mut!((*self.area).header) }
    }
}

// ---- The module ------------------------------------------------------------

impl Area {
    /// An area that Ripen has not written yet.
    pub const NEW: Area = Area {
        header: Header {
            abi: 0,
            state_length: 0,
            events: 0,
            flags: 0,
            now: 0,
            next: 0,
            reasons: 0,
            dimensions: 0,
            not_scored: 0,
            zero: [0; 5],
            dimension: [0.0; 16],
            rest: [0; 0x40],
        },
        state: [0; STATE],
        reason: [Reason { rule: 0, detail: 0, points: 0.0 }; REASONS],
        event: [0; EVENTS],
    };

    /// Folds the n events of the area into its state, and returns its length.
    ///
    /// # Safety
    ///
    /// The area is as Ripen has written it, and nobody else's meanwhile.
    pub unsafe fn fold<L: Lead>(area: *mut Area, n: i32) -> i32 {
        let lead = &mut *addr_of_mut!((*area).state).cast::<L>();
        let mut at = addr_of!((*area).event).cast::<u8>();
        for _ in 0..n {
            let event = Event { head: at.cast(), area: PhantomData };
            lead.fold(&event);
            at = at.add(event.head().size as usize);
        }
        Self::length::<L>()
    }

    /// Scores the state of the area at a moment.
    ///
    /// # Safety
    ///
    /// As for [`Area::fold`].
    pub unsafe fn score<L: Lead>(area: *mut Area, now: i64) -> f64 {
        let lead = &*addr_of!((*area).state).cast::<L>();
        lead.score(now, &mut Say { area })
    }

    /// Both, one after the other: the length is left in the area.
    ///
    /// # Safety
    ///
    /// As for [`Area::fold`].
    pub unsafe fn fold_score<L: Lead>(area: *mut Area, n: i32, now: i64) -> f64 {
        let length = Self::fold::<L>(area, n);
        (*area).header.state_length = length as u32;
        Self::score::<L>(area, now)
    }

    fn length<L>() -> i32 {
        assert!(size_of::<L>() <= STATE && align_of::<L>() <= 16, "a lead is at most 16 KiB");
        size_of::<L>() as i32
    }
}

/// Makes a module of a type: the functions that Ripen calls, and the manifest, which
/// travels in it. The last function, which a module may leave out, is the two before
/// it in one call: for most events Ripen asks for nothing else.
#[macro_export]
macro_rules! module {
    ($lead:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod exports {
            use super::*;
            use core::ptr::addr_of_mut;
            use $crate::ripen::Area;

            static mut AREA: Area = Area::NEW;

            #[no_mangle]
            #[allow(unused_unsafe)] // of late it is safe to take an address
            extern "C" fn ripen_io() -> *mut Area {
                unsafe { addr_of_mut!(AREA) }
            }

            #[no_mangle]
            extern "C" fn ripen_fold(n: i32) -> i32 {
                unsafe { Area::fold::<$lead>(addr_of_mut!(AREA), n) }
            }

            #[no_mangle]
            extern "C" fn ripen_score(now: i64) -> f64 {
                unsafe { Area::score::<$lead>(addr_of_mut!(AREA), now) }
            }

            #[no_mangle]
            extern "C" fn ripen_fold_score(n: i32, now: i64) -> f64 {
                unsafe { Area::fold_score::<$lead>(addr_of_mut!(AREA), n, now) }
            }

            #[link_section = "ripen.manifest"]
            #[used]
            static MANIFEST: [u8; include_bytes!("../manifest.json").len()] =
                *include_bytes!("../manifest.json");

            #[panic_handler]
            fn panic(_: &core::panic::PanicInfo) -> ! {
                core::arch::wasm32::unreachable() // Ripen drops the call, and keeps the lead as it was
            }
        }
    };
}

// ---- Tests -----------------------------------------------------------------

/// Plays Ripen's part in tests: one lead, and the area it is scored in.
#[cfg(test)]
pub mod testing {
    use super::*;
    use std::convert::TryInto;

    #[derive(Clone, Copy)]
    pub enum Slot<'a> {
        Missing,
        Null,
        Int(u64),
        Number(f64),
        Text(&'a str),
    }

    /// A lead, new at first.
    pub struct Case<L> {
        area: Box<Area>,
        lead: PhantomData<L>,
    }

    /// What a score said.
    pub struct Said {
        pub score: f64,
        pub next: i64,
        pub reasons: Vec<(u32, f64)>,
        pub dimensions: Vec<f64>,
        pub not_scored: bool,
    }

    impl<L: Lead> Case<L> {
        pub fn new() -> Self {
            Case { area: Box::new(Area::NEW), lead: PhantomData }
        }

        /// Folds one event.
        pub fn fold(&mut self, kind: u16, time: i64, slots: &[Slot]) {
            self.write(kind, time, slots);
            // SAFETY: the area is as Ripen would have written it.
            let length = unsafe { Area::fold::<L>(&mut *self.area, 1) };
            assert_eq!(length, size_of::<L>().try_into().unwrap());
        }

        /// Folds one event and scores the lead, in one call.
        pub fn fold_score(&mut self, kind: u16, time: i64, slots: &[Slot], now: i64) -> Said {
            self.write(kind, time, slots);
            self.area.header = Area::NEW.header;
            // SAFETY: as above.
            let score = unsafe { Area::fold_score::<L>(&mut *self.area, 1, now) };
            assert_eq!(self.area.header.state_length as usize, size_of::<L>());
            self.said(score)
        }

        /// Writes an event as Ripen does.
        fn write(&mut self, kind: u16, time: i64, slots: &[Slot]) {
            let texts = 16 + 16 * slots.len();
            let (mut event, mut text) = (vec![0; texts], Vec::new());
            for (i, slot) in slots.iter().enumerate() {
                let (tag, length, value) = match *slot {
                    Slot::Missing => (0, 0, 0),
                    Slot::Int(v) => (2, 0, v),
                    Slot::Number(v) => (3, 0, v.to_bits()),
                    Slot::Text(t) => (4, t.len() as u32, (texts + text.len()) as u64),
                    Slot::Null => (6, 0, 0),
                };
                if let Slot::Text(t) = slot {
                    text.extend_from_slice(t.as_bytes());
                }
                let at = 16 + 16 * i;
                event[at] = tag;
                event[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
                event[at + 8..at + 16].copy_from_slice(&value.to_le_bytes());
            }
            event.append(&mut text);
            event.resize((event.len() + 7) & !7, 0);
            let size = event.len() as u32;
            event[0..4].copy_from_slice(&size.to_le_bytes());
            event[4..6].copy_from_slice(&kind.to_le_bytes());
            event[6..8].copy_from_slice(&(slots.len() as u16).to_le_bytes());
            event[8..16].copy_from_slice(&time.to_le_bytes());
            self.area.event[..event.len()].copy_from_slice(&event);
        }

        pub fn score(&mut self, now: i64) -> Said {
            self.area.header = Area::NEW.header;
            // SAFETY: as above.
            let score = unsafe { Area::score::<L>(&mut *self.area, now) };
            self.said(score)
        }

        fn said(&self, score: f64) -> Said {
            let header = &self.area.header;
            Said {
                score,
                next: header.next,
                reasons: self.area.reason[..header.reasons as usize]
                    .iter()
                    .map(|r| (r.rule, r.points))
                    .collect(),
                dimensions: header.dimension[..header.dimensions as usize].to_vec(),
                not_scored: header.not_scored != 0,
            }
        }
    }
}
