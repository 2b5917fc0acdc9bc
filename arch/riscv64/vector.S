// SPDX-License-Identifier: MIT
// RISC-V: saving and loading the vector state (struct vector_state). The only code of the kernel that
// is assembled with the V extension. The caller has switched sstatus.VS on. RISC-V vector
// specification 1.0, sections 3 and 7.9.
#include "csr.h"

    .option arch, +v
    .text

    // void vector_save(struct vector_state *state)
    .globl  vector_save
vector_save:
    csrr    t0, vl
    csrr    t1, vtype
    csrr    t2, vstart
    csrr    t3, vcsr
    sd      t0, VECTOR_VL(a0)
    sd      t1, VECTOR_VTYPE(a0)
    sd      t2, VECTOR_VSTART(a0)
    sd      t3, VECTOR_VCSR(a0)
    csrw    vstart, zero            // where the stores below begin
    csrr    t0, vlenb
    slli    t0, t0, 3               // eight registers
    addi    a0, a0, VECTOR_REGISTERS
    vs8r.v  v0, (a0)
    add     a0, a0, t0
    vs8r.v  v8, (a0)
    add     a0, a0, t0
    vs8r.v  v16, (a0)
    add     a0, a0, t0
    vs8r.v  v24, (a0)
    ret

    // void vector_load(const struct vector_state *state)
    .globl  vector_load
vector_load:
    csrw    vstart, zero
    csrr    t0, vlenb
    slli    t0, t0, 3
    addi    a1, a0, VECTOR_REGISTERS
    vl8re8.v v0, (a1)
    add     a1, a1, t0
    vl8re8.v v8, (a1)
    add     a1, a1, t0
    vl8re8.v v16, (a1)
    add     a1, a1, t0
    vl8re8.v v24, (a1)
    ld      t0, VECTOR_VL(a0)
    ld      t1, VECTOR_VTYPE(a0)
    ld      t2, VECTOR_VSTART(a0)
    ld      t3, VECTOR_VCSR(a0)
    vsetvl  zero, t0, t1            // an illegal vtype stays one
    csrw    vstart, t2
    csrw    vcsr, t3
    ret

    // uint64_t vector_register_bytes(void)
    .globl  vector_register_bytes
vector_register_bytes:
    csrr    a0, vlenb
    ret
