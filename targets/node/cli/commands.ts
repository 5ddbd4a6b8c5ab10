// The commands. The module of each is imported when it is asked for, so that `--help` and `--version` start fast.

import type { Command } from 'commander';

export interface Entry {
  name: string;
  summary: string;
  load(): Promise<Command>;
}

export const COMMANDS: Entry[] = [
  {
    name: 'demo',
    summary: 'a sensor and a gateway over an emulated radio link',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  {
    name: 'build',
    summary: 'what a board runs: firmware or a script, and its sizes',
    load: async () => (await import('./build.ts')).buildCommand(),
  },
  {
    name: 'flash',
    summary: 'put it on the board',
    load: async () => (await import('./flash.ts')).flashCommand(),
  },
  {
    name: 'bridge',
    summary: 'boards whose radio is a UART, on the air of a gateway',
    load: async () => (await import('./bridge.ts')).bridgeCommand(),
  },
  {
    name: 'run',
    summary: 'a board in an emulator, with a gateway to talk to',
    load: async () => (await import('./run.ts')).runCommand(),
  },
  {
    name: 'sensor',
    summary: 'a sensor that connects with IKEv2, over a radio or UDP',
    load: async () => (await import('./sensor.ts')).sensorCommand(),
  },
  {
    name: 'provision',
    summary: 'identity, key and peer of a board, as the blob that its firmware reads',
    load: async () => (await import('./provision.ts')).provisionCommand(),
  },
  {
    name: 'init',
    summary: 'a folder with the files of a gateway and its sensors, which work at once',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  {
    name: 'keygen',
    summary: 'a pre-shared key, or an Ed25519 pair',
    load: async () => (await import('./keygen.ts')).keygenCommand(),
  },
  {
    name: 'keylog',
    summary: 'keys with which Wireshark decrypts',
    load: async () => (await import('./keylog.ts')).keylogCommand(),
  },
  {
    name: 'gateway',
    summary: 'a gateway for peers on radios and UDP, with IKEv2',
    load: async () => (await import('./gateway.ts')).gatewayCommand(),
  },
  {
    name: 'check',
    summary: 'the files of gateways, sensors and SAs, all errors at once',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  {
    name: 'compress',
    summary: 'IP packets of a capture to Diet-ESP frames on IEEE 802.15.4',
    load: async () => (await import('./compress.ts')).compressCommand(),
  },
  {
    name: 'decompress',
    summary: 'Diet-ESP frames of a capture back to IP packets',
    load: async () => (await import('./compress.ts')).decompressCommand(),
  },
  {
    name: 'explain',
    summary: 'a packet field by field: rule, what is sent, bits, clause',
    load: async () => (await import('./explain.ts')).explainCommand(),
  },
  {
    name: 'rules',
    summary: 'the three rules derived from an SA',
    load: async () => (await import('./rules.ts')).rulesCommand(),
  },
  {
    name: 'budget',
    summary: 'octets, frames and air time of a payload per protocol stack',
    load: async () => (await import('./budget.ts')).budgetCommand(),
  },
  {
    name: 'vectors',
    summary: 'run test vectors, on Node or on another engine',
    load: async () => (await import('./vectors.ts')).vectorsCommand(),
  },
  {
    name: 'schema',
    summary: 'the schema of the files of gateways, sensors and SAs',
    load: async () => (await import('./schema.ts')).schemaCommand(),
  },
];
