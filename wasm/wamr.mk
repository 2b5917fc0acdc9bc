# SPDX-License-Identifier: MIT
#
# What is compiled of WAMR, the WebAssembly Micro Runtime, and how it is configured: the fast
# interpreter alone. No compilers (their code could not be mapped: W^X), no file access, threads or
# C library of WAMR's own: wasm/wasi/ is what programs see, wasm/port/ what the runtime stands on.
#
#   WAMR_SRCS    sources, relative to the WAMR tree
#   WAMR_CFLAGS  defines and include paths; wasm/ itself is compiled with them too

WAMR_SRCS := \
    core/iwasm/common/arch/invokeNative_general.c \
    core/iwasm/common/wasm_blocking_op.c \
    core/iwasm/common/wasm_c_api.c \
    core/iwasm/common/wasm_exec_env.c \
    core/iwasm/common/wasm_loader_common.c \
    core/iwasm/common/wasm_memory.c \
    core/iwasm/common/wasm_native.c \
    core/iwasm/common/wasm_runtime_common.c \
    core/iwasm/interpreter/wasm_interp_fast.c \
    core/iwasm/interpreter/wasm_loader.c \
    core/iwasm/interpreter/wasm_runtime.c \
    core/shared/mem-alloc/ems/ems_alloc.c \
    core/shared/mem-alloc/ems/ems_gc.c \
    core/shared/mem-alloc/ems/ems_hmu.c \
    core/shared/mem-alloc/ems/ems_kfc.c \
    core/shared/mem-alloc/mem_alloc.c \
    core/shared/utils/bh_assert.c \
    core/shared/utils/bh_bitmap.c \
    core/shared/utils/bh_common.c \
    core/shared/utils/bh_hashmap.c \
    core/shared/utils/bh_leb128.c \
    core/shared/utils/bh_list.c \
    core/shared/utils/bh_log.c \
    core/shared/utils/bh_vector.c

# Bounds are checked in the interpreter, not by page faults. SIMD would need a library that the
# pinned tree does not carry. Tail calls and extended constant expressions stay off until the tree is
# 2.4.5 or later, which mends two memory errors of the runtime (CVE-2026-54912, CVE-2026-54913)
# that, as far as we can tell, need them.
WAMR_FEATURES := \
    -DWASM_ENABLE_INTERP=1 -DWASM_ENABLE_FAST_INTERP=1 -DWASM_ENABLE_AOT=0 -DWASM_ENABLE_SIMD=0 \
    -DWASM_DISABLE_HW_BOUND_CHECK=1 -DWASM_DISABLE_STACK_HW_BOUND_CHECK=1 \
    -DWASM_DISABLE_WRITE_GS_BASE=1 -DWASM_STACK_GUARD_SIZE=8192 \
    -DWASM_ENABLE_BULK_MEMORY=1 -DWASM_ENABLE_BULK_MEMORY_OPT=1 -DWASM_ENABLE_REF_TYPES=1 \
    -DWASM_ENABLE_CALL_INDIRECT_OVERLONG=1 -DWASM_ENABLE_TAIL_CALL=0 \
    -DWASM_ENABLE_EXTENDED_CONST_EXPR=0 -DWASM_ENABLE_SHRUNK_MEMORY=0 \
    -DWASM_ENABLE_LIBC_BUILTIN=0 -DWASM_ENABLE_LIBC_WASI=0 -DWASM_ENABLE_LOG=0 \
    -DWASM_ENABLE_QUICK_AOT_ENTRY=0 -DWASM_MEM_ALLOC_WITH_USAGE=0 \
    -DBH_MALLOC=wasm_runtime_malloc -DBH_FREE=wasm_runtime_free

WAMR_CFLAGS := $(WAMR_FEATURES) -Iwasm/port \
    -isystem $(WAMR)/core/shared/platform/include -isystem $(WAMR)/core/shared/utils \
    -isystem $(WAMR)/core/shared/mem-alloc -isystem $(WAMR)/core/iwasm/include \
    -isystem $(WAMR)/core/iwasm/common -isystem $(WAMR)/core/iwasm/interpreter \
    -isystem $(WAMR)/core
