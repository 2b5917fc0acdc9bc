// SPDX-License-Identifier: MIT
// ARM64: saving and loading a thread's FP and SIMD registers. Access must be on (CPACR_EL1.FPEN).
#include <arch_frame.h>

    .arch_extension fp
    .arch_extension simd
    .text

.macro each_pair op
    \op     q0, q1, [x1, #0]
    \op     q2, q3, [x1, #32]
    \op     q4, q5, [x1, #64]
    \op     q6, q7, [x1, #96]
    \op     q8, q9, [x1, #128]
    \op     q10, q11, [x1, #160]
    \op     q12, q13, [x1, #192]
    \op     q14, q15, [x1, #224]
    \op     q16, q17, [x1, #256]
    \op     q18, q19, [x1, #288]
    \op     q20, q21, [x1, #320]
    \op     q22, q23, [x1, #352]
    \op     q24, q25, [x1, #384]
    \op     q26, q27, [x1, #416]
    \op     q28, q29, [x1, #448]
    \op     q30, q31, [x1, #480]
.endm

// void fpu_save(struct arch_thread *t)
    .global fpu_save
fpu_save:
    add     x1, x0, #AT_FP
    each_pair stp
    mrs     x2, fpsr
    mrs     x3, fpcr
    str     w2, [x0, #AT_FPSR]
    str     w3, [x0, #AT_FPCR]
    ret

// void fpu_load(const struct arch_thread *t)
    .global fpu_load
fpu_load:
    add     x1, x0, #AT_FP
    each_pair ldp
    ldr     w2, [x0, #AT_FPSR]
    ldr     w3, [x0, #AT_FPCR]
    msr     fpsr, x2
    msr     fpcr, x3
    ret
