// What a reload did, as data and as text.

/** What a reload did. */
export interface Reloaded {
  /** Peers (connections) that are new, that differ, that are there no more. */
  added: number;
  /** Peers whose settings differ. */
  changed: number;
  /** Peers that are there no more. */
  removed: number;
  /** IKE SAs that were told to end. */
  ended: number;
  /** Fields whose change needs a restart: they are as before. */
  restart: string[];
}

/** `1 peer added, 2 changed; 3 IKE SAs end; needs a restart: tun`. */
export function reloadText({ added, changed, removed, ended, restart }: Reloaded): string {
  const parts = [`peers: ${added} added, ${changed} changed, ${removed} removed; ${ended} IKE SAs end`];
  if (restart.length > 0) parts.push(`needs a restart: ${restart.join(', ')}`);
  return parts.join('; ');
}
