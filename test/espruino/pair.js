// Runs on Espruino: two devices of the module, with two functions as radio between them, send a payload each way. The test
// replaces MODULE with the module's name.
var dietesp = require('MODULE');
function hex(text) {
  var octets = new Uint8Array(text.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = parseInt(text.substr(2 * i, 2), 16);
  return octets;
}
function radio() {
  var own = {
    onFrame: null,
    peer: null,
    clear: () => true,
    transmit: (buffer, offset, length) => {
      var frame = new Uint8Array(length);
      for (let i = 0; i < length; i++) frame[i] = buffer[offset + i];
      setTimeout(() => {
        if (own.peer.onFrame) own.peer.onFrame(frame, 0, length);
      }, 1);
    },
    poll: () => {},
    nextTimeout: () => -1,
  };
  return own;
}
var air = [radio(), radio()];
air[0].peer = air[1];
air[1].peer = air[0];
var inner = [hex('20010db8000100000000000000000002'), hex('20010db8000200000000000000000001')];
var outer = [hex('fe80000000000000000000fffe000002'), hex('fe80000000000000000000fffe000001')];
var sas = [
  { spi: 4097, key: hex('000102030405060708090a0b0c0d0e0f'), salt: hex('a0a1a2') },
  { spi: 4098, key: hex('101112131415161718191a1b1c1d1e1f'), salt: hex('b0b1b2') },
];
function device(n, received) {
  return dietesp.device({
    radio: air[n],
    panId: 0xabcd,
    shortAddress: 2 - n,
    extendedAddress: new Uint8Array(8),
    gateway: new Uint8Array([0, 1 + n]),
    address: inner[n],
    peer: inner[1 - n],
    tunnel: outer[n],
    tunnelPeer: outer[1 - n],
    port: 5683,
    peerPort: 5683,
    up: sas[n],
    down: sas[1 - n],
    spiBits: 8,
    snBits: 8,
    ackWait: 1000,
    reserved: 128 * n,
    reserve: (upTo) => {
      print('reserve', n, upTo);
    },
    received: received,
  });
}
var sensor = device(0, (octets) => {
  print('sensor got', E.toString(octets));
  sensor.stop();
  server.stop();
  print('end');
});
var server = device(1, (octets) => {
  print('server got', E.toString(octets));
  server.send(E.toUint8Array('answer'), null);
});
print(
  'tag',
  sensor.send(E.toUint8Array('hello'), (result) => {
    print('done', result);
  }) > 0,
);
