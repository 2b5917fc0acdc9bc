// SPDX-License-Identifier: MIT
// Filling the tree from the boot image, a ustar archive (POSIX.1-1988 "tar interchange format").
#ifndef RAMFS_ARCHIVE_H
#define RAMFS_ARCHIVE_H

#include "tree.h"

// Makes every directory, file and symbolic link of the archive that tree->memory.image holds; file
// contents stay in the image until they are changed. On an error *where (name of the entry, or a
// word on what is wrong) says what it was about; entries before it are there. ERR_CORRUPT: not an
// archive, or damaged.
status_t archive_load(struct tree *tree, char where[FS_NAME_MAX + 1]);

#endif
