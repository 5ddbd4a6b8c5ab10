// The package as users get it: `npm pack`, installed in an empty folder, used from TypeScript at its strictest, from a
// browser's bundle and from the command line. Examples of documents and of examples/ run as they are copied; only UDP
// ports become free ones.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { freePort } from '../support/free-ports.ts';
import { packageMissing } from '../support/packages.ts';
import { blocksOf, compile, installInto, type Packed, pack, root, runIn, runWell } from './kit.ts';

/** Octets of the tarball, and of minified bundles for browsers. */
const TARBALL_MAX = 2_200_000;
const SCHC_MAX = 20_000;
const CRYPTO_MAX = 60_000;

const PORTABLE = ['', '/device', '/schc', '/dietesp', '/eesp', '/ah', '/esp', '/ike', '/link', '/wire', '/crypto'];
const NODE = ['/node', '/node/gateway', '/node/radio', '/node/pcap', '/node/crypto', '/node/rules'];
const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

let packed: Packed;
let app: string;
let output: string;

before(async () => {
  packed = await pack();
  ({ app, output } = await installInto(packed));
});
after(() => packed?.remove());

/** A free UDP port of the loopback interface, and the socket that has it. */
async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

test('the tarball is small, and has examples, boards, their C and the sources that they are built from', () => {
  assert.ok(packed.size <= TARBALL_MAX, packed.size + ' octets');
  for (const file of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'examples/sensor.ts',
    'targets/node/examples/gateway.yaml',
    'boards/common/board.h',
    'boards/linux-program/board.json',
    'core/base/bytes.ts',
    'targets/lua/prelude.lua',
    'targets/build/root.ts',
  ]) {
    assert.ok(packed.files.includes(file), file);
  }
  assert.deepEqual(
    packed.files.filter((file) => /^(test|node_modules|build)\/|\.test\./.test(file)),
    [],
  );
});

