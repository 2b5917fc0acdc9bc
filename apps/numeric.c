// SPDX-License-Identifier: MIT
// Every numeric instruction of WebAssembly on values at its edges: 0, 1, -1, the extremes, halves,
// denormals, infinities, NaN. Prints the bits of each result in short (NaN as such: its bits are
// the engine's choice), so that the interpreter and the C library under it can be compared with
// another engine on every CPU.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const uint64_t doubles[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
    0x3fe0000000000000, 0xbfe0000000000000, 0x3ff8000000000000, 0xc004000000000000,
    0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x41dfffffffc00000,
    0x41e0000000000000, 0xc1e0000000000000, 0x43e0000000000000, 0xc3e0000000000000,
    0x43f0000000000000, 0x400921fb54442d18, 0x4340000000000001, 0x36a0000000000000,
    0x47efffffe0000000, 0x3fdfffffffffffff, 0x41efffffffe00000, 0xc059000000000000};
static const uint64_t integers[] = {0,
                                    1,
                                    2,
                                    31,
                                    32,
                                    63,
                                    64,
                                    255,
                                    0x7f,
                                    0x80,
                                    0x7fff,
                                    0x8000,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    0xffffffffffffffff,
                                    0x123456789abcdef0,
                                    0x00ff00ff00ff00ff,
                                    0x0000000100000000,
                                    0xfffffffffffffffe};

static uint32_t line_hash;

static void add(const char *name, uint64_t bits)
{
    for (const char *p = name; *p != '\0'; p++) {
        line_hash = (line_hash ^ (uint8_t)*p) * 16777619u;
    }
    for (unsigned i = 0; i < 8; i++) {
        line_hash = (line_hash ^ (uint8_t)(bits >> 8 * i)) * 16777619u;
    }
}

static void add_f64(const char *name, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    add(name, isnan(x) ? 0x7ff8000000000000 : bits);
}

static void add_f32(const char *name, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    add(name, isnan(x) ? 0x7fc00000 : bits);
}

static void line_end(const char *what, unsigned index)
{
    printf("%s %u: %08x\n", what, index, (unsigned)line_hash);
    line_hash = 2166136261u;
}

static double double_at(unsigned i)
{
    double x;
    memcpy(&x, &doubles[i], sizeof x);
    return x;
}

static void double_pair(double a, double b)
{
    add_f64("add", a + b);
    add_f64("sub", a - b);
    add_f64("mul", a * b);
    add_f64("div", a / b);
    add_f64("min", __builtin_wasm_min_f64(a, b));
    add_f64("max", __builtin_wasm_max_f64(a, b));
    add_f64("copysign", __builtin_copysign(a, b));
    add("compare", (uint64_t)(a < b) | (uint64_t)(a <= b) << 1 | (uint64_t)(a > b) << 2 |
                       (uint64_t)(a >= b) << 3 | (uint64_t)(a == b) << 4 | (uint64_t)(a != b) << 5);
}

static void float_pair(float a, float b)
{
    add_f32("add", a + b);
    add_f32("sub", a - b);
    add_f32("mul", a * b);
    add_f32("div", a / b);
    add_f32("min", __builtin_wasm_min_f32(a, b));
    add_f32("max", __builtin_wasm_max_f32(a, b));
    add_f32("copysign", __builtin_copysignf(a, b));
    add("compare", (uint64_t)(a < b) | (uint64_t)(a <= b) << 1 | (uint64_t)(a > b) << 2 |
                       (uint64_t)(a >= b) << 3 | (uint64_t)(a == b) << 4 | (uint64_t)(a != b) << 5);
}

static void double_single(double x)
{
    add_f64("sqrt", __builtin_sqrt(x));
    add_f64("ceil", __builtin_ceil(x));
    add_f64("floor", __builtin_floor(x));
    add_f64("trunc", __builtin_trunc(x));
    add_f64("nearest", __builtin_nearbyint(x));
    add_f64("abs", __builtin_fabs(x));
    add_f64("neg", -x);
    add_f32("demote", (float)x);
}

static void float_single(float x)
{
    add_f32("sqrt", __builtin_sqrtf(x));
    add_f32("ceil", __builtin_ceilf(x));
    add_f32("floor", __builtin_floorf(x));
    add_f32("trunc", __builtin_truncf(x));
    add_f32("nearest", __builtin_nearbyintf(x));
    add_f32("abs", __builtin_fabsf(x));
    add_f32("neg", -x);
    add_f64("promote", (double)x);
}

