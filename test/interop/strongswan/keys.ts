// Reads keys from a charon's log (ike and chd at level 4), to compare with ours and to make the tables that tshark decrypts
// with.

export interface IkeKeys {
  /** Such as `AES_CCM_8_128/PRF_HMAC_SHA2_256/CURVE_25519`. */
  proposal: string;
  /** 16 hexadecimal digits each; empty for an SA that a rekey made: the log does not tell. */
  spiI: string;
  spiR: string;
  /** Hexadecimal; those of a cipher hold its salt. Empty: there is none. With a PPK, SK_d, SK_pi and SK_pr mixed. */
  shared: string;
  skD: string;
  skAi: string;
  skAr: string;
  skEi: string;
  skEr: string;
  skPi: string;
  skPr: string;
}

export interface ChildKeys {
  /** Such as `AES_CCM_8_128/NO_EXT_SEQ`. */
  proposal: string;
  /** SPIs of this charon's inbound and outbound SA, 8 hexadecimal digits, and the key (with its salt) of each. */
  spiIn: string;
  spiOut: string;
  encrIn: string;
  encrOut: string;
  integIn: string;
  integOut: string;
}

export interface LoggedKeys {
  /** In the order of their making. */
  ike: IkeKeys[];
  child: ChildKeys[];
}

const IKE_FIELDS: Record<string, keyof IkeKeys> = {
  'Sk_d secret': 'skD',
  'Sk_ai secret': 'skAi',
  'Sk_ar secret': 'skAr',
  'Sk_ei secret': 'skEi',
  'Sk_er secret': 'skEr',
  'Sk_pi secret': 'skPi',
  'Sk_pr secret': 'skPr',
};

/** What one thread is at. */
interface Thread {
  dump: string;
  octets: string;
  left: number;
  shared: string;
  isInitiator: boolean;
  ike?: IkeKeys;
  child: Record<string, string>;
}

/** What the last handshake told; a responder makes its keys in another thread, with the next message. */
interface Told {
  ikeProposal: string;
  espProposal: string;
  spis: string;
}

function newThread(): Thread {
  return { dump: '', octets: '', left: 0, shared: '', isInitiator: false, child: {} };
}

/** Threads write their lines between each other's. Handshakes that overlap get each other's SPIs and proposals. */
export function loggedKeys(log: string): LoggedKeys {
  const threads: Record<string, Thread> = {};
  const told: Told = { ikeProposal: '', espProposal: '', spis: '' };
  const keys: LoggedKeys = { ike: [], child: [] };
  for (const line of log.split('\n')) {
    const found = /^(\d+)\[[A-Z]{3}\] (.*)$/.exec(line);
    if (found !== null) readLine((threads[found[1]] ??= newThread()), found[2], told, keys);
  }
  return keys;
}

function readLine(thread: Thread, text: string, told: Told, keys: LoggedKeys): void {
  const begin = /^(.+) => (\d+) bytes @/.exec(text);
  if (begin !== null) {
    thread.dump = begin[1];
    thread.octets = '';
    thread.left = Number(begin[2]);
    return;
  }
  const row = /^ +\d+: ((?:[0-9A-F]{2} )+)/.exec(text);
  if (row !== null && thread.left > 0) {
    // 16 octets a row; their text begins behind the sixteenth column.
    const octets = row[1].trim().split(' ').slice(0, Math.min(16, thread.left));
    thread.octets += octets.join('').toLowerCase();
    thread.left -= octets.length;
    if (thread.left === 0) dumped(thread, told, keys);
    return;
  }
  const proposal = /^selected proposal: (IKE|ESP):(.*)$/.exec(text);
  if (proposal?.[1] === 'IKE') told.ikeProposal = proposal[2];
  else if (proposal?.[1] === 'ESP') told.espProposal = proposal[2];
  const parsed = /^parsed \S+ (request|response) /.exec(text);
  if (parsed !== null) thread.isInitiator = parsed[1] === 'response';
  const spi = /^ +SPI 0x([0-9a-f]+), src /.exec(text);
  if (spi === null) return;
  const digits = spi[1].padStart(8, '0');
  const { child, isInitiator } = thread;
  if (child['in'] === undefined) child['in'] = digits;
  else {
    const [inbound, outbound] = isInitiator ? ['responder', 'initiator'] : ['initiator', 'responder'];
    keys.child.push({
      proposal: told.espProposal,
      spiIn: child['in'],
      spiOut: digits,
      encrIn: child['encryption ' + inbound] ?? '',
      encrOut: child['encryption ' + outbound] ?? '',
      integIn: child['integrity ' + inbound] ?? '',
      integOut: child['integrity ' + outbound] ?? '',
    });
    thread.child = {};
  }
}

