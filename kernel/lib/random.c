// SPDX-License-Identifier: MIT
// The random generator. Fast key erasure (Bernstein, 2017): ChaCha20 runs with the current key, the
// first half of the block becomes the next key, and only the other half is given out, each byte
// once and then wiped. Who reads the kernel's memory afterwards cannot compute what was given out
// before.
#include "kernel/lib/random.h"

#include "kernel/debug/log.h"
#include "kernel/lib/spinlock.h"
#include <string.h>

#define BLOCK_BYTES 64u
#define KEY_BYTES   32u

static struct spinlock random_lock = SPINLOCK_INIT("random", LOCK_RANDOM);
static uint32_t key[8]; // random_lock, as the next two
static uint8_t pool[BLOCK_BYTES - KEY_BYTES];
static size_t pool_left; // its last bytes have not been given out

static inline uint32_t rotate(uint32_t v, unsigned bits) { return v << bits | v >> (32 - bits); }

static inline void quarter_round(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

void chacha20_block(const uint32_t block_key[8], uint32_t counter, const uint32_t nonce[3],
                    uint8_t out[64])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; // "expand 32-byte k"
    memcpy(&start[4], block_key, KEY_BYTES);
    start[12] = counter;
    memcpy(&start[13], nonce, 12);
    uint32_t s[16];
    memcpy(s, start, sizeof(s));
    for (unsigned round = 0; round < 20; round += 2) {
        for (unsigned i = 0; i < 4; i++) { // columns
            quarter_round(s, i, 4 + i, 8 + i, 12 + i);
        }
        for (unsigned i = 0; i < 4; i++) { // diagonals
            quarter_round(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        uint32_t word = s[i] + start[i];
        for (unsigned byte = 0; byte < 4; byte++) {
            out[4 * i + byte] = (uint8_t)(word >> (8 * byte));
        }
    }
}

// memset on memory that is dead afterwards may be left out by the compiler; this may not.
static void wipe(void *p, size_t n)
{
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

void random_seed(const void *seed, size_t bytes, uint64_t counter)
{
    uint8_t block[BLOCK_BYTES];
    uint32_t nonce[3] = {(uint32_t)counter, (uint32_t)(counter >> 32), 1};
    size_t done = 0;
    spin_lock(&random_lock);
    do { // each round folds 32 bytes into the key and scrambles it
        for (size_t i = 0; i < KEY_BYTES && done < bytes; i++, done++) {
            ((uint8_t *)key)[i] ^= ((const uint8_t *)seed)[done];
        }
        chacha20_block(key, (uint32_t)done, nonce, block);
        memcpy(key, block, KEY_BYTES);
    } while (done < bytes);
    wipe(pool, sizeof(pool));
    pool_left = 0; // what comes from now on depends on the seed
    spin_unlock(&random_lock);
    wipe(block, sizeof(block));
}

static void pool_fill_locked(void)
{
    static const uint32_t nonce[3];
    uint8_t block[BLOCK_BYTES];
    chacha20_block(key, 0, nonce, block);
    memcpy(key, block, KEY_BYTES);
    memcpy(pool, block + KEY_BYTES, sizeof(pool));
    pool_left = sizeof(pool);
    wipe(block, sizeof(block));
}

void random_bytes(void *buf, size_t bytes)
{
    ASSERT(bytes <= RANDOM_MAX);
    spin_lock(&random_lock);
    for (uint8_t *to = buf; bytes > 0;) {
        if (pool_left == 0) {
            pool_fill_locked();
        }
        size_t n = bytes < pool_left ? bytes : pool_left;
        uint8_t *from = pool + sizeof(pool) - pool_left;
        memcpy(to, from, n);
        wipe(from, n);
        to += n;
        bytes -= n;
        pool_left -= n;
    }
    spin_unlock(&random_lock);
}

uint64_t random_u64(void)
{
    uint64_t v;
    random_bytes(&v, sizeof(v));
    return v;
}
