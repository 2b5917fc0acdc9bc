// SPDX-License-Identifier: MIT
// Some seconds of computing with a known answer: SHA-256 of 16 MiB from a linear congruential
// generator (another size in MiB as argument). Source: FIPS 180-4.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 64u
#define MIB         (1024u * 1024u)
#define DEFAULT_MIB 2u

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static void schedule(uint32_t w[64], const uint32_t block[16])
{
    memcpy(w, block, 16 * sizeof w[0]);
    for (unsigned i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

// One round. Instead of moving eight variables along, the caller names them moved along.
#define ROUND(a, b, c, d, e, f, g, h, i)                                         \
    do {                                                                         \
        uint32_t s1_ = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);             \
        uint32_t t_ = h + s1_ + (((f ^ g) & e) ^ g) + round_constants[i] + w[i]; \
        uint32_t s0_ = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);             \
        d += t_;                                                                 \
        h = t_ + s0_ + ((a & b) | ((a | b) & c));                                \
    } while (0)

static void compress(uint32_t state[8], const uint32_t block[16])
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    schedule(w, block);
    for (unsigned i = 0; i < 64; i += 8) {
        ROUND(a, b, c, d, e, f, g, h, i);
        ROUND(h, a, b, c, d, e, f, g, i + 1);
        ROUND(g, h, a, b, c, d, e, f, i + 2);
        ROUND(f, g, h, a, b, c, d, e, i + 3);
        ROUND(e, f, g, h, a, b, c, d, i + 4);
        ROUND(d, e, f, g, h, a, b, c, i + 5);
        ROUND(c, d, e, f, g, h, a, b, i + 6);
        ROUND(b, c, d, e, f, g, h, a, i + 7);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

// The message is whole blocks, so padding is a block of its own.
static void finish(uint32_t state[8], uint64_t bytes)
{
    uint32_t block[16] = {0x80000000u};
    block[14] = (uint32_t)(bytes * 8 >> 32);
    block[15] = (uint32_t)(bytes * 8);
    compress(state, block);
}

// The next 64 bytes of the message, as the big-endian words that the hash works on.
static void generate(uint32_t block[16], uint32_t *random)
{
    uint32_t x = *random;
    for (unsigned i = 0; i < 16; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        block[i] = x;
    }
    *random = x;
}

int main(int argc, char **argv)
{
    static const uint32_t answer[8] = {0x55b974a9, 0x3223cca9, 0x033e0472, 0x448be8a2,
                                       0x9904121f, 0x079e92e1, 0x5f6942ca, 0x1652542c};
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint64_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : DEFAULT_MIB;
    uint32_t random = 1;
    for (uint64_t done = 0; done < mib * MIB; done += BLOCK_BYTES) {
        uint32_t block[16];
        generate(block, &random);
        compress(state, block);
    }
    finish(state, mib * MIB);
    for (unsigned i = 0; i < 8; i++) {
        printf("%08x", (unsigned)state[i]);
    }
    printf("  %u MiB\n", (unsigned)mib);
    if (mib == DEFAULT_MIB && memcmp(state, answer, sizeof state) != 0) {
        printf("WRONG: this is not the known answer\n");
        return 1;
    }
    return 0;
}
