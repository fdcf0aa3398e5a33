;; Run by `make test`, which puts the module of score.wat before this. cases.json,
;; which `ripen module eval` walks, has more of what the score must be.
;;
;; 1767225600000 is 2026-01-01; a day has 86400000 ms. Flags: 1 by a person, 5 one
;; more product of an event, 256 by a bot.

(register "score" $score)

;; Plays Ripen's part: one lead, new at first.
(module $ripen
  (import "score" "memory" (memory 1 1))
  (import "score" "ripen_fold" (func $fold (param i32) (result i32)))

  (func (export "new") (memory.fill (i32.const 0) (i32.const 0) (i32.const 0x10000)))

  ;; An event of four fields, of which only the flags are said, of 96 bytes.
  (func $event (param $type i32) (param $time i64) (param $flags i32)
    (memory.fill (i32.const 0x6100) (i32.const 0) (i32.const 96))
    (i32.store (i32.const 0x6100) (i32.const 96))
    (i32.store16 (i32.const 0x6104) (local.get $type))
    (i32.store16 (i32.const 0x6106) (i32.const 4))
    (i64.store (i32.const 0x6108) (local.get $time))
    (i32.store8 (i32.const 0x6110) (i32.const 2))
    (i32.store (i32.const 0x6118) (local.get $flags)))

  (func $number (param $field i32) (param $value f64)
    (i32.store8 offset=0x6110 (i32.shl (local.get $field) (i32.const 4)) (i32.const 3))
    (f64.store offset=0x6118 (i32.shl (local.get $field) (i32.const 4)) (local.get $value)))

  ;; A page view of /pricing/pro.
  (func (export "visit") (param $time i64) (param $flags i32) (result i32)
    (call $event (i32.const 1) (local.get $time) (local.get $flags))
    (i32.store8 (i32.const 0x6120) (i32.const 4))
    (i32.store (i32.const 0x6124) (i32.const 12))
    (i32.store (i32.const 0x6128) (i32.const 80))
    (i64.store (i32.const 0x6150) (i64.const 0x676e69636972702f)) ;; "/pricing"
    (i32.store (i32.const 0x6158) (i32.const 0x6f72702f)) ;; "/pro"
    (call $fold (i32.const 1)))

  (func (export "demo_request") (param $time i64) (result i32)
    (call $event (i32.const 2) (local.get $time) (i32.const 1))
    (call $fold (i32.const 1)))

  (func (export "purchase") (param $value f64) (result i32)
    (call $event (i32.const 3) (i64.const 1767225600000) (i32.const 1))
    (call $number (i32.const 2) (local.get $value))
    (call $fold (i32.const 1)))

  (func (export "employees") (param $n f64) (result i32)
    (call $event (i32.const 0) (i64.const 1767225600000) (i32.const 1))
    (call $number (i32.const 3) (local.get $n))
    (call $fold (i32.const 1)))

  (func (export "no_employees") (result i32)
    (call $event (i32.const 0) (i64.const 1767225600000) (i32.const 1))
    (i32.store8 (i32.const 0x6140) (i32.const 6))
    (call $fold (i32.const 1)))

  ;; What the last score said, and how long the state is by ripen_fold_score.
  (func (export "length") (result i32) (i32.load (i32.const 0x04)))
  (func (export "next") (result i64) (i64.load (i32.const 0x18)))
  (func (export "reasons") (result i32) (i32.load (i32.const 0x20)))
  (func (export "company") (result f64) (f64.load (i32.const 0x48)))
  (func (export "rule") (result i32) (i32.load (i32.const 0x4100)))
  (func (export "points") (result f64) (f64.load (i32.const 0x4108))))

;; A new lead has no points and waits for nothing.
(assert_return (invoke $score "ripen_io") (i32.const 0))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 0))
(assert_return (invoke $ripen "next") (i64.const 0))
(assert_return (invoke $ripen "reasons") (i32.const 0))

;; Visits count, up to a cap.
(assert_return (invoke $ripen "visit" (i64.const 1767225600000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 6))
(assert_return (invoke $ripen "reasons") (i32.const 1))
(assert_return (invoke $ripen "rule") (i32.const 0))
(assert_return (invoke $ripen "points") (f64.const 6))

;; 6 points show 6 until 5.5 are left of them: 1.757 days.
(assert_return (invoke $ripen "next") (i64.const 1767377442179))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 6))

;; They halve in 14 days; another visit then adds to what is left.
(assert_return (invoke $score "ripen_score" (i64.const 1768435200000)) (f64.const 3))
(assert_return (invoke $ripen "visit" (i64.const 1768435200000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1769644800000)) (f64.const 4.5))
(assert_return (invoke $ripen "visit" (i64.const 1768435200000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $ripen "visit" (i64.const 1768435200000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $ripen "visit" (i64.const 1768435200000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $ripen "visit" (i64.const 1768435200000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1768435200000)) (f64.const 30))

;; Machines, and further products of an event, count nothing.
(invoke $ripen "new")
(assert_return (invoke $ripen "visit" (i64.const 1767225600000) (i32.const 256)) (i32.const 40))
(assert_return (invoke $ripen "visit" (i64.const 1767225600000) (i32.const 5)) (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 0))

;; Both at once are what two calls are. The event is the visit before it, once more.
(invoke $ripen "new")
(assert_return (invoke $ripen "visit" (i64.const 1767225600000) (i32.const 1)) (i32.const 40))
(assert_return (invoke $ripen "length") (i32.const 0))
(assert_return (invoke $score "ripen_fold_score" (i32.const 1) (i64.const 1768435200000)) (f64.const 6))
(assert_return (invoke $ripen "length") (i32.const 40))
(assert_return (invoke $ripen "points") (f64.const 6))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 12))
(invoke $ripen "new")

;; A demo is worth 30 and a purchase a tenth of its value, if that is above 0.
(assert_return (invoke $ripen "demo_request" (i64.const 1767225600000)) (i32.const 40))
(assert_return (invoke $ripen "purchase" (f64.const 70)) (i32.const 40))
(assert_return (invoke $ripen "purchase" (f64.const -70)) (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 37))

;; A company's points stay until it is cleared.
(invoke $ripen "new")
(assert_return (invoke $ripen "employees" (f64.const 50)) (i32.const 40))
(assert_return (invoke $ripen "demo_request" (i64.const 1767225600000)) (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1893456000000)) (f64.const 20))
(assert_return (invoke $ripen "company") (f64.const 20))
(assert_return (invoke $ripen "no_employees") (i32.const 40))
(assert_return (invoke $score "ripen_score" (i64.const 1767225600000)) (f64.const 30))
