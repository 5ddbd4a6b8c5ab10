// `dietesp keygen`: a pre-shared key, or an Ed25519 pair.

import { existsSync } from 'node:fs';
import { Argument, Command } from 'commander';
import { CommandError } from '../host/errors.ts';
import { newKeyPair, newPsk, PSK_BITS, PSK_BITS_MAX, PSK_BITS_MIN, writeSecret } from '../tools/keys.ts';

interface Options {
  bits?: string;
  out?: string;
  json?: boolean;
}

function psk(options: Options): void {
  if (options.out !== undefined) throw new CommandError('--out: goes with ed25519; a pre-shared key is printed', 2);
  const bits = options.bits === undefined ? PSK_BITS : Number(options.bits);
  if (!(bits >= PSK_BITS_MIN && bits <= PSK_BITS_MAX && bits % 8 === 0)) {
    throw new CommandError(`--bits: ${options.bits}: must be ${PSK_BITS_MIN}..${PSK_BITS_MAX}, a multiple of 8`, 2);
  }
  const key = newPsk(bits);
  const [hex, base64] = [key.toString('hex'), key.toString('base64')];
  process.stdout.write(
    options.json === true
      ? JSON.stringify({ bits, pskHex: hex, base64 }) + '\n'
      : `# ${bits} bits; the same line on both sides, in the file of the gateway and in that of the sensor:\n` +
          `auth: { pskHex: ${hex} }\n` +
          `# the same key in the secrets section of strongSwan:\n# secret = 0s${base64}\n`,
  );
}

function ed25519(options: Options): void {
  if (options.bits !== undefined) throw new CommandError('--bits: goes with psk; keys of Ed25519 have one size', 2);
  const pair = newKeyPair();
  const { out } = options;
  if (out === undefined) {
    process.stdout.write(
      options.json === true
        ? JSON.stringify({ privateKey: pair.privateHex, publicKey: pair.publicHex }) + '\n'
        : `# this side:\nprivateKey: ${pair.privateHex}\n# the other side, which verifies this one:\npublicKey: ${pair.publicHex}\n`,
    );
    return;
  }
  const [privateFile, publicFile] = [`${out}.key`, `${out}.pub`];
  // Neither is written where the other would be refused.
  for (const file of [privateFile, publicFile]) {
    if (existsSync(file)) throw new CommandError(`${file}: exists already`);
  }
  writeSecret(privateFile, pair.privatePem);
  writeSecret(publicFile, pair.publicPem);
  process.stdout.write(
    options.json === true
      ? JSON.stringify({ privateKey: privateFile, publicKey: publicFile }) + '\n'
      : `${privateFile}: keep it here; in the file of this side:       auth: { privateKey: ${privateFile} }\n` +
          `${publicFile}: copy it; in the file of the other side:  auth: { publicKey: ${publicFile} }\n`,
  );
}

export function keygenCommand(): Command {
  return new Command('keygen')
    .description(
      'Makes a pre-shared key, or an Ed25519 pair (PEM, which gateways, sensors and strongSwan read), and says where to put ' +
        'it. Only the owner can read the files; none is overwritten.',
    )
    .addArgument(new Argument('<kind>', 'what to make').choices(['psk', 'ed25519']))
    .option('--bits <n>', `of a pre-shared key, ${PSK_BITS_MIN}..${PSK_BITS_MAX}; default ${PSK_BITS}`)
    .option('--out <name>', 'write the pair to NAME.key and NAME.pub; default: print it')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  $ dietesp keygen psk\n  $ dietesp keygen ed25519 --out gateway')
    .action((kind: string, options: Options) => (kind === 'psk' ? psk(options) : ed25519(options)));
}
