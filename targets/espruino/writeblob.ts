export { type BlobFields, writeBlob } from '../board/writeblob.ts';
