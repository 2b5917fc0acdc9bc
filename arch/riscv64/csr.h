// SPDX-License-Identifier: MIT
// RISC-V: control and status registers and their bits. RISC-V privileged specification 1.12,
// chapter 4 (supervisor level); Sstc extension for stimecmp. Usable from assembly.
#ifndef RISCV64_CSR_H
#define RISCV64_CSR_H

#define SSTATUS_SIE    (1 << 1)
#define SSTATUS_SPIE   (1 << 5)
#define SSTATUS_SPP    (1 << 8)
#define SSTATUS_FS     (3 << 13) // FP unit: 0 off, 1 initial, 2 clean, 3 dirty
#define SSTATUS_VS     (3 << 9)
#define SSTATUS_SUM    (1 << 18) // supervisor may access user pages
#define SSTATUS_MXR    (1 << 19)
#define SSTATUS_UXL_64 (2ull << 32)

#define INTERRUPT_SOFTWARE 1
#define INTERRUPT_TIMER    5
#define INTERRUPT_EXTERNAL 9
#define SIE_SSIE           (1 << INTERRUPT_SOFTWARE)
#define SIE_STIE           (1 << INTERRUPT_TIMER)
#define SIE_SEIE           (1 << INTERRUPT_EXTERNAL)

#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL          2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_USER       8
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE        13
#define CAUSE_STORE_PAGE       15

#define SATP_MODE_SHIFT 60
#define SATP_SV39       8
#define SATP_SV48       9
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK  0xffff

#define CSR_STIMECMP 0x14d

// struct vector_state, for vector.S
#define VECTOR_VL        0
#define VECTOR_VTYPE     8
#define VECTOR_VSTART    16
#define VECTOR_VCSR      24
#define VECTOR_REGISTERS 32

#ifndef __ASSEMBLER__

// The name as the assembler knows it, or its number.
#define csr_read(csr)                                                   \
    ({                                                                  \
        unsigned long csr_value;                                        \
        __asm__ volatile("csrr %0, " #csr : "=r"(csr_value)::"memory"); \
        csr_value;                                                      \
    })
#define csr_write(csr, value) __asm__ volatile("csrw " #csr ", %0" ::"rK"(value) : "memory")
#define csr_set(csr, bits)    __asm__ volatile("csrs " #csr ", %0" ::"rK"(bits) : "memory")
#define csr_clear(csr, bits)  __asm__ volatile("csrc " #csr ", %0" ::"rK"(bits) : "memory")

#endif
#endif
