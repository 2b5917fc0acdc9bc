;; SPDX-License-Identifier: MIT
;; Needs a function that no host has: it must not start, and the message names what is missing.
(module
  (import "env" "missing_function" (func $missing (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $missing (i32.const 1)))))
