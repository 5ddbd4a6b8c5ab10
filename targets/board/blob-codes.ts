// The frame of provisioning blobs, and why a blob is refused.

/** Why a blob is refused. */
export const BLOB_NONE = 1;
export const BLOB_MAGIC = 2;
export const BLOB_VERSION = 3;
export const BLOB_LENGTH = 4;
export const BLOB_CRC = 5;
export const BLOB_CBOR = 6;
export const BLOB_FIELD = 7;
/** It is for a device of another profile (targets/special/blob.ts). */
export const BLOB_PROFILE = 8;

/** Octets before the content, after it, and of the longest blob. */
export const BLOB_HEAD = 8;
export const BLOB_TAIL = 4;
export const BLOB_MAX = 1024;
