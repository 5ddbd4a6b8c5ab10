// Quick crash detection, the side that makes tokens [RFC 6290 §2.2, §4, §5, §9.1]: a gateway gives the token of each IKE SA to its
// peer, and after a crash shows it to a peer that still uses that SA. What it makes of a secret that outlives the process:
//
//   token = first 16 octets of prf(secret, SPIi | SPIr | address of this side)
//
// The address keeps a token of one gateway from ending the SA of another that shares the secret. A token ends an SA, so
// none is made while an IKE SA with either SPI is here.

import { u32 } from '../../base/bytes.ts';
import type { Provider } from '../../crypto/provider.ts';
import {
  addNotify,
  beginMessage,
  createPayloads,
  endMessage,
  findPayload,
  IKE_EXCHANGE,
  IKE_FLAGS,
  IKE_MESSAGE_ID,
  IKE_NEXT,
  IKE_SIZE,
  IKE_SPI_I,
  parsePayloads,
  type Writer,
} from '../codec/message.ts';
import {
  FLAG_INITIATOR,
  FLAG_RESPONSE,
  IKE_SA_INIT,
  IKE_SESSION_RESUME,
  INFORMATIONAL,
  N_INVALID_IKE_SPI,
  N_INVALID_SPI,
  N_QCD_TOKEN,
  PAYLOAD_SK,
  PAYLOAD_SKF,
  PROTOCOL_IKE,
} from '../codec/numbers.ts';
import { join, NONE, same, take } from '../codec/octets.ts';
import { addStatus, spiOctets } from '../codec/payloads.ts';
import { prf } from '../crypto/keys.ts';
import { spiKey } from '../exchange/registry.ts';
import { noteOf, setNote } from '../state/child.ts';
import type { Extension, Ike, Unprotected } from '../state/ike.ts';
import type { Path } from '../state/path.ts';
import { STEP_IDENT_RESPONSE, STEP_INFORMATIONAL_REQUEST, STEP_REKEY_RESPONSE } from '../state/step.ts';

/** Octets of a token, the fewest that there may be [RFC 6290 §4.1]. */
const TOKEN_SIZE = 16;
/** Octets of the smallest SK payload: an IV and an ICV of 8 octets each, and Pad Length. */
const SK_MIN = 17;
/** Of which IKE SA that this side rekeyed the token was told: its own SPI. */
const TOLD = 'crash-told';

/** Options of `createCrashMaker`. */
export interface CrashMakerConfig {
  provider: Provider;
  /** 16 octets or more that outlive the process; null: no tokens, `INVALID_IKE_SPI` alone. */
  secret: Uint8Array | null;
  /** True when an IKE SA with one of these SPIs (16 octets) lives elsewhere in this host: at another endpoint, in a store. */
  isHeld(spis: Uint8Array): boolean;
  /** True when one more unprotected answer may go to `path`, at `now` (ms). */
  allows(path: Path, now: number): boolean;
}

/** Both parts of an endpoint that makes tokens. */
export interface CrashMaker {
  /** For `IkeConfig.extensions`. */
  extension: Extension;
  /** For `IkeConfig.unprotected`. */
  unprotected: Unprotected;
}

/**
 * Makes the side of a gateway [RFC 6290]. After a rekey by the gateway its host probes the new IKE SA: the probe has the
 * token [RFC 6290 §4.3].
 */
export function createCrashMaker(config: CrashMakerConfig): CrashMaker {
  const secret = config.secret;
  const outer = createPayloads();

  function tokenOf(spis: Uint8Array, path: Path): Uint8Array {
    return take(prf(config.provider, secret!, join([spis, path.local])), 0, TOKEN_SIZE);
  }

  function addToken(w: Writer, spis: Uint8Array, path: Path): void {
    addNotify(w, PROTOCOL_IKE, N_QCD_TOKEN, NONE, tokenOf(spis, path));
  }

  return {
    extension: {
      add: (_ike, sa, step, _draft, w) => {
        if (secret === null) return;
        if (step === STEP_IDENT_RESPONSE || step === STEP_REKEY_RESPONSE) addToken(w, sa.spis, sa.path);
        // In the answer to its own rekey the peer has told its SPI; now both are known here.
        if (step !== STEP_INFORMATIONAL_REQUEST || !sa.initiator) return;
        // Notes go on to the next IKE SA: which one was told of counts.
        const own = take(sa.spis, 0, 8);
        if (same(noteOf(sa.notes, TOLD), own)) return;
        setNote(sa.notes, TOLD, own);
        addToken(w, sa.spis, sa.path);
      },
      read: () => 0,
    },
    unprotected: {
      unknown: (ike) => {
        const d = ike.incoming;
        const b = d.buffer;
        const at = d.offset;
        const exchange = b[at + IKE_EXCHANGE];
        if (exchange === IKE_SA_INIT || exchange === IKE_SESSION_RESUME) return;
        if (parsePayloads(outer, b, b[at + IKE_NEXT], at + IKE_SIZE, at + d.length) !== 0) return;
        let sk = findPayload(outer, PAYLOAD_SK, 0);
        if (sk < 0) sk = findPayload(outer, PAYLOAD_SKF, 0);
        if (sk < 0 || outer.size[sk] < SK_MIN) return;
        const spis = take(b, at + IKE_SPI_I, 16);
        // Whatever the flag says about whose SPI is whose.
        if (ike.bySpi[spiKey(spis, 0)] !== undefined || ike.bySpi[spiKey(spis, 8)] !== undefined) return;
        if (config.isHeld(spis) || !config.allows(d.path, d.now)) return;
        const w = ike.writer;
        const flags = FLAG_RESPONSE | (FLAG_INITIATOR - (b[at + IKE_FLAGS] & FLAG_INITIATOR));
        beginMessage(w, 0, spis, exchange, flags, u32(b, at + IKE_MESSAGE_ID));
        addStatus(w, N_INVALID_IKE_SPI, NONE);
        if (secret !== null) addToken(w, spis, d.path);
        ike.upper.transmit(d.path, ike.replyTo, w.buffer, 0, endMessage(w), d.now);
      },
      stray: () => {},
      hint: () => {},
    },
  };
}

/**
 * An unprotected message that says: ESP with this SPI is unknown here [RFC 7296 §1.5]. It is part of no exchange, and nobody
 * answers it.
 */
export function invalidSpi(ike: Ike, spi: number): Uint8Array {
  const w = ike.writer;
  beginMessage(w, 0, new Uint8Array(16), INFORMATIONAL, FLAG_INITIATOR, 0);
  addStatus(w, N_INVALID_SPI, spiOctets(spi, 4));
  return take(w.buffer, 0, endMessage(w));
}