test('links of the documents in the package lead to files that are in it', () => {
  const dead: string[] = [];
  const installed = join(app, 'node_modules', 'dietesp');
  for (const file of packed.files.filter((name) => name.endsWith('.md'))) {
    for (const [, to] of readFileSync(join(installed, file), 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (!/^[a-z]+:/.test(to) && !existsSync(join(installed, dirname(file), to))) dead.push(`${file}: ${to}`);
    }
  }
  assert.deepEqual(dead, []);
});

test('npm install says nothing that a user has to think about', () => {
  // The database of the state store brings its binary; npm 11 mentions the script that would look for one (README).
  const isKnown = (line: string): boolean =>
    /^npm warn install-scripts( +(classic-level@\S+ .*|1 package has .*|Run `npm install-scripts .*)?)?$/.test(line);
  assert.deepEqual(
    output.split('\n').filter((line) => /warn|error|deprecated/i.test(line) && !isKnown(line)),
    [],
  );
});

test('every entry has types that the strictest compiler takes, and loads', async () => {
  const text = (entries: readonly string[]): string =>
    entries.map((entry, i) => `import * as m${i} from 'dietesp${entry}';\n`).join('') +
    `export const names = [${entries.map((_entry, i) => `Object.keys(m${i})`).join(', ')}];\n`;
  writeFileSync(join(app, 'portable.ts'), text(PORTABLE));
  writeFileSync(join(app, 'node.ts'), text(NODE));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const all = Object.keys(manifest.exports).filter((name) => name !== './package.json');
  assert.deepEqual([...PORTABLE, ...NODE].map((name) => '.' + name).sort(), all.sort());
  for (const bundler of [false, true]) {
    await compile(app, ['portable.ts'], { bundler, types: [], outDir: null });
    await compile(app, ['node.ts'], { bundler, types: ['node'], outDir: null });
  }
  const script = [...PORTABLE, ...NODE].map((name) => `await import('dietesp${name}');`).join('\n');
  await runWell(app, process.execPath, ['--input-type=module', '-e', script]);
});

test('wrong constants do not compile', async () => {
  writeFileSync(
    join(app, 'wrong.ts'),
    `import { sensorPolicy } from 'dietesp/device';
import { CDA_LOWER, MODE_TUNNEL, type Attributes } from 'dietesp/dietesp';
const none = new Uint8Array(16);
const policy = sensorPolicy(none, none, none, none);
// @ts-expect-error: no authentication method
policy.localAuth = 77;
export function set(attributes: Attributes): void {
  attributes.ipsecMode = MODE_TUNNEL;
  attributes.dscpCda = CDA_LOWER;
  // @ts-expect-error: no mode
  attributes.ipsecMode = 7;
  // @ts-expect-error: no action
  attributes.dscpCda = 99;
}
`,
  );
  await compile(app, ['wrong.ts'], { bundler: false, types: [], outDir: null });
});

/** Writes TypeScript with free ports in place of fixed ones, compiles it, and returns the JavaScript's address. */
async function compiled(
  files: Record<string, string>,
  ports: Record<string, string>,
): Promise<(name: string) => string> {
  const names = Object.keys(files);
  mkdirSync(join(app, 'copied'), { recursive: true });
  for (const name of names) {
    let text = files[name];
    for (const [fixed, free] of Object.entries(ports)) text = text.replaceAll(fixed, free);
    writeFileSync(join(app, 'copied', name + '.ts'), text);
  }
  await compile(
    app,
    names.map((name) => `copied/${name}.ts`),
    { bundler: false, types: ['node'], outDir: 'out' },
  );
  return (name) => pathToFileURL(join(app, 'out', 'copied', name + '.js')).href;
}

const example = (name: string): string => readFileSync(join(app, 'examples', name), 'utf8');

test('examples/schc.ts compresses and restores', async () => {
  const at = await compiled({ schc: example('schc.ts') }, {});
  const script = `const m = await import('${at('schc')}');
    const small = m.compress(m.packet);
    console.log(small.length, Buffer.from(m.restore(small)).equals(Buffer.from(m.packet)));`;
  const { stdout } = await runWell(app, process.execPath, ['--input-type=module', '-e', script]);
  assert.deepEqual(stdout.trim().split('\n'), ['schc: 52 octets as 7 - restored 52', '7 true']);
});

test('examples/sensor.ts sets up its SA with examples/gateway.ts, and its reading is answered', async (t) => {
  const server = await bound();
  t.after(() => server.close());
  const zep = String(await freePort());
  server.on('message', (message, from) => server.send('thanks for ' + message, from.port, from.address));
  const at = await compiled({ sensor: example('sensor.ts'), gateway: example('gateway.ts') }, { '17754': zep });
  const yaml = readFileSync(join(app, 'targets/node/examples/gateway.yaml'), 'utf8');
  writeFileSync(
    join(app, 'gateway.yaml'),
    yaml.replace('17754', zep).replace('127.0.0.1:5683', '127.0.0.1:' + server.address().port),
  );
  const script = `const { startGateway } = await import('${at('gateway')}');
    const { sendReading } = await import('${at('sensor')}');
    const gateway = await startGateway('gateway.yaml');
    console.log('answer: ' + new TextDecoder().decode(await sendReading('21.5 degrees')));
    await gateway.close();`;
  const { stdout } = await runWell(app, process.execPath, ['--input-type=module', '-e', script]);
  assert.match(
    stdout,
    /sensor: connected with 4 messages, \d+ octets of IKE\n[\s\S]*answer: thanks for 21\.5 degrees\n/,
  );
});

test('the TypeScript of the documents compiles as it is printed, and the gateway and the device of docs/api.md talk', async (t) => {
  const server = await bound();
  t.after(() => server.close());
  const zep = String(await freePort());
  server.on('message', (message, from) => server.send('thanks for ' + message, from.port, from.address));
  const files: Record<string, string> = {};
  const named = new Map<string, string>();
  DOCUMENTS.forEach((document, i) => {
    blocksOf(document).forEach((block, j) => {
      files[`block${i}-${j}`] = block.text;
      if (document === 'docs/api.md' && block.name !== '') named.set(block.name, `block${i}-${j}`);
    });
  });
  const at = await compiled(files, { '17754': zep, '127.0.0.1:5683': '127.0.0.1:' + server.address().port });
  const script = `const { gateway } = await import('${at(named.get('gateway')!)}');
    const { send, driver, device, radio } = await import('${at(named.get('device')!)}');
    send(new TextEncoder().encode('21.5 degrees'));
    while (device.endpoint.received === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    driver.stop();
    radio.close();
    await gateway.close();`;
  const { stdout } = await runWell(app, process.execPath, ['--input-type=module', '-e', script]);
  assert.match(stdout, /answer of 23\n/);
});

/** A minified bundle for browsers: no module of Node is found there. */
async function browserBundle(contents: string): Promise<string> {
  const built = await build({
    stdin: { contents, resolveDir: app, loader: 'js' },
    bundle: true,
    platform: 'browser',
    format: 'iife',
    minify: true,
    write: false,
    logLevel: 'silent',
  });
  return built.outputFiles[0].text;
}

const SCHC_PROGRAM = `import { compileContext, ipv6, schcCompress, schcDecompress, udp } from 'dietesp/schc';
  const context = compileContext([{ ruleId: 5, ruleIdLength: 3, fields: [] }], [ipv6, udp]);
  const way = { direction: 1, dev: new Uint8Array(0), app: new Uint8Array(0) };
  const packet = Uint8Array.of(0x60, 0, 0, 0, 0, 0, 59, 64, ...new Uint8Array(32));
  const out = new Uint8Array(64), back = new Uint8Array(64);
  const length = schcCompress(context, way, packet, 0, 40, out, 0);
  const result = [length, schcDecompress(context, way, out, 0, length, back, 0)].join(' ');`;

const CRYPTO_PROGRAM = `import { ALG_AES_CCM, ALG_HMAC_SHA256, createNobleProvider, createPortableProvider } from 'dietesp/crypto';
  const macs = [createNobleProvider(), createPortableProvider()].map((provider) => {
    const out = new Uint8Array(32);
    provider.mac(provider.key(ALG_HMAC_SHA256, new Uint8Array(32)), new Uint8Array(8), 0, 8, out, 0);
    return out.join();
  });
  const random = new Uint8Array(70000);
  createPortableProvider().random(random, 0, 70000);
  const isRandom = random.slice(-64).some((octet) => octet !== 0);
  const result = [macs[0] === macs[1], isRandom, createPortableProvider().has(ALG_AES_CCM, 16)].join(' ');`;

const PROGRAMS: [string, string, string, number][] = [
  ['dietesp/schc', SCHC_PROGRAM, '41 40', SCHC_MAX],
  ['dietesp/crypto', CRYPTO_PROGRAM, 'true true true', CRYPTO_MAX],
];

for (const [name, program, expected, budget] of PROGRAMS) {
  test(name + ' bundles for browsers, within its budget', async () => {
    const text = await browserBundle(program + '\nglobalThis.result = result;');
    assert.ok(text.length <= budget, text.length + ' octets: at most ' + budget);
    assert.doesNotMatch(text, /node:|require\(/);
    const { stdout } = await runWell(app, process.execPath, ['-e', text + ';console.log(globalThis.result)']);
    assert.equal(stdout.trim(), expected);
  });

  test(name + ' runs in a browser', { skip: packageMissing('chromium') }, async () => {
    const text = await browserBundle(program + '\ndocument.title = document.body.textContent = result;');
    const page = join(app, 'page.html');
    writeFileSync(page, `<!doctype html><body></body><script>${text.replaceAll('</script', '<\\/script')}</script>`);
    const { stdout } = await runWell(app, 'chromium', [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
      ...['--user-data-dir=' + join(packed.folder, 'chromium'), '--dump-dom', pathToFileURL(page).href],
    ]);
    assert.match(stdout, new RegExp('<body>' + expected + '</body>|<title>' + expected + '</title>'));
  });
}

test('a global install: every command that needs no network', async () => {
  const prefix = join(packed.folder, 'global');
  const folder = join(packed.folder, 'elsewhere');
  mkdirSync(folder);
  await runWell(folder, 'npm', ['install', '--global', '--prefer-offline', '--prefix', prefix, packed.tarball]);
  const bin = join(prefix, 'bin', 'dietesp');
  const examples = join(prefix, 'lib/node_modules/dietesp/targets/node/examples');
  assert.ok(existsSync(bin));
  const run = async (...args: string[]): Promise<string> => (await runWell(folder, bin, args)).stdout;

  assert.match(await run('--help'), /gateway/);
  assert.match(await run('--version'), /^\d+\.\d+\.\d+\n$/);
  assert.match(await run('build', '--list'), /qemu-mps2-an386/);
  await run('gateway', '--check', '--config', join(examples, 'gateway.yaml'));
  await run('sensor', '--check', '--config', join(examples, 'sensor-ike.yaml'));
  assert.match(await run('vectors', join(root, 'test/vectors/diet-esp.json')), /\d+/);
  const script = `import { createPcapWriter, LINKTYPE_RAW } from 'dietesp/node/pcap';
    const packet = Uint8Array.from(Buffer.from('6000000000' + '0c1140' + '20010db8000100000000000000000002' +
      '20010db8000200000000000000000001' + '16331633000c73f201020304', 'hex'));
    const writer = createPcapWriter('in.pcap', LINKTYPE_RAW);
    writer.write(0, packet);
    writer.close();`;
  await runWell(app, process.execPath, ['--input-type=module', '-e', script]);
  await run('compress', '--sa', join(examples, 'sensor.yaml'), join(app, 'in.pcap'), 'out.pcap');
  assert.ok(existsSync(join(folder, 'out.pcap')));
  assert.match(await run('demo', '--count', '1'), /1 of 1|3 of 3/);

  // Boards: what is missing is told in one line.
  const built = await runIn(folder, bin, ['build', '--module', 'duktape', '--out', 'rock']);
  assert.equal(built.code, 1, built.stdout);
  assert.match(built.stderr, /npm install esbuild@\S+ typescript@\S+ typescript-to-lua@\S+/);
  assert.equal(built.stderr.trim().split('\n').length, 1);
});

test('boards are built from the installed package', async () => {
  // The checkout's tools, with what they need, as `npm install` would put them there.
  for (const name of ['esbuild', 'typescript', 'typescript-to-lua']) {
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
  const bin = join(app, 'node_modules/.bin/dietesp');
  await runWell(app, bin, ['build', '--module', 'duktape', '--out', 'duktape']);
  await runWell(app, bin, ['build', '--module', 'lua', '--out', 'lua']);
  assert.ok(readdirSync(join(app, 'lua')).some((name) => name.endsWith('.lua')));
  await runWell(app, bin, ['init', 'boards']);
  for (const device of [['--general'], ['--config', join('boards', 'sensor1.yaml')]]) {
    const { stdout } = await runWell(app, bin, ['build', '--board', 'espruino-linux', ...device, '--json']);
    assert.ok(JSON.parse(stdout).file.startsWith(join(app, 'build')), stdout);
  }
});
