// Reassembles one message from its SKF fragments [RFC 7383 §2.6]. It gets only fragments whose ICV verified. The contents are
// always in the order of their numbers: a late one moves the later ones.

import { DROP_DUPLICATE, DROP_FRAGMENT, DROP_TOO_LONG } from '../../base/drop.ts';
import { copy } from '../../base/spans.ts';
import type { Content } from './payloads.ts';

/** Most fragments of a message. */
export const MAX_FRAGMENTS = 32;

/** The fragments of one message that came so far [RFC 7383 §2.6]. */
export interface Fragments {
  /** Contents of the fragments so far; when complete, the payloads of the message. */
  buffer: Uint8Array;
  /** Message ID of the message. */
  messageId: number;
  /** Fragments of the message; 0: nothing is stored. */
  total: number;
  /** Fragments that are there. */
  count: number;
  /** Octets in `buffer`. */
  used: number;
  /** Type of the message's first payload, from fragment 1. */
  first: number;
  /** Octets of fragment n at index n - 1; -1: missing. */
  sizes: Int32Array;
}

/** Forgets what is stored. */
export function resetFragments(f: Fragments): void {
  f.total = 0;
  f.count = 0;
  f.used = 0;
  f.first = 0;
  for (let i = 0; i < MAX_FRAGMENTS; i++) f.sizes[i] = -1;
}

/** Room for a message with payloads of `maxSize` octets. */
export function createFragments(maxSize: number): Fragments {
  const f: Fragments = {
    buffer: new Uint8Array(maxSize),
    messageId: 0,
    total: 0,
    count: 0,
    used: 0,
    first: 0,
    sizes: new Int32Array(MAX_FRAGMENTS),
  };
  resetFragments(f);
  return f;
}

/**
 * Stores the opened fragment with the content buffer[opened.at..). Another message ID, or a larger total, begins anew.
 * Returns 0 while fragments are missing; when this was the last missing one, the octets of the payloads in f.buffer,
 * the first of type f.first; or DROP_FRAGMENT (not a fragment, more than 32, a total smaller than before),
 * DROP_DUPLICATE, DROP_TOO_LONG.
 */
export function addFragment(f: Fragments, messageId: number, opened: Content, buffer: Uint8Array): number {
  const index = opened.number - 1;
  if (index < 0 || index >= opened.total || opened.total > MAX_FRAGMENTS) return DROP_FRAGMENT;
  if (messageId !== f.messageId || opened.total > f.total) {
    resetFragments(f);
    f.messageId = messageId;
    f.total = opened.total;
  }
  if (opened.total < f.total) return DROP_FRAGMENT;
  if (f.sizes[index] >= 0) return DROP_DUPLICATE;
  if (f.used + opened.size > f.buffer.length) return DROP_TOO_LONG;
  let at = 0;
  for (let i = 0; i < index; i++) if (f.sizes[i] > 0) at += f.sizes[i];
  copy(f.buffer, at + opened.size, f.buffer, at, f.used - at);
  copy(f.buffer, at, buffer, opened.at, opened.size);
  f.sizes[index] = opened.size;
  f.used += opened.size;
  f.count++;
  if (index === 0) f.first = opened.first;
  return f.count === f.total ? f.used : 0;
}

/**
 * The part of an endpoint that takes fragments. A board may omit it.
 *
 * @noSelf
 */
export interface Defragmenter {
  /** Memory for a message of at most `maxSize` octets; one for each IKE SA that gets fragments. */
  create(maxSize: number): Fragments;
  /** Octets of the inner payloads when complete, 0 when not, or a drop code. */
  add(fragments: Fragments, messageId: number, opened: Content, buffer: Uint8Array): number;
}

/** RFC 7383, as an endpoint takes it. */
export const fragmentation: Defragmenter = { create: createFragments, add: addFragment };
