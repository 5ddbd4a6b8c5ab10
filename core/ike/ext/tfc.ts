// ESP_TFC_PADDING_NOT_SUPPORTED [RFC 7296 §1.3.1, §3.10.1]: this side does not accept padding for traffic flow confidentiality in
// the Child SA. In a tunnel whose inner packets have their own length the core cuts it off, and Diet-ESP's rules leave a peer no
// place for it. In transport mode nothing tells it from payload. Nothing is read: this code never pads.

import { MODE_TRANSPORT } from '../../dietesp/attributes.ts';
import { N_ESP_TFC_PADDING_NOT_SUPPORTED } from '../codec/numbers.ts';
import { NONE } from '../codec/octets.ts';
import { addStatus } from '../codec/payloads.ts';
import type { Extension } from '../state/ike.ts';
import { isChildRequest, isChildResponse } from '../state/step.ts';

/** Tells the peer that Child SAs in transport mode take no TFC padding [RFC 7296 §3.10.1]. */
export const tfcNotSupported: Extension = {
  add: (_ike, _sa, step, draft, w) => {
    if (draft === null || draft.mode !== MODE_TRANSPORT) return;
    if (isChildRequest(step) || isChildResponse(step)) addStatus(w, N_ESP_TFC_PADDING_NOT_SUPPORTED, NONE);
  },
  read: () => 0,
};
