// The look-up of an inbound packet's SA [draft-ietf-ipsecme-diet-esp §6.3; SPI-LOOKUP]. Within one scope (outer destination,
// and source unless the SA accepts any remote) no SA's on-wire SPI bits begin with another's, so at most one SA fits a packet.
// `createList` looks at every SA, which suits a board with few; gateways use sa-hash.ts.

import { getBits, power } from '../base/bits.ts';
import { copy, equal } from '../base/bytes.ts';
import type { Sa } from './sa.ts';

/** An SA's addresses for the look-up: the SA itself, or the result of `scopeOf` before there is one. */
export interface Scoped {
  /** Holds the outer addresses. */
  octets: Uint8Array;
  /** Where the SA's octets begin in `octets`. */
  base: number;
  /** Places of the addresses, in octets from `base` on. */
  form: {
    /** 0: found by both outer addresses, 1: by the local one, 2: by none. */
    scope: number;
    /** Offset of the outer source. */
    sourceAt: number;
    /** Octets of the outer source, 4 or 16; 0: none. */
    sourceSize: number;
    /** Offset of the outer destination. */
    destinationAt: number;
    /** Octets of the outer destination, 4 or 16; 0: none. */
    destinationSize: number;
  };
}

/** What a table asks of an SA. */
export interface Located extends Scoped {
  /** The whole SPI, 32 bits. */
  spi: number;
  /** Places of the addresses, and bits of the SPI on the wire. */
  form: Scoped['form'] & {
    /** Bits of the SPI on the wire, 0 to 32. */
    spiLsb: number;
  };
}

/**
 * Finds the inbound SA of a packet by its outer addresses and the SPI bits on the wire.
 *
 * @noSelf
 */
export interface SaTable<T extends Located = Sa> {
  /**
   * The SA for an ESP packet of `length` octets whose SPI bits are at `esp`, with outer addresses of `size` octets at `source`
   * and `destination`. Null: there is none.
   */
  find: (
    buffer: Uint8Array,
    source: number,
    destination: number,
    size: number,
    esp: number,
    length: number,
  ) => T | null;
  /** An SA that could be confused with one with this SPI, `bits` of it on the wire, and the scope of `sa`; or null. */
  conflict: (sa: Scoped, spi: number, bits: number) => T | null;
  /** Adds an SA; ask `conflict` first. */
  insert: (sa: T) => void;
  /** Takes an SA out; nothing happens if it is not there. */
  remove: (sa: T) => void;
  /** Every SA, in no order. */
  all: () => T[];
}

/** The scope of an inbound SA between these outer addresses of 4 or 16 octets; `anyRemote` as in SaConfig. */
export function scopeOf(local: Uint8Array, remote: Uint8Array, anyRemote: number): Scoped {
  const size = local.length;
  const octets = new Uint8Array(size + remote.length);
  copy(octets, 0, local, 0, size);
  copy(octets, size, remote, 0, remote.length);
  return {
    octets: octets,
    base: 0,
    form: {
      scope: anyRemote !== 0 ? 1 : 0,
      sourceAt: size,
      sourceSize: remote.length,
      destinationAt: 0,
      destinationSize: size,
    },
  };
}

/** True when the packet's addresses are in the SA's scope and its SPI bits are the SA's. */
export function fits(
  sa: Located,
  buffer: Uint8Array,
  source: number,
  destination: number,
  size: number,
  esp: number,
  length: number,
): boolean {
  const form = sa.form;
  return (
    form.spiLsb <= length * 8 &&
    getBits(buffer, esp * 8, form.spiLsb) === sa.spi % power(form.spiLsb) &&
    (form.scope > 1 ||
      (form.destinationSize === size && equal(sa.octets, sa.base + form.destinationAt, buffer, destination, size))) &&
    (form.scope > 0 || equal(sa.octets, sa.base + form.sourceAt, buffer, source, size))
  );
}

/** True when a packet could match both: the scopes overlap, and one's SPI bits begin with the other's. */
export function meets(sa: Scoped, spi: number, bits: number, other: Located): boolean {
  const a = sa.form;
  const b = other.form;
  if (a.scope < 2 && b.scope < 2) {
    if (a.destinationSize !== b.destinationSize) return false;
    const size = a.destinationSize;
    if (!equal(sa.octets, sa.base + a.destinationAt, other.octets, other.base + b.destinationAt, size)) return false;
    if (a.scope === 0 && b.scope === 0) {
      if (!equal(sa.octets, sa.base + a.sourceAt, other.octets, other.base + b.sourceAt, a.sourceSize)) return false;
    }
  }
  const common = Math.min(bits, b.spiLsb);
  return (
    Math.floor((spi % power(bits)) / power(bits - common)) ===
    Math.floor((other.spi % power(b.spiLsb)) / power(b.spiLsb - common))
  );
}

/** A table for a few SAs. */
export function createList<T extends Located = Sa>(): SaTable<T> {
  const sas: T[] = [];
  return {
    find: (buffer, source, destination, size, esp, length) => {
      for (let i = 0; i < sas.length; i++) {
        if (fits(sas[i], buffer, source, destination, size, esp, length)) return sas[i];
      }
      return null;
    },
    conflict: (sa, spi, bits) => {
      for (let i = 0; i < sas.length; i++) if (meets(sa, spi, bits, sas[i])) return sas[i];
      return null;
    },
    insert: (sa) => {
      sas.push(sa);
    },
    remove: (sa) => {
      for (let i = 0; i < sas.length; i++) {
        if (sas[i] !== sa) continue;
        sas[i] = sas[sas.length - 1];
        sas.pop();
        return;
      }
    },
    all: () => sas,
  };
}
