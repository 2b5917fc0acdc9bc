// SPDX-License-Identifier: MIT
// RISC-V: the vector registers, lazily. They work like floating point (fpu.c), with sstatus.VS in
// the place of FS and vector_owner in that of fp_owner, but their size is the hart's (vlenb), up to
// 256 KiB for a thread. So the memory comes with a thread's first vector instruction, zeroed and
// charged to its job, and a thread that has none costs a pointer. If there is no memory, that
// instruction faults as a first touch of memory does. RISC-V vector specification 1.0; privileged
// specification 1.12, section 3.1.6.6 (VS).
#include "csr.h"
#include "port.h"
#include <arch/mmu.h>
#include <string.h>

struct vector_state {
    uint64_t vl, vtype, vstart, vcsr;
    uint8_t registers[]; // v0-v31, vlenb bytes each
};
static_assert(offsetof(struct vector_state, vl) == VECTOR_VL, "vector.S");
static_assert(offsetof(struct vector_state, vtype) == VECTOR_VTYPE, "vector.S");
static_assert(offsetof(struct vector_state, vstart) == VECTOR_VSTART, "vector.S");
static_assert(offsetof(struct vector_state, vcsr) == VECTOR_VCSR, "vector.S");
static_assert(offsetof(struct vector_state, registers) == VECTOR_REGISTERS, "vector.S");

static size_t state_bytes; // 0: no vector registers

// Whether this hart's registers are as long as the boot hart's, if it has to have any.
bool vector_is_alike(void)
{
    if (state_bytes == 0) {
        return true;
    }
    csr_set(sstatus, SSTATUS_VS);
    uint64_t bytes = vector_register_bytes();
    csr_clear(sstatus, SSTATUS_VS);
    return sizeof(struct vector_state) + 32 * bytes == state_bytes;
}

// On the boot hart, whose device tree node says that it has the V extension.
void vector_find(void)
{
    csr_set(sstatus, SSTATUS_VS); // stays zero where there are no vector registers
    if ((csr_read(sstatus) & SSTATUS_VS) != 0) {
        cpu_features.vector_bytes = (uint32_t)vector_register_bytes();
        state_bytes = sizeof(struct vector_state) + 32ull * cpu_features.vector_bytes;
    }
    csr_clear(sstatus, SSTATUS_VS);
}

// Unprivileged encodings: OP-V, loads and stores of vectors (those of FP registers have widths 1 to
// 4), and accesses to vstart, vxsat, vxrm, vcsr, vl, vtype, vlenb.
static bool is_vector(uint32_t instruction)
{
    uint32_t width = instruction >> 12 & 7, csr = instruction >> 20;
    switch (instruction & 0x7f) {
    case 0x57: return true;
    case 0x07:
    case 0x27: return width == 0 || width >= 5;
    case 0x73:
        return width != 0 &&
               ((csr >= 0x008 && csr <= 0x00a) || csr == 0x00f || (csr >= 0xc20 && csr <= 0xc22));
    default: return false;
    }
}

// stval may hold the instruction, or zero. What cannot be read is not taken for a vector
// instruction.
static uint32_t instruction_at(const struct arch_thread *t, uint64_t stval)
{
    uint32_t instruction = (uint32_t)stval;
    if (stval == 0 &&
        arch_copy_from_user(&instruction, (uaddr_t){t->x[0]}, sizeof(instruction)) != OK) {
        return 0;
    }
    return instruction;
}

static void owner_save(struct arch_percpu *cpu)
{
    struct arch_thread *owner = (struct arch_thread *)cpu->vector_owner;
    if (owner != NULL) {
        vector_save(owner->vector);
        owner->sstatus &= ~(uint64_t)SSTATUS_VS;
        cpu->vector_owner = NULL;
    }
}

enum first_use vector_first_use(struct arch_thread *t, uint64_t stval)
{
    if (state_bytes == 0 || (t->sstatus & SSTATUS_VS) != 0 ||
        !is_vector(instruction_at(t, stval))) {
        return FIRST_USE_NOT;
    }
    if (t->vector == NULL) {
        t->vector = thread_state_alloc((struct thread *)t, state_bytes);
        if (t->vector == NULL) {
            return FIRST_USE_NO_MEMORY;
        }
    }
    struct arch_percpu *cpu = arch_percpu();
    csr_set(sstatus, SSTATUS_VS);
    owner_save(cpu);
    vector_load(t->vector);
    csr_clear(sstatus, SSTATUS_VS);
    t->sstatus |= SSTATUS_VS;
    cpu->vector_owner = (struct thread *)t;
    return FIRST_USE_TAKEN;
}

void vector_release(struct arch_thread *t)
{
    struct arch_percpu *cpu = arch_percpu();
    if (cpu->vector_owner == (struct thread *)t) {
        csr_set(sstatus, SSTATUS_VS);
        owner_save(cpu);
        csr_clear(sstatus, SSTATUS_VS);
    }
}

void vector_fini(struct arch_thread *t)
{
    struct arch_percpu *cpu = arch_percpu();
    if (cpu->vector_owner == (struct thread *)t) {
        cpu->vector_owner = NULL;
    }
    if (t->vector != NULL) {
        thread_state_free((struct thread *)t, t->vector, state_bytes);
        t->vector = NULL;
    }
}
