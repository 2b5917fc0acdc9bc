;; SPDX-License-Identifier: MIT
;; Wants 4 GiB before it starts: more than any job here has. A message, no crash.
(module
  (memory (export "memory") 65536)
  (func (export "_start")))