__attribute__((target("nontrapping-fptoint"))) static void conversions(double x)
{
    float f = (float)x;
    add("i32 f64", (uint32_t)__builtin_wasm_trunc_saturate_s_i32_f64(x));
    add("u32 f64", (uint32_t)__builtin_wasm_trunc_saturate_u_i32_f64(x));
    add("i64 f64", (uint64_t)__builtin_wasm_trunc_saturate_s_i64_f64(x));
    add("u64 f64", (uint64_t)__builtin_wasm_trunc_saturate_u_i64_f64(x));
    add("i32 f32", (uint32_t)__builtin_wasm_trunc_saturate_s_i32_f32(f));
    add("u32 f32", (uint32_t)__builtin_wasm_trunc_saturate_u_i32_f32(f));
    add("i64 f32", (uint64_t)__builtin_wasm_trunc_saturate_s_i64_f32(f));
    add("u64 f32", (uint64_t)__builtin_wasm_trunc_saturate_u_i64_f32(f));
}

__attribute__((target("sign-ext"))) static void integer_single(uint64_t x)
{
    uint32_t w = (uint32_t)x;
    add("clz", x != 0 ? (uint64_t)__builtin_clzll(x) : 64);
    add("ctz", x != 0 ? (uint64_t)__builtin_ctzll(x) : 64);
    add("popcnt", (uint64_t)__builtin_popcountll(x));
    add("clz32", w != 0 ? (uint64_t)__builtin_clz(w) : 32);
    add("ctz32", w != 0 ? (uint64_t)__builtin_ctz(w) : 32);
    add("popcnt32", (uint64_t)__builtin_popcount(w));
    add("extend8", (uint64_t)(int64_t)(int8_t)x);
    add("extend16", (uint64_t)(int64_t)(int16_t)x);
    add("extend32", (uint64_t)(int64_t)(int32_t)x);
    add("extend8 32", (uint32_t)(int32_t)(int8_t)w);
    add_f64("f64 i64", (double)(int64_t)x);
    add_f64("f64 u64", (double)x);
    add_f64("f64 i32", (double)(int32_t)w);
    add_f64("f64 u32", (double)w);
    add_f32("f32 i64", (float)(int64_t)x);
    add_f32("f32 u64", (float)x);
    add_f32("f32 i32", (float)(int32_t)w);
    add_f32("f32 u32", (float)w);
}

static void integer_pair(uint64_t a, uint64_t b)
{
    uint32_t x = (uint32_t)a;
    uint32_t y = (uint32_t)b;
    unsigned n = b & 63;
    add("add", a + b);
    add("mul", a * b);
    add("shl", a << n);
    add("shr", a >> n);
    add("sar", (uint64_t)((int64_t)a >> n));
    add("rotl", __builtin_rotateleft64(a, b));
    add("rotr32", __builtin_rotateright32(x, y));
    add("sar32", (uint32_t)((int32_t)x >> (n & 31)));
    add("less", (int64_t)a < (int64_t)b);
    add("below", a < b);
    if (b != 0) {
        add("divu", a / b);
        add("remu", a % b);
    }
    if (y != 0) {
        add("divu32", x / y);
        add("remu32", x % y);
    }
    // The one quotient that does not fit traps, as dividing by zero does.
    if (b != 0 && !(a == 0x8000000000000000 && b == UINT64_MAX)) {
        add("divs", (uint64_t)((int64_t)a / (int64_t)b));
        add("rems", (uint64_t)((int64_t)a % (int64_t)b));
    }
    if (y != 0 && !(x == 0x80000000 && y == UINT32_MAX)) {
        add("divs32", (uint32_t)((int32_t)x / (int32_t)y));
        add("rems32", (uint32_t)((int32_t)x % (int32_t)y));
    }
}

// Loads and stores at every alignment, which compilers for some CPUs must take apart.
static void unaligned(void)
{
    static volatile uint8_t bytes[64];
    for (unsigned at = 0; at < 16; at++) {
        uint64_t wide = 0x0123456789abcdef * (at + 1);
        double real = 1.0 / (at + 1);
        memcpy((uint8_t *)bytes + at, &wide, sizeof wide);
        memcpy((uint8_t *)bytes + at + 9, &real, sizeof real);
        memcpy(&wide, (uint8_t *)bytes + at + 1, sizeof wide);
        add("load", wide);
        add("load16", (uint64_t)(bytes[at + 3] | bytes[at + 4] << 8));
    }
    line_end("unaligned", 0);
}

int main(void)
{
    line_hash = 2166136261u;
    for (unsigned i = 0; i < COUNT(doubles); i++) {
        double_single(double_at(i));
        float_single((float)double_at(i));
        conversions(double_at(i));
        line_end("float", i);
        for (unsigned j = 0; j < COUNT(doubles); j++) {
            double_pair(double_at(i), double_at(j));
            float_pair((float)double_at(i), (float)double_at(j));
        }
        line_end("float pairs", i);
    }
    for (unsigned i = 0; i < COUNT(integers); i++) {
        integer_single(integers[i]);
        line_end("integer", i);
        for (unsigned j = 0; j < COUNT(integers); j++) {
            integer_pair(integers[i], integers[j]);
        }
        line_end("integer pairs", i);
    }
    unaligned();
    printf("%.17g %g %e %a\n", 3.141592653589793, 1e-310, 6.02214076e23, 0.1);
    return 0;
}
