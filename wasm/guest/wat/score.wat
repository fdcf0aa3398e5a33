;; A lead's interest: who looks at prices, asks for a demo or buys gets points,
;; which halve every 14 days. A company of 50 or more gets points that stay.
;;
;; Ripen calls ripen_fold with events and ripen_score with a moment, or
;; ripen_fold_score with both, which a module may leave out. They are pure: the
;; same state and events, or state and moment, always come to the same.
;; What an event carries is named in manifest.json: `fields`, `event_types`.
;;
;; The first 64 KiB of memory are shared with Ripen; $area is where they begin.
;;
;;   0x0000  what is said   0x04 i32  by ripen_fold_score, the length of the state
;;                          0x18 i64  when the score may next change by itself; 0: never
;;                          0x20 i32  how many reasons, 0x24 how many dimensions
;;                          0x28 i32  1: this lead gets no score
;;                          0x40 f64  the dimensions, in the manifest's order
;;   0x0100  the state      what we remember of a lead; all zero: a new one
;;   0x4100  the reasons    16 bytes each: i32 number in the manifest, i32 0, f64 points
;;   0x6100  the events     back to back
;;
;;   an event   0 i32 size   4 i16 type   6 i16 fields   8 i64 time, ms since 1970
;;              16 …         16 bytes a field: i8 tag, i8 of a product, i16 0, i32 length, i64 value
;;   a tag      0 the event does not say   1 bool   2 int   3 float   4 text   6 it says there is none
;;   a text     its value is where its bytes are, from the start of its event
;;   flags      the first field: 1 a person did it   4 one more product of the event before
;;
;; Our state, 40 bytes, the state_max of manifest.json:
;;
;;   0x100 i64 the moment to which the points have faded
;;   0x108 f64 pricing   0x110 f64 demo   0x118 f64 purchase   these fade
;;   0x120 f64 company   these stay

