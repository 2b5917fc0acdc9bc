// SPDX-License-Identifier: MIT
// What the files of the WASI host share: checked access to the program's memory, descriptor lookup
// with rights, paths, and the translation of errors.
#ifndef WASM_WASI_INTERNAL_H
#define WASM_WASI_INTERNAL_H

#include "system.h"
#include "wasi.h"

// The bytes [ptr, ptr + len) of the program's memory, or NULL if they do not all lie in it. len 0
// is always good. The result is valid until the program runs again.
uint8_t *guest_span(struct wasi *w, uint32_t ptr, uint64_t len);
uint16_t guest_put_u32(struct wasi *w, uint32_t ptr, uint32_t value);
uint16_t guest_put_u64(struct wasi *w, uint32_t ptr, uint64_t value);

// Fields at any alignment, little-endian as both our architectures are.
uint32_t field_get_u32(const uint8_t *at);
uint64_t field_get_u64(const uint8_t *at);
uint16_t field_get_u16(const uint8_t *at);
void field_put_u16(uint8_t *at, uint16_t value);
void field_put_u32(uint8_t *at, uint32_t value);
void field_put_u64(uint8_t *at, uint64_t value);

uint16_t wasi_from_status(status_t status);

// The open descriptor, if it has all these rights: else WASI_BADF or WASI_NOTCAPABLE.
uint16_t fd_get(struct wasi *w, uint32_t fd, uint64_t rights, struct wasi_fd **entry);
// A free entry, the lowest from `from` on; WASI_MFILE when the table is full, WASI_NOMEM.
uint16_t fd_reserve(struct wasi *w, uint32_t from, uint32_t *fd);
uint8_t filetype_of(uint32_t fs_type);
void filestat_put(uint8_t *at, const struct fs_stat *stat);
// WASI's fstflags as a mask of fs_set_times; WASI_INVAL if contradictory.
uint16_t times_mask(uint32_t fst_flags, uint32_t *mask);

// A path argument, copied and ended with a zero byte. Refused: absolute ones and those that ".."
// leads out of the directory (WASI_NOTCAPABLE), empty ones, too long ones, embedded zero bytes, bad
// UTF-8.
struct wasi_path {
    char text[FS_PATH_MAX + 1];
};
uint16_t path_get(struct wasi *w, uint32_t ptr, uint32_t len, struct wasi_path *path);
// fd_get of a directory with the rights, then path_get.
uint16_t path_at(struct wasi *w, uint32_t fd, uint64_t rights, uint32_t ptr, uint32_t len,
                 struct wasi_fd **dir, struct wasi_path *path);

#endif
