// The names of radios and sockets, for a store and for other gateways: places in lists change with the configuration.

import type { Carriers } from './carriers.ts';

export interface Places {
  nameOf(port: number): string;
  /** The radio or socket with this name; -1: there is none. */
  portOf(name: string): number;
  /** The same, or another one of its kind by which a peer at an address of `size` octets may be reached. */
  likeOf(name: string, size: number): number;
}

/** `radios`: their names, in their order. */
export function createPlaces(radios: string[], carriers: Carriers): Places {
  const nameOf = (port: number): string => (port < radios.length ? `radio ${radios[port]}` : carriers.placeOf(port));
  const ports = new Map<string, number>(carriers.places());
  for (let port = 0; port < radios.length; port++) ports.set(nameOf(port), port);
  const portOf = (name: string): number => ports.get(name) ?? -1;
  return {
    nameOf,
    portOf,
    likeOf(name, size) {
      const port = portOf(name);
      if (port >= 0) return port;
      if (name.startsWith('radio ')) return radios.length > 0 ? 0 : -1;
      if (!name.startsWith('udp ')) return -1;
      const index = carriers.udp.findIndex((one) => one.isOpen && one.local.length === size);
      return index < 0 ? -1 : radios.length + index;
    },
  };
}