(module
  (memory (export "memory") 1 1)

  ;; ---- The module ----------------------------------------------------------

  ;; Where the shared 64 KiB begin.
  (func (export "ripen_io") (result i32) (i32.const 0))

  ;; Folds $n events into the state and returns its length.
  (func $ripen_fold (export "ripen_fold") (param $n i32) (result i32)
    (local $event i32)
    (local.set $event (i32.const 0x6100))
    (block $done
      (loop $next
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (call $fold (local.get $event))
        (local.set $event (i32.add (local.get $event) (i32.load (local.get $event))))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (i32.const 40))

  ;; Folds $n events and scores the state, in one call.
  (func (export "ripen_fold_score") (param $n i32) (param $now i64) (result f64)
    (i32.store (i32.const 0x04) (call $ripen_fold (local.get $n)))
    (call $ripen_score (local.get $now)))

  (func $fold (param $e i32)
    (local $left f64)
    ;; employees, the fourth field: an event that does not say them leaves them as they were
    (if (i32.load8_u offset=64 (local.get $e))
      (then (f64.store (i32.const 0x120)
        (select (f64.const 20) (f64.const 0)
          (f64.ge (call $number (i32.add (local.get $e) (i32.const 64))) (f64.const 50))))))

    ;; by a person, and not one more product of the same event
    (if (i32.ne (i32.and (i32.load offset=24 (local.get $e)) (i32.const 5)) (i32.const 1))
      (then (return)))

    (local.set $left (call $fade (i64.load offset=8 (local.get $e))))
    (f64.store (i32.const 0x108) (f64.mul (f64.load (i32.const 0x108)) (local.get $left)))
    (f64.store (i32.const 0x110) (f64.mul (f64.load (i32.const 0x110)) (local.get $left)))
    (f64.store (i32.const 0x118) (f64.mul (f64.load (i32.const 0x118)) (local.get $left)))
    (if (i64.gt_s (i64.load offset=8 (local.get $e)) (i64.load (i32.const 0x100)))
      (then (i64.store (i32.const 0x100) (i64.load offset=8 (local.get $e)))))

    (block $purchase
      (block $demo_request
        (block $page_view
          (block $other
            (br_table $other $page_view $demo_request $purchase $other
              (i32.load16_u offset=4 (local.get $e))))
          (return))
        (if (call $is_pricing (local.get $e))
          (then (call $add (i32.const 0x108) (f64.const 6) (f64.const 30))))
        (return))
      (call $add (i32.const 0x110) (f64.const 30) (f64.const 30))
      (return))
    (local.set $left (call $number (i32.add (local.get $e) (i32.const 48)))) ;; value, the third field
    (if (f64.gt (local.get $left) (f64.const 0))
      (then (call $add (i32.const 0x118) (f64.div (local.get $left) (f64.const 10)) (f64.const 20)))))

  ;; Scores the state at $now, which it does not change.
  (func $ripen_score (export "ripen_score") (param $now i64) (result f64)
    (local $left f64) (local $pricing f64) (local $demo f64) (local $purchase f64) (local $company f64)
    (local $interest f64) (local $score f64)
    (local.set $left (call $fade (local.get $now)))
    (local.set $pricing (f64.mul (f64.load (i32.const 0x108)) (local.get $left)))
    (local.set $demo (f64.mul (f64.load (i32.const 0x110)) (local.get $left)))
    (local.set $purchase (f64.mul (f64.load (i32.const 0x118)) (local.get $left)))
    (local.set $company (f64.load (i32.const 0x120)))
    (local.set $interest (f64.add (f64.add (local.get $pricing) (local.get $demo)) (local.get $purchase)))
    (local.set $score (f64.add (local.get $interest) (local.get $company)))

    (call $reason (i32.const 0) (local.get $pricing))
    (call $reason (i32.const 1) (local.get $demo))
    (call $reason (i32.const 2) (local.get $purchase))
    (call $reason (i32.const 3) (local.get $company))
    (i32.store (i32.const 0x24) (i32.const 2))
    (f64.store (i32.const 0x40) (local.get $interest))
    (f64.store (i32.const 0x48) (local.get $company))
    (i64.store (i32.const 0x18)
      (call $next_fall (local.get $now) (local.get $score) (local.get $interest)))
    (local.get $score))

  ;; ---- Events --------------------------------------------------------------

  ;; A field of type number; 0 if there is none.
  (func $number (param $field i32) (result f64)
    (select (f64.load offset=8 (local.get $field)) (f64.const 0)
      (i32.eq (i32.load8_u (local.get $field)) (i32.const 3))))

  ;; Whether the path, the second field, begins with /pricing: its first eight
  ;; bytes, read as one number.
  (func $is_pricing (param $e i32) (result i32)
    (if (result i32)
      (i32.and
        (i32.eq (i32.load8_u offset=32 (local.get $e)) (i32.const 4))
        (i32.ge_u (i32.load offset=36 (local.get $e)) (i32.const 8)))
      (then (i64.eq
        (i64.load align=1 (i32.add (local.get $e) (i32.load offset=40 (local.get $e))))
        (i64.const 0x676e69636972702f))) ;; "/pricing", the first letter lowest
      (else (i32.const 0))))

  ;; Adds points to those at an address, up to the most that there may be.
  (func $add (param $at i32) (param $points f64) (param $most f64)
    (f64.store (local.get $at)
      (f64.min (local.get $most) (f64.add (f64.load (local.get $at)) (local.get $points)))))

  ;; ---- What a score says ---------------------------------------------------

  ;; Gives a reason, by its number in the manifest, if it has points.
  (func $reason (param $rule i32) (param $points f64)
    (local $at i32)
    (if (i32.eqz (f64.gt (local.get $points) (f64.const 0))) (then (return)))
    (local.set $at (i32.shl (i32.load (i32.const 0x20)) (i32.const 4)))
    (i32.store offset=0x4100 (local.get $at) (local.get $rule))
    (f64.store offset=0x4108 (local.get $at) (local.get $points))
    (i32.store (i32.const 0x20) (i32.add (i32.load (i32.const 0x20)) (i32.const 1))))

  ;; ---- Points that fade ----------------------------------------------------

  ;; What is left at a moment of a point of the state: a half after 14 days.
  (func $fade (param $now i64) (result f64)
    (local $passed i64)
    (local.set $passed (i64.sub (local.get $now) (i64.load (i32.const 0x100))))
    (if (result f64) (i64.gt_s (local.get $passed) (i64.const 0))
      (then (call $exp2
        (f64.div (f64.neg (f64.convert_i64_s (local.get $passed))) (f64.const 1209600000))))
      (else (f64.const 1))))

  ;; 2 to the power of $x, for $x ≤ 0: the same bits on every machine and in every
  ;; language that Ripen has a starter for.
  (func $exp2 (param $x f64) (result f64)
    (local $n f64) (local $f f64) (local $f2 f64) (local $f4 f64)
    (if (f64.lt (local.get $x) (f64.const -1022)) (then (return (f64.const 0))))
    (local.set $n (f64.nearest (local.get $x)))
    (local.set $f (f64.sub (local.get $x) (local.get $n)))
    (local.set $f2 (f64.mul (local.get $f) (local.get $f)))
    (local.set $f4 (f64.mul (local.get $f2) (local.get $f2)))
    (f64.mul
      (f64.add
        (f64.add
          (f64.add
            (f64.add (f64.const 1) (f64.mul (f64.const 0.6931471805599453) (local.get $f)))
            (f64.mul
              (f64.add (f64.const 0.24022650695910072) (f64.mul (f64.const 0.05550410866482158) (local.get $f)))
              (local.get $f2)))
          (f64.mul
            (f64.add
              (f64.add (f64.const 0.009618129107628477) (f64.mul (f64.const 0.0013333558146428443) (local.get $f)))
              (f64.mul
                (f64.add (f64.const 0.0001540353039338161) (f64.mul (f64.const 1.5252733804059841e-05) (local.get $f)))
                (local.get $f2)))
            (local.get $f4)))
        (f64.mul
          (f64.add
            (f64.add
              (f64.add (f64.const 1.321548679014431e-06) (f64.mul (f64.const 1.01780860092397e-07) (local.get $f)))
              (f64.mul
                (f64.add (f64.const 7.054911620801123e-09) (f64.mul (f64.const 4.4455382718708116e-10) (local.get $f)))
                (local.get $f2)))
            (f64.mul
              (f64.add (f64.const 2.5678435993488206e-11) (f64.mul (f64.const 1.3691488853904128e-12) (local.get $f)))
              (local.get $f4)))
          (f64.mul (local.get $f4) (local.get $f4))))
      (f64.reinterpret_i64
        (i64.shl
          (i64.add (i64.trunc_sat_f64_s (local.get $n)) (i64.const 1023))
          (i64.const 52)))))

  ;; The next moment at which the shown score, a whole number, may fall by itself,
  ;; if $fading of its points halve every 14 days and the others stay; 0 is never.
  ;; It may be early, but is not late: Ripen asks again then.
  (func $next_fall (param $now i64) (param $score f64) (param $fading f64) (result i64)
    (local $near f64) (local $x f64)
    ;; so close to a threshold has reached it
    (local.set $near (f64.add (local.get $score) (f64.const 1e-7)))
    ;; the part of the fading points that must go: down to the half below what is shown
    (local.set $x
      (f64.div
        (f64.sub
          (local.get $near)
          (f64.sub (f64.floor (f64.add (local.get $near) (f64.const 0.5))) (f64.const 0.5)))
        (local.get $fading)))
    (if (i32.eqz
          (i32.and
            (f64.ge (local.get $fading) (f64.const 1e-10))
            (f64.lt (local.get $x) (f64.const 1))))
      (then (return (i64.const 0))))
    ;; −ln(1−x), cut after six terms: a bit less, so a bit early; at least a second
    (i64.add (local.get $now)
      (i64.trunc_sat_f64_s
        (f64.max (f64.const 1000)
          (f64.mul
            (f64.div (f64.const 1209600000) (f64.const 0.6931471805599453))
            (f64.mul (local.get $x)
              (f64.add (f64.const 1) (f64.mul (local.get $x)
              (f64.add (f64.const 0.5) (f64.mul (local.get $x)
              (f64.add (f64.const 0.3333333333333333) (f64.mul (local.get $x)
              (f64.add (f64.const 0.25) (f64.mul (local.get $x)
              (f64.add (f64.const 0.2) (f64.mul (local.get $x)
                (f64.const 0.16666666666666666)))))))))))))))))
)