function dumped(thread: Thread, told: Told, keys: LoggedKeys): void {
  const { dump: name, octets } = thread;
  const field = IKE_FIELDS[name];
  if (name === 'natd_chunk') told.spis = octets.slice(0, 32);
  else if (name.startsWith('shared ') && name.endsWith(' secret')) thread.shared = octets;
  else if (name === 'SKEYSEED') {
    const { ikeProposal: proposal, spis } = told;
    thread.ike = {
      proposal,
      spiI: spis.slice(0, 16),
      spiR: spis.slice(16),
      shared: thread.shared,
      skD: '',
      skAi: '',
      skAr: '',
      skEi: '',
      skEr: '',
      skPi: '',
      skPr: '',
    };
    told.spis = '';
    keys.ike.push(thread.ike);
  } else if (name === 'derive keys using PPK') thread.ike = keys.ike.at(-1);
  else if (field !== undefined && thread.ike !== undefined) thread.ike[field] = octets;
  else if (/^(encryption|integrity) (initiator|responder) key$/.test(name)) thread.child[name.slice(0, -4)] = octets;
}

// tshark's names; what is not here it does not decrypt. CCM with 8 octets of ICV: as CTR, unchecked (3: the flags of a
// counter block with a counter of 4 octets).
const IKE_CIPHERS: Record<string, string> = {
  AES_CCM_8_128: 'AES-CCM-128 with 8 octet ICV [RFC5282]',
  AES_CCM_16_128: 'AES-CCM-128 with 16 octet ICV [RFC5282]',
  AES_GCM_16_128: 'AES-GCM-128 with 16 octet ICV [RFC5282]',
};

/** Lines of tshark's `ikev2_decryption_table`, for SAs whose SPIs are known. */
export function ikeTable(keys: readonly IkeKeys[]): string[] {
  const lines: string[] = [];
  for (const { proposal, spiI, spiR, skEi, skEr } of keys) {
    const cipher = IKE_CIPHERS[proposal.split('/')[0]];
    if (cipher !== undefined && spiR !== '')
      lines.push(`${spiI},${spiR},${skEi},${skEr},"${cipher}",,,"NONE [RFC4306]"`);
  }
  return lines;
}

/** Lines of tshark's `esp_sa`, both directions of each Child SA. */
export function espTable(keys: readonly ChildKeys[]): string[] {
  const lines: string[] = [];
  for (const { proposal, spiIn, spiOut, encrIn, encrOut } of keys) {
    const cipher = proposal.split('/')[0];
    for (const [spi, key] of [
      [spiIn, encrIn],
      [spiOut, encrOut],
    ]) {
      const columns =
        cipher === 'AES_GCM_16_128'
          ? ['AES-GCM with 16 octet ICV [RFC4106]', '0x' + key, 'NULL', '']
          : cipher === 'AES_CCM_8_128'
            ? [
                'AES-CTR [RFC3686]',
                '0x' + key.slice(0, 32) + '03' + key.slice(32),
                'ANY 64 bit authentication [no checking]',
                '',
              ]
            : undefined;
      if (columns === undefined) continue;
      for (const family of ['IPv4', 'IPv6']) {
        lines.push([family, '*', '*', '0x' + spi, ...columns].map((column) => `"${column}"`).join(','));
      }
    }
  }
  return lines;
}
