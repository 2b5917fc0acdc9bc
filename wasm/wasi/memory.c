// SPDX-License-Identifier: MIT
// Checked access to the program's linear memory, and the translation of our errors into WASI's. No
// other file of the host touches w->memory.
#include "internal.h"

#include <string.h>

uint8_t *guest_span(struct wasi *w, uint32_t ptr, uint64_t len)
{
    static uint8_t nothing;
    if (len == 0) {
        return &nothing; // a pointer that is never followed
    }
    // ptr < 2^32, so the subtraction cannot wrap where the comparison before it holds.
    if (ptr >= w->memory_bytes || len > w->memory_bytes - ptr) {
        return NULL;
    }
    return w->memory + ptr;
}

uint16_t guest_put_u32(struct wasi *w, uint32_t ptr, uint32_t value)
{
    uint8_t *at = guest_span(w, ptr, sizeof value);
    if (at == NULL) {
        return WASI_FAULT;
    }
    field_put_u32(at, value);
    return WASI_SUCCESS;
}

uint16_t guest_put_u64(struct wasi *w, uint32_t ptr, uint64_t value)
{
    uint8_t *at = guest_span(w, ptr, sizeof value);
    if (at == NULL) {
        return WASI_FAULT;
    }
    field_put_u64(at, value);
    return WASI_SUCCESS;
}

uint16_t field_get_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

uint32_t field_get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

uint64_t field_get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

void field_put_u16(uint8_t *at, uint16_t value) { memcpy(at, &value, sizeof value); }

void field_put_u32(uint8_t *at, uint32_t value) { memcpy(at, &value, sizeof value); }

void field_put_u64(uint8_t *at, uint64_t value) { memcpy(at, &value, sizeof value); }

uint16_t wasi_from_status(status_t status)
{
    static const struct {
        status_t status;
        uint16_t error;
    } table[] = {
        {OK, WASI_SUCCESS},
        {ERR_ACCESS_DENIED, WASI_ACCES},
        {ERR_BAD_HANDLE, WASI_BADF},
        {ERR_INVALID_ARGS, WASI_INVAL},
        {ERR_NO_MEMORY, WASI_NOMEM},
        {ERR_QUOTA, WASI_NOMEM},
        {ERR_NO_SPACE, WASI_NOSPC},
        {ERR_OUT_OF_RANGE, WASI_FBIG},
        {ERR_NOT_FOUND, WASI_NOENT},
        {ERR_EXISTS, WASI_EXIST},
        {ERR_BUSY, WASI_BUSY},
        {ERR_TIMED_OUT, WASI_TIMEDOUT},
        {ERR_CANCELED, WASI_CANCELED},
        {ERR_NOT_SUPPORTED, WASI_NOTSUP},
        {ERR_NOT_DIR, WASI_NOTDIR},
        {ERR_IS_DIR, WASI_ISDIR},
        {ERR_NOT_EMPTY, WASI_NOTEMPTY},
        {ERR_NAME_TOO_LONG, WASI_NAMETOOLONG},
        {ERR_LOOP, WASI_LOOP},
        {ERR_READ_ONLY, WASI_ROFS},
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].status == status) {
            return table[i].error;
        }
    }
    return WASI_IO; // the server is gone, restarted, or broken
}
